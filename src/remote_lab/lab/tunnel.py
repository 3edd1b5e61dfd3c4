"""The tunnel: a port of the laptop that leads to the lab, through ssh.

One class owns a tunnel; it keeps no pid. ssh's own control socket, made for this
tunnel alone, answers whether it runs (-O check) and ends it (-O exit). Plain logins
have another socket, so they never carry the forward.
"""

import hashlib
import shlex
import socket
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from pathlib import Path

from remote_lab.errors import Problem
from remote_lab.lab import background
from remote_lab.lab.supervisor import Supervisor, supervisor
from remote_lab.tools.files import write_whole
from remote_lab.tools.programs import succeeds
from remote_lab.transport import agent
from remote_lab.transport.connection import Connection
from remote_lab.transport.process import run_quietly
from remote_lab.transport.ssh_config import (
    ask,
    ssh_config,
    target_file,
    tunnel_config,
    write_personal,
)
from remote_lab.transport.ssh_errors import explain
from remote_lab.ui import show


class Tunnel(ABC):
    """The way from 127.0.0.1:port to the lab of one remote."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.remote = connection.remote
        self.port = connection.remote.lab_port
        self.state = connection.project.state
        self.state.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._target = target_file(connection.project, connection.remote)

    @abstractmethod
    def is_up(self) -> bool:
        """Whether the process that carries it runs."""

    @abstractmethod
    def _start(self, target: str) -> None:
        """Start that process; return when the port listens."""

    @abstractmethod
    def _stop(self) -> None:
        """End that process."""

    def up(self, target: str) -> bool:
        """Forward the port to a target; safe to repeat.

        Args:
            target: A socket's path on the remote, or host:port there.

        Returns:
            Whether it had to be started.

        Raises:
            Problem: The port is taken, or the remote can't be reached.
        """
        wanted = f"{self.port} {target}"
        # Of two at once, the second finds it up: neither ends what the other starts.
        with background.alone(self.state / f"{self.remote.name}.starting"):
            if self.is_up():
                if self._read() == wanted:
                    return False
                self.down()
            self._check_port()
            write_whole(self._target, wanted)
            self._start(target)
        return True

    def down(self) -> bool:
        """Take the tunnel down.

        Returns:
            Whether there was one.
        """
        was = self.is_up()
        self._stop()  # a supervisor may be about to start it again
        return was

    def _read(self) -> str:
        try:
            return self._target.read_text(encoding="utf-8")
        except FileNotFoundError:
            return ""

    def _check_port(self) -> None:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", self.port))
            except OSError:
                raise self._busy() from None

    def _busy(self) -> Problem:
        free = _free_port(self.port)
        return Problem(
            f"Port {self.port} on this laptop is taken by {_holder(self.port)}.",
            "No tunnel was opened; the lab was left as it is.",
            "Stop that, or take another port:"
            f" {self.connection.command(f'install --lab-port {free}')}",
        )


class SshTunnel(Tunnel):
    """Through ssh, to the Host named after the remote, with "-lab"."""

    @property
    def _supervisor(self) -> Supervisor:
        name = f"remote-lab-tunnel-{self.remote.host}"
        return supervisor(name, self.state / f"{self.remote.name}.keeper")

    def command(self, *options: str) -> list[str]:
        """The tunnel's ssh: its Host has the forward, and ExitOnForwardFailure.

        Without the latter, ssh would run on without a forward if the port is taken.
        """
        # Short, whatever the names: 104 bytes is all that macOS gives a socket.
        name = f"{self.connection.project.slug}/{self.remote.name}"
        socket_name = "cm-lab-" + hashlib.sha256(name.encode()).hexdigest()[:16]
        control = str(Path.home() / ".ssh" / socket_name)
        # auto, and not -M, deletes the socket of one that ended. ControlPersist would
        # detach it, and end it when idle for a while.
        master = ["-o", "ControlMaster=auto", "-o", "ControlPersist=no", "-S", control]
        return [*self.connection.ssh(), *master, *options, f"{self.remote.host}-lab"]

    def is_up(self) -> bool:
        return succeeds(self.command("-O", "check"))

    def _start(self, target: str) -> None:
        write_personal(self.connection.project)
        with agent.set_aside(self.connection) as typed:
            started = self._start_supervised()
        if started:
            return
        config = str(ssh_config(self.connection.project))
        key = ask(["-F", config, self.remote.host])["identityfile"][0]
        key = shlex.quote(str(Path(key).expanduser()))
        if not typed and sys.stdin.isatty():
            show.note(
                "The tunnel is a connection of its own, and logs in once more: ssh may"
                f" ask again. Where an agent has your key, it does not: ssh-add {key}"
            )
        self._start_in_background()
        begin = 'eval "$(ssh-agent)" && ' if typed else ""
        down, up = map(self.connection.command, ("tunnel down", "tunnel up"))
        show.note(
            "This tunnel does not come back by itself after sleep, since its login"
            f" needs you. Where an agent has your key, it does: {begin}ssh-add {key} &&"
            f" {down} && {up}"
        )

    def _start_supervised(self) -> bool:
        """Under a supervisor, which can't answer ssh's questions: so this may fail."""
        own = self._supervisor
        if not own.start(self._forwarding("-o", "BatchMode=yes", "-N")):
            return False
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline and not own.failing():
            if self.is_up() and listens(self.port):
                return True
            time.sleep(0.05)
        own.stop()
        return False

    def _start_in_background(self) -> None:
        status, errors = run_quietly(self._forwarding("-f", "-N"))
        if status:
            if "forward" in errors or "in use" in errors:
                raise self._busy()
            raise explain(self.connection, errors)

    def _forwarding(self, *options: str) -> list[str]:
        """The tunnel's ssh with the configuration that has its forward."""
        config = tunnel_config(self.connection.project, self.remote)
        # Of an option that is given twice ssh takes the first, of -F the last.
        keep = ("-o", "ClearAllForwardings=no")
        ssh, *words = self.command("-F", str(config), *options)
        return [ssh, *keep, *words]

    def _stop(self) -> None:
        self._supervisor.stop()
        succeeds(self.command("-O", "exit"))


