"""Who minds the tunnel's ssh, so that it comes back after sleep: systemd or launchd.

Nothing is installed: the systemd unit is a transient one, and the launchd agent's
file goes with it. Where neither is there, a process of our own does it.
"""

import os
import plistlib
import shutil
import sys
import time
from abc import ABC, abstractmethod
from pathlib import Path

from remote_lab.lab import background, keep_running
from remote_lab.tools.programs import succeeds


class Keeper(ABC):
    """Runs a command, and runs it again 10 s after it ends.

    Args:
        name: What the command is for; names the unit or agent.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    @abstractmethod
    def start(self, argv: list[str]) -> bool:
        """Start minding a command, in place of what was minded under this name.

        Returns:
            Whether it was taken on; not whether the command does well.
        """

    @abstractmethod
    def stop(self) -> None:
        """End the command, if it is minded."""

    def failing(self) -> bool:
        """Whether the command has ended, as far as can be told."""
        return False


class Systemd(Keeper):
    """A transient unit of the user's systemd."""

    def start_command(self, argv: list[str]) -> list[str]:
        """What starts the unit; the agent's address goes with it, if there is one."""
        agent = os.environ.get("SSH_AUTH_SOCK")
        return [
            *("systemd-run", "--user", "--quiet", "--collect"),
            f"--unit={self.name}",
            "--property=Restart=always",
            "--property=RestartSec=10",
            # Or systemd gives up where the laptop has no network for a while.
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


class Launchd(Keeper):
    """An agent of macOS's launchd, in a file as long as it runs."""

    @property
    def _file(self) -> Path:
        return Path.home() / "Library" / "LaunchAgents" / f"{self.name}.plist"

    def agent(self, argv: list[str]) -> bytes:
        """The agent's file. Its ssh must never go to the background by itself."""
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
        # The former agent may take a moment to go.
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


class Own(Keeper):
    """A detached process of ours, which holds a lock on a file: see supervise.py.

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
        # If another one was faster, that one minds it, and ours ends.
        while process.poll() is None and not self._noted().startswith(
            f"{process.pid}\n"
        ):
            time.sleep(0.02)
        return background.is_held(self._file)

    def stop(self) -> None:
        background.end(self._file)

    def failing(self) -> bool:
        return keep_running.ENDED in self._noted() or not background.is_held(self._file)

    def _noted(self) -> str:
        try:
            return self._file.read_text(encoding="ascii")
        except FileNotFoundError:
            return ""


def keeper(name: str, file: Path) -> Keeper:
    """The keeper that this machine has.

    Args:
        name: What the command is for.
        file: Where a process of our own notes that it runs.
    """
    if sys.platform == "darwin":
        return Launchd(name)
    answers = ["systemctl", "--user", "--quiet", "is-active", "basic.target"]
    if shutil.which("systemd-run") and succeeds(answers):
        return Systemd(name)
    return Own(name, file)
