"""An sshd on this machine, run by whoever runs the tests, for where there is no root.

One can log in only as oneself, but the session's home is a temporary folder and
its login shell is chosen. It has no systemd, whatever this machine runs: a unit
started from a test would else land in the developer's own session.
"""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from homes import Home
from process import kill_tree, run, wait_until

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

NO_SYSTEMD = """\
#!/bin/sh
echo "System has not been booted with systemd as init system (PID 1)." >&2
exit 1
"""


class Loopback:
    """A server on 127.0.0.1. Use it as a context manager, or `start` and `stop`."""

    address = "127.0.0.1"

    def __init__(
        self,
        pubkey: str = "",
        *,
        shell: str = "/bin/bash",
        config: Sequence[str] = (),
        home: str = "home",
    ) -> None:
        """Make the home and the configuration; nothing runs before `start`.

        Args:
            pubkey: Who may log in, as a line of authorized_keys. Lines that a
                test adds in the home's own ~/.ssh/authorized_keys count as well.
            shell: The login shell there.
            config: Lines for sshd_config, before ours, such as "MaxSessions 1".
            home: What the home is called.
        """
        self._home = Home("remote", shell, home)
        self.home = self._home.path
        self.user = pwd.getpwuid(os.geteuid()).pw_name
        self.port = free_port()
        self._folder = self._home.folder
        self._sshd: subprocess.Popen[bytes] | None = None
        (self._folder / "authorized_keys").write_text(pubkey)
        self._make_commands()
        key = self._folder / "host_key"
        run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)])
        lines = [*config, *self._settings()]
        (self._folder / "sshd_config").write_text("\n".join(lines) + "\n")

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start sshd and wait until it listens.

        Raises:
            RuntimeError: It ended at once; the message holds its log.
            TimeoutError: It does not answer.
        """
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(
                mode=0o755, exist_ok=True
            )  # where it locks itself in
        # By its full path: sshd starts itself anew for each connection.
        sshd = shutil.which("sshd", path=f"{os.environ['PATH']}:{SYSTEM_PATH}")
        assert sshd
        settings, log = self._folder / "sshd_config", self._folder / "log"
        self._sshd = subprocess.Popen(
            [sshd, "-D", "-f", str(settings), "-E", str(log)],
            env={"PATH": SYSTEM_PATH, **self._home.environment},
            stdin=subprocess.DEVNULL,
            # Else, left behind, it would keep open what a caller reads to its end.
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        wait_until(self._listens, lambda: f"sshd to listen:\n{self.logs()}")

    def stop(self) -> None:
        """End sshd, its sessions and all that they started, and delete the home."""
        if self._sshd:
            kill_tree(self._sshd.pid)
            self._sshd.wait(timeout=30)
        self._home.remove()

    def logs(self) -> str:
        """Return what sshd has written so far."""
        log = self._folder / "log"
        return log.read_text(errors="replace") if log.exists() else "no log yet"

    def sessions(self) -> int:
        """How many connections it serves; of one that is over, all is in the log."""
        assert self._sshd
        children = Path(f"/proc/{self._sshd.pid}/task/{self._sshd.pid}/children")
        return len(children.read_text().split())

    def _settings(self) -> list[str]:
        environment = {
            **self._home.environment,
            "PATH": f"{self._folder}/bin:{SYSTEM_PATH}",
        }
        shown = " ".join(map(_quoted, environment.items()))
        return [
            f"ListenAddress {self.address}",
            f"Port {self.port}",
            f"HostKey {self._folder}/host_key",
            f"PidFile {self._folder}/pid",
            f"AuthorizedKeysFile {self._folder}/authorized_keys .ssh/authorized_keys",
            "UsePAM no",
            "StrictModes no",
            "PasswordAuthentication no",
            "KbdInteractiveAuthentication no",
            "PermitRootLogin prohibit-password",
            "PrintMotd no",
            "AcceptEnv LANG LC_*",
            "Subsystem sftp internal-sftp",
            f"SetEnv {shown}",
        ]

    def _make_commands(self) -> None:
        commands = self._folder / "bin"
        commands.mkdir()
        for name in ("systemctl", "loginctl"):
            (commands / name).write_text(NO_SYSTEMD)
            (commands / name).chmod(0o755)

    def _listens(self) -> bool:
        assert self._sshd
        if self._sshd.poll() is not None:
            raise RuntimeError(f"sshd ended:\n{self.logs()}")
        try:
            with socket.create_connection((self.address, self.port), 1):
                return True
        except OSError:
            return False


def _quoted(variable: tuple[str, str]) -> str:
    """NAME=VALUE as a word of sshd_config."""
    text = "=".join(variable).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