class SandboxTunnel(Tunnel):
    """To a folder on this machine: sandbox_relay.py does what ssh would."""

    @property
    def _lock(self) -> Path:
        return self.state / f"{self.remote.name}.relay"

    def is_up(self) -> bool:
        return background.is_held(self._lock)

    def _start(self, target: str) -> None:
        process = background.start(
            "lab.sandbox_relay", str(self.port), target, self._lock
        )
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline and process.poll() is None:
            if listens(self.port):
                return
            time.sleep(0.02)
        raise Problem(
            f"The relay to {target} did not start.",
            "The lab was left as it is.",
            f"Again: {self.connection.command('open')}",
        )

    def _stop(self) -> None:
        background.end(self._lock)


def tunnel(connection: Connection) -> Tunnel:
    """The tunnel to a remote, up or not."""
    kind = SandboxTunnel if connection.remote.sandbox else SshTunnel
    return kind(connection)


def listens(port: int) -> bool:
    """Whether something on this machine's loopback listens on a port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _free_port(after: int) -> int:
    near = [*range(after + 1, min(after + 200, 65536)), *range(after - 1, 1023, -1)]
    return next((port for port in near if not listens(port)), after)


def _holder(port: int) -> str:
    """The program that listens on a port, as far as this account may know."""
    for command, pick in (
        (["lsof", "-nP", "-Fpc", f"-iTCP:{port}", "-sTCP:LISTEN"], "lsof"),
        (["ss", "-Hltnp", f"sport = :{port}"], "ss"),
    ):
        try:
            output = subprocess.run(
                command, check=False, capture_output=True, text=True
            ).stdout
        except FileNotFoundError:
            continue
        if pick == "lsof" and output:
            fields = {line[0]: line[1:] for line in output.splitlines() if line}
            return f"{fields.get('c', '?')} (pid {fields.get('p', '?')})"
        if '(("' in output:
            name, _, rest = output.split('(("', 1)[1].partition('"')
            pid = rest.partition("pid=")[2].partition(",")[0]
            return f"{name} (pid {pid})"
    return "another program"
