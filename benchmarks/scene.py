"""The scene of a benchmark: a laptop, an sshd, a way between them, a project.

They are the tests' own: see tests/laptop.py, loopback.py and project.py.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Self

from distance import NEAR, far
from measure import BenchmarkFailed, Command, marked, run

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "src")]

from laptop import Laptop  # noqa: E402
from loopback import Loopback  # noqa: E402
from process import wait_until  # noqa: E402
from project import Project  # noqa: E402

HOST = "titanic"
# As the project's own Host is, but for the master: each login is a login.
COLD = """\
Host bare*
    ControlMaster no
    ControlPath none
Host live
    ControlMaster auto
    ControlPath ~/.ssh/live-%C
    ControlPersist 10m
Host shared
    ControlMaster auto
    ControlPath ~/.ssh/shared-%C
    ControlPersist 10m
Host bare live shared
    HostName {address}
Host bare* live shared
    Port {port}
    IdentityFile ~/.ssh/id_ed25519
    StrictHostKeyChecking accept-new
"""


class Server(Loopback):
    """The tests' sshd, whose sessions run as on any machine: without nss_wrapper.

    sshd itself still needs it, to find the home; what a push starts there does not,
    and each of its processes would pay for loading it.
    """

    def __init__(self, pubkey: str, address: str, homes: int = 1) -> None:
        """Make it.

        Args:
            pubkey: Who may log in.
            address: Where it listens.
            homes: How many homes it has: who logs in from `far(n)` has `homes[n]`.
        """
        self.address = address
        self._more = homes
        # It tells then whom it dropped, where there were too many at once.
        super().__init__(pubkey, config=["LogLevel VERBOSE"] if homes > 1 else [])
        self.homes = [self.home]
        for number in range(1, homes):
            self.homes.append(self._folder / f"home{number}")
            self.homes[-1].mkdir(mode=0o700)

    @property
    def folder(self) -> Path:
        """Where all of it lies, the home too; absolute paths on the remote."""
        return self._folder

    def _settings(self) -> list[str]:
        lines = super()._settings()
        environment = lines.pop().replace("LD_PRELOAD=libnss_wrapper.so ", "")
        lines.append(environment)
        for number in range(1, self._more):
            home = f"HOME={self._folder}/home{number}"
            lines += [
                f"Match Address {far(number)}",
                "    " + environment.replace(f"HOME={self.home}", home),
            ]
        return lines


class Way:
    """The way to the server, with its delay: see distance.py, which is its process."""

    def __init__(self, rtt: float, port: int) -> None:
        program = [sys.executable, str(Path(__file__).with_name("distance.py"))]
        self._process = subprocess.Popen(
            [*program, str(rtt), str(port)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        if self._said() != "up":
            raise BenchmarkFailed("the TUN device of distance.py could not be made")

    def figures(self) -> dict[str, int]:
        """What crossed since the last call."""
        assert self._process.stdin
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        told: dict[str, int] = json.loads(self._said())
        return told

    def close(self) -> None:
        """End it."""
        self._process.communicate()

    def _said(self) -> str:
        assert self._process.stdout
        return self._process.stdout.readline().strip()


class Scene:
    """Laptop, server, way and project; the project's remotes are all on the server."""

    def __init__(self, rtt: float, remotes: int = 1) -> None:
        self.rtt = rtt
        self.addresses = [far(n) for n in range(remotes)] if rtt else ["127.0.0.1"]
        # Whatever ends this, and be it in here, nothing goes on running.
        with ExitStack() as begun:
            self._begin(rtt, remotes, begun)
            self._all = begun.pop_all()

    def _begin(self, rtt: float, remotes: int, begun: ExitStack) -> None:
        self.laptop = Laptop()
        begun.callback(self.laptop.close)
        # Where these are set, uv reads some 150 certificates at each of its starts. And
        # there is no network here.
        for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
            self.laptop.env.pop(name, None)
        here = NEAR if rtt else self.addresses[0]
        self.server = Server(self.laptop.key, here, remotes)
        begun.callback(self.server.stop)
        self.way = Way(rtt, self.server.port) if rtt else None
        if self.way:
            begun.callback(self.way.close)
        self.server.start()
        self.project = self._project()
        hosts = COLD.format(address=self.addresses[0], port=self.server.port)
        for number, address in enumerate(self.addresses):
            hosts += f"Host bare{number}\n    HostName {address}\n"
        (self.laptop.home / ".ssh/config").write_text(hosts)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._all.close()

    @property
    def mark(self) -> bytes:
        """A text that all processes of the laptop have: see measure.marked."""
        return str(self.laptop.home.parent).encode()

    @property
    def names(self) -> list[str]:
        """The names of the project's remotes."""
        more = range(1, len(self.addresses))
        return [HOST, *(f"r{number}" for number in more)]

    def command(self, *argv: str, cwd: Path | None = None, **env: str) -> Command:
        """A command that the laptop's user types."""
        return Command(argv, cwd or self.laptop.home, {**self.laptop.env, **env})

    def run(self, *argv: str) -> str:
        """Run a command of the laptop's user; what it said.

        Raises:
            BenchmarkFailed: It failed.
        """
        return run(self.command(*argv)).output

    def settle(self) -> None:
        """End what the laptop left running, such as masters, and wait until it is so.

        After it, the next command finds no connection, and no processor busy with the
        end of the one before.
        """

        def quiet() -> bool:
            left = marked(self.mark)
            for process in left:
                with suppress(ProcessLookupError):
                    os.kill(int(process.name), signal.SIGTERM)
            return not left and not self.server.sessions()

        try:
            wait_until(quiet, "what ran on the laptop to end")
        except TimeoutError as error:
            raise BenchmarkFailed(str(error)) from None
        calm()
        for pattern in (".ssh/*-*", ".ansible/cp/*"):
            for socket in self.laptop.home.glob(pattern):
                if socket.is_socket():
                    socket.unlink()

    def ours(self) -> list[str]:
        """The project's own ssh, as ./remote calls it."""
        config = self.laptop.home / f".local/state/remote-lab/{HOST}/laptop/ssh_config"
        return ["ssh", "-F", str(config), "-T"]

    def _project(self) -> Project:
        first, *more = self.addresses
        port = self.server.port
        others = [
            {"name": f"r{number}", "host": address, "port": port}
            for number, address in enumerate(more, 1)
        ]
        answers = {
            "remote_host": first,
            "remote_port": port,
            "more_remotes": json.dumps(others),
        }
        return Project.rendered(self.laptop, answers)


def build_program() -> None:
    """Have uv build the program that ./remote pins: in the scene is no network."""
    with Laptop() as laptop:
        Project.rendered(laptop).remote("--help")


def calm(patience: float = 1) -> None:
    """Wait until the processors are idle, but for no longer than some seconds."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        before, began = _idle(), time.monotonic()
        time.sleep(0.05)
        share = (_idle() - before) / (time.monotonic() - began)
        if share > 0.8 * (os.cpu_count() or 1):
            return


def _idle() -> float:
    """How many seconds the processors have been idle, all added up."""
    return float(Path("/proc/uptime").read_text().split()[1])


def empty(folder: Path) -> None:
    """Take everything out of a folder."""
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def contents(folder: Path) -> dict[str, bytes]:
    """The files below a folder: path and content."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }
