"""The way to one remote: which command of this machine leads there."""

import os
import re
import shlex
import sys
from pathlib import Path

from remote_lab.errors import Problem
from remote_lab.settings import Project, Remote
from remote_lab.transport.program import LISTEN
from remote_lab.transport.ssh_config import ssh_config

# What the sandbox's programs see of our environment.
SANDBOX_ENVIRONMENT = re.compile(
    "PATH|LANG|USER|LOGNAME|TMPDIR|SSL_CERT_.*|UV_.*|.*_PROXY", re.IGNORECASE
)


class Route:
    """The way to one remote.

    Args:
        project: The project.
        remote: Which of its remotes.
        ask: Whether ssh may ask for a password or a code.

    Attributes:
        agent: The socket of the ssh-agent that serves this command alone (agent.py);
            empty if there is none.
    """

    def __init__(self, project: Project, remote: Remote, ask: bool = True) -> None:
        self.project = project
        self.remote = remote
        self.agent = ""
        self._ask = ask
        self._was_dropped = False  # whether sshd closed a connection before the login

    def command(self, words: str) -> str:
        """What to type for one of our commands on this remote, with its name if needed.

        Args:
            words: The command, less `./remote`.
        """
        return self.project.command(words, self.remote)

    def shell(self, command: str) -> str:
        """What to type to run a shell command on this remote."""
        if self.remote.sandbox:
            return f"(cd {shlex.quote(str(self.home()))} && {command})"
        if not re.fullmatch(r"[\w./ =-]+", command):
            command = shlex.quote(command)  # for two shells
        return f"ssh {self.remote.host} {command}"

    def argv(self) -> list[str]:
        """The command of this machine that makes the remote listen for a line of sh.

        Raises:
            Problem: The remote is a sandbox, and this machine is not Linux; or ssh
                can't read its configuration.
        """
        # It has no single quote, `!`, newline or backslash: some login shells would
        # interpret them.
        command = f"exec sh -c '{LISTEN}'"
        if self.remote.sandbox:
            if not sys.platform.startswith("linux"):
                raise Problem(
                    "A sandbox stands for a Linux machine; this machine is not Linux.",
                    "Nothing was changed.",
                    "Use a real remote: ./remote update -d remote_host=HOST",
                )
            return ["sh", "-c", command]
        return [*self.ssh(), self.remote.host, command]

    def ssh(self) -> list[str]:
        """The ssh command with this project's configuration, less the Host."""
        # The user's own forwards are for logins; the tunnel has its own.
        options = ["-o", "ClearAllForwardings=yes"]
        options += ["-o", "AddKeysToAgent=yes"] if self.agent else []
        options += [] if self._ask else ["-o", "BatchMode=yes"]
        if self._was_dropped:
            # With ControlPersist, ssh would not print the error of a jump host.
            options += ["-o", "ControlPersist=no"]
        return ["ssh", "-F", str(ssh_config(self.project)), "-T", *options]

    def env(self) -> dict[str, str] | None:
        """The environment for argv; None for this process's own."""
        if self.remote.sandbox:
            return self._sandbox_env()
        if self._ask:
            return None
        # The ssh that logs in to a jump host ignores BatchMode, but not these.
        never_ask = {"SSH_ASKPASS": "false", "SSH_ASKPASS_REQUIRE": "force"}
        return {**os.environ, **never_ask}

    def _sandbox_env(self) -> dict[str, str]:
        home = self.home()
        home.mkdir(parents=True, exist_ok=True)
        # It is the same machine: uv need not download again what it has.
        cache = os.environ.get("UV_CACHE_DIR") or str(Path.home() / ".cache" / "uv")
        kept = {
            name: value
            for name, value in os.environ.items()
            if SANDBOX_ENVIRONMENT.fullmatch(name)
        }
        return {**kept, "HOME": str(home), "UV_CACHE_DIR": cache}

    def home(self) -> Path:
        """The folder that stands for the remote's home; only a sandbox has one."""
        return self.project.root / ".sandbox" / self.remote.name
