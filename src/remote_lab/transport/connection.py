"""Running POSIX sh on a remote: through the system's ssh, or in the sandbox's folder.

A program travels on standard input, never on the command line: the login shell of
the account, be it fish or csh, sees one constant word list. So ssh can be on its way
before it is known what is to run: it takes longer than all that we have to prepare.
"""

import os
import re
import shlex
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from remote_lab.errors import Dropped, Problem
from remote_lab.settings import Project, Remote
from remote_lab.transport import ahead
from remote_lab.transport.process import MOST
from remote_lab.transport.session import END, LISTEN, Record, Session, Take, Write
from remote_lab.transport.ssh_config import files, ssh_config

if TYPE_CHECKING:
    from remote_lab.transport.bundle import Parcel

SH = Path(__file__).parents[1] / "sh"
# Where sshd drops logins (MaxStartups), the mean seconds to wait before each new try.
PAUSES = (0.5, 1, 2, 4, 8)


def program(*files: str, values: Mapping[str, str], main: str = "") -> str:
    """One sh program out of some of ours, with its values set first.

    Args:
        *files: Names in sh/, without the suffix, in order.
        values: Variables to set before; any text is quoted safely.
        main: The last line: what to run. Where that went well, the record END follows.
    """
    lines = [f"{name}={shlex.quote(value)}" for name, value in values.items()]
    for name in files:
        text = (SH / f"{name}.sh").read_text(encoding="utf-8")
        # Less the comments: the less there is to send, the fewer round trips it takes.
        lines.append(re.sub(r"(?m)^ *#.*\n", "", text))
    end = f"status=$?; [ $status -ne 0 ] || echo '{END}'; exit $status"
    return "\n".join([*lines, main, end, ""])


# What was dialled, by the remote's name, and has nothing to run yet.
_dialled: dict[str, Session] = {}


def hang_up() -> None:
    """Give up what was dialled, where nothing is to run after all."""
    ahead.hang_up()
    while _dialled:
        _dialled.popitem()[1].__exit__()


