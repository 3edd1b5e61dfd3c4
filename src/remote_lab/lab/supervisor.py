"""Supervisors of the tunnel's ssh, so that it comes back after sleep.

Nothing is installed: the systemd unit is a transient one, and the launchd agent's file
is deleted with it. Where neither is there, a background process of ours does it.
"""

import os
import shutil
import sys
import time
from abc import ABC, abstractmethod
from pathlib import Path

from remote_lab.lab import background, keep_running
from remote_lab.tools.programs import succeeds


class Supervisor(ABC):
    """Runs a command, and runs it again 10 s after it ends.

    Args:
        name: What the command is for; names the unit or agent.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    @abstractmethod
    def start(self, argv: list[str]) -> bool:
        """Start to supervise a command, in place of the one before of this name.

        Returns:
            Whether that started; not whether the command works.
        """

    @abstractmethod
    def stop(self) -> None:
        """End the command, if it is supervised."""

    def failing(self) -> bool:
        """Whether the command has ended, as far as is known."""
        return False


class Systemd(Supervisor):
    """A transient unit of the user's systemd."""

    def start_command(self, argv: list[str]) -> list[str]:
        """The command that starts the unit, with the ssh agent's address if known."""
        agent = os.environ.get("SSH_AUTH_SOCK")
        return [
            *("systemd-run", "--user", "--quiet", "--collect"),
            f"--unit={self.name}",
            "--property=Restart=always",
            "--property=RestartSec=10",
            # Else systemd gives up if the laptop has no network for a while.
            "--property=StartLimitIntervalSec=0",
            *([f"--setenv=SSH_AUTH_SOCK={agent}"] if agent else []),
            "--",
            *argv,
        ]

    def start(self, argv: list[str]) -> bool:
        self.stop()
        return succeeds(self.start_command(argv))

    def stop(self) -> None:
        succeeds(["systemctl", "--user", "stop", f"{self.name}.service"])

    def failing(self) -> bool:
        return not succeeds(
            ["systemctl", "--user", "--quiet", "is-active", f"{self.name}.service"]
        )


class Launchd(Supervisor):
    """An agent of macOS's launchd; its file is there as long as it runs."""

    @property
    def _file(self) -> Path:
        return Path.home() / "Library" / "LaunchAgents" / f"{self.name}.plist"

    def agent(self, argv: list[str]) -> bytes:
        """The agent's file. Its ssh must never detach itself."""
        import plistlib  # it loads an XML parser, which few commands need

        return plistlib.dumps(
            {
                "Label": self.name,
                "ProgramArguments": [shutil.which(argv[0]) or argv[0], *argv[1:]],
                "RunAtLoad": True,
                "KeepAlive": True,
                "ThrottleInterval": 10,
            }
        )

    def start(self, argv: list[str]) -> bool:
        self.stop()
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._file.write_bytes(self.agent(argv))
        # The former agent may take a moment to end.
        for _ in range(20):
            if succeeds(["launchctl", "bootstrap", self._domain, str(self._file)]):
                return True
            time.sleep(0.1)
        self._file.unlink()
        return False

    def stop(self) -> None:
        if self._file.exists():
            succeeds(["launchctl", "bootout", f"{self._domain}/{self.name}"])
            self._file.unlink()

    @property
    def _domain(self) -> str:
        return f"gui/{os.getuid()}"


class Own(Supervisor):
    """A background process of ours, which holds a lock on a file: keep_running.py.

    Args:
        name: What the command is for.
        file: The file.
    """

    def __init__(self, name: str, file: Path) -> None:
        super().__init__(name)
        self._file = file

    def start(self, argv: list[str]) -> bool:
        self.stop()
        process = background.start("lab.keep_running", self._file, *argv)
        # If another process was faster, that one supervises the command, and ours ends.
        while process.poll() is None and not self._written().startswith(
            f"{process.pid}\n"
        ):
            time.sleep(0.02)
        return background.is_held(self._file)

    def stop(self) -> None:
        background.end(self._file)

    def failing(self) -> bool:
        return keep_running.ENDED in self._written() or not background.is_held(
            self._file
        )

    def _written(self) -> str:
        try:
            return self._file.read_text(encoding="ascii")
        except FileNotFoundError:
            return ""


def supervisor(name: str, file: Path) -> Supervisor:
    """The supervisor that this machine has.

    Args:
        name: What the command is for.
        file: Where a background process of ours writes that it runs.
    """
    if sys.platform == "darwin":
        return Launchd(name)
    answers = ["systemctl", "--user", "--quiet", "is-active", "basic.target"]
    if shutil.which("systemd-run") and succeeds(answers):
        return Systemd(name)
    return Own(name, file)