class Connection:
    """The way to one remote.

    Args:
        project: The project.
        remote: Which of its remotes.
        ask: Whether ssh may ask for a password or a code.
    """

    def __init__(self, project: Project, remote: Remote, ask: bool = True) -> None:
        self.project = project
        self.remote = remote
        self._ask = ask
        self.printed = ""  # what the account's start files print: Session.printed
        self.options: list[str] = []  # more of ssh's, while a command runs
        self._again = False  # whether sshd, or so it seems, has hung up on us before

    def verb(self, words: str) -> str:
        """What to type for one of our verbs on this remote, with its name if needed."""
        return self.project.command(words, self.remote)

    def shell(self, command: str) -> str:
        """What to type to run a command on this remote."""
        if self.remote.sandbox:
            return f"(cd {shlex.quote(str(self.home()))} && {command})"
        if not re.fullmatch(r"[\w./ =-]+", command):
            command = shlex.quote(command)  # for two shells
        return f"ssh {self.remote.host} {command}"

    def argv(self) -> list[str]:
        """The command of this machine that has the remote listen for a line of sh."""
        # No single quote, `!`, newline or backslash in it: some login shells would
        # take them for their own.
        command = f"exec sh -c '{LISTEN}'"
        if self.remote.sandbox:
            if not sys.platform.startswith("linux"):
                raise Problem(
                    "The sandbox plays a Linux machine, and this is none.",
                    "Nothing was changed.",
                    "Answer with a real remote: copier update -d remote_host=HOST",
                )
            return ["sh", "-c", command]
        return [*self.ssh(), self.remote.host, command]

    def dial(self) -> None:
        """Begin to connect, for the next that is to run: what that is comes later."""
        if self.remote.name not in _dialled:
            _dialled[self.remote.name] = Session(self)
            if self._ask:
                self._note()

    def _note(self) -> None:
        """Have the next push begin at once."""
        remotes = self.project.remotes.values()
        calls = {
            remote.name: (
                [] if remote.sandbox else Connection(self.project, remote).argv()
            )
            for remote in remotes
        }
        ahead.note([str(file) for file in files(self.project)], calls)

    def run(
        self, text: str, most: int = MOST, take: Take | None = None
    ) -> tuple[int, list[Record]]:
        """Run a program to its end.

        Args:
            text: POSIX sh. It is read whole before any of it runs.
            most: How many bytes it may answer.
            take: Is given each record, as it comes; then none is returned.

        Returns:
            Its exit status and its records.

        Raises:
            Unreachable: The remote can't be reached.
        """
        records: list[Record] = []
        wrapped = f"{{\n{text}\nexit\n}} </dev/null\n".encode()
        status, _ = self._talk(
            "exec sh -s",
            lambda stream: stream.write(wrapped),
            take or records.append,
            most,
        )
        return status, records

    def deliver(
        self,
        parcel: "Parcel",
        take: Take,
        *,
        dry: bool = False,
        write: Write | None = None,
    ) -> tuple[int, str]:
        """Run a program that comes with files.

        Args:
            parcel: The files, and the program. It runs in the home, with $work the
                folder of the files, once all has arrived; it must call `begin`
                (lock.sh) before it changes anything.
            take: Is given each record, as it comes.
            dry: Unpack in a temporary folder.
            write: In place of parcel.write.

        Returns:
            Its exit status, and what it wrote to standard error.

        Raises:
            Broken: The connection broke: the program may have finished.
            Unreachable: The remote can't be reached.
        """
        line = parcel.line(self.project.slug, dry)
        return self._talk(line, write or parcel.write, take)

    def _talk(
        self, line: str, write: Write, take: Take, most: int = MOST
    ) -> tuple[int, str]:
        for pause in (*PAUSES, None):
            self.dial()
            with _dialled.pop(self.remote.name) as session:
                session.most = most
                session.begin(line)
                session.send(write)
                for record in session.records():
                    take(record)
                self.printed = session.printed
                try:
                    return session.end(), session.errors()
                except Dropped:
                    if pause is None:
                        raise
            self._again = True
            # Not all at once again.
            time.sleep(pause * (0.5 + os.urandom(1)[0] / 256))
        raise AssertionError

    def ssh(self) -> list[str]:
        """The ssh command with this project's configuration, less the Host."""
        # The user's own forwards are for logins; the tunnel takes care of its own.
        options = ["-o", "ClearAllForwardings=yes"]
        options += self.options
        options += [] if self._ask else ["-o", "BatchMode=yes"]
        if self._again:
            # Else ssh keeps to itself what a jump host complains of, and all that one
            # hears is that somebody hung up.
            options += ["-o", "ControlPersist=no"]
        return ["ssh", "-F", str(ssh_config(self.project)), "-T", *options]

    def env(self) -> dict[str, str] | None:
        """The environment for argv: the sandbox's own, or None for this one."""
        if not self.remote.sandbox and self._ask:
            return None
        if not self.remote.sandbox:
            # BatchMode does not reach the ssh that logs in to a jump host; this does.
            quiet = {"SSH_ASKPASS": "false", "SSH_ASKPASS_REQUIRE": "force"}
            return {**os.environ, **quiet}
        kept = re.compile(
            "PATH|LANG|USER|LOGNAME|TMPDIR|SSL_CERT_.*|UV_.*|.*_PROXY", re.IGNORECASE
        )
        home = self.home()
        home.mkdir(parents=True, exist_ok=True)
        return {
            **{
                name: value
                for name, value in os.environ.items()
                if kept.fullmatch(name)
            },
            "HOME": str(home),
            # It is the same machine: what uv has fetched need not come again.
            "UV_CACHE_DIR": os.environ.get("UV_CACHE_DIR")
            or str(Path.home() / ".cache" / "uv"),
        }

    def home(self) -> Path:
        """The folder that plays the remote's home: a sandbox alone has one."""
        return self.project.root / ".sandbox" / self.remote.name
