"""One program that runs on a remote, from its first line to its exit status."""

import os
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import IO, TYPE_CHECKING

from remote_lab.errors import Problem, get
from remote_lab.transport import ahead
from remote_lab.transport.process import MOST, Call
from remote_lab.transport.ssh_errors import explain, not_run

if TYPE_CHECKING:
    from remote_lab.transport.connection import Connection

# Runs the line that it is sent, less the knock (Session.begin), if it arrived whole. It
# has to look like one of ours: what a .bashrc that reads leaves of our stream is not to
# be run. And a bash may have been told by its environment (SHELLOPTS) to be strict.
LISTEN = (
    "set +efuC; IFS= read -r l || l=;"
    ' case "$l" in exec*) IFS= read -r l || l=;; esac;'
    ' case "$l" in ": "*) eval "$l";; *) echo eaten; exit 1;; esac'
)
Record = tuple[str, ...]
# The last record of a program that did all that it was to do (connection.program). A
# program that was lost or cut short ends with status 0 too, and without it.
END = "\tend"
Take = Callable[[Record], object]
Write = Callable[[IO[bytes]], object]


def number(text: str) -> int:
    """A number that a remote told; 0 where it told something else."""
    return int(text) if re.fullmatch("[0-9]{1,15}", text) else 0


class Session:
    """One program that runs on a remote, and what it says.

    Its output counts from a random mark on: what a .bashrc prints comes before.

    Attributes:
        printed: Of that, the first line that is not blank.
    """

    def __init__(self, connection: "Connection") -> None:
        self.connection = connection
        self.remote = connection.remote
        self._mark = os.urandom(8).hex()
        argv, env = connection.argv(), connection.env()
        self._call = ahead.take(argv, env) or Call(argv, env)
        self.stdin = self._call.stdin
        self.marked = False
        self.most = MOST
        self._reported = False  # whether END was among the records
        self._noise = b""  # the last line before the mark
        self.printed = ""
        self._writer: threading.Thread | None = None
        self._unsent: BaseException | None = None  # why not all was sent
        self._lacking: list[str] = []  # the programs that are not there

    def begin(self, line: str) -> None:
        """Say what is to run: a line of sh, which may read what is sent after it."""
        # The knock, a first line: a .bashrc may have put another shell in the place of
        # our sh, and that takes its input for commands. So the sh is its first command.
        knock = f"exec sh -c '{LISTEN}'"
        with suppress(BrokenPipeError):  # ssh gave up before: end() tells why.
            self.stdin.write(f"{knock}\n: ; echo {self._mark}; {line}\n".encode())
            self.stdin.flush()

    def send(self, write: Write) -> None:
        """Give the program its standard input, whole, while its output is read.

        A .bashrc may print more than fits into a pipe before it comes to our program.
        """
        self._writer = threading.Thread(target=self._send, args=(write,), daemon=True)
        self._writer.start()

    def _join_writer(self) -> None:
        # After a Ctrl-C there may be one that was never started, and can't be joined.
        if self._writer and self._writer.is_alive():
            self._writer.join()

    def _send(self, write: Write) -> None:
        try:
            with suppress(BrokenPipeError):
                write(self.stdin)
        except BaseException as error:
            self._unsent = error
        finally:
            with suppress(BrokenPipeError):
                self.stdin.close()

    def records(self) -> Iterator[Record]:
        """The lines after the mark, as they come, each split at its tabs; not END.

        Raises:
            Problem: There is no end of them, or another project is there.
        """
        left = self.most
        while raw := self._call.stdout.readline(left):
            # What a short one takes in memory; what comes before the mark takes none.
            left -= len(raw) + 100 * self.marked
            if left <= 0:
                raise self._endless()
            line = raw.decode("utf-8", "replace").rstrip("\n")
            if self.marked and line.startswith("lacks "):
                self._lacking = line.split()[1:]
            elif self.marked and line == "otherproject":
                raise self._other_project()
            elif self.marked:
                self._reported = self._reported or line == END
                if line != END:
                    yield tuple(line.split("\t"))
            elif not self.printed:
                self.printed = line.removesuffix(self._mark)[:200].strip()
            self.marked = self.marked or line.endswith(self._mark)
            self._noise = raw

    def _other_project(self) -> Problem:
        project = self.connection.project
        note = f".local/state/remote-lab/{project.slug}/project"
        return Problem(
            f"Another project called {project.slug} is on {self.remote.name}.",
            "Nothing was changed there.",
            "Give this one another name: copier update --trust --defaults --data"
            " project_slug=NAME   (if the other one is gone for good, have this one"
            f" take its place: {self.connection.shell(f'rm {note}')})",
        )

    def _endless(self) -> Problem:
        return Problem(
            f"{self.remote.name} sends more than an answer can hold.",
            "What was under way there may be done, or not.",
            "See what is wrong there: " + self.connection.shell("uptime"),
        )

    def end(self) -> int:
        """Wait for the end.

        Returns:
            The program's exit status.

        Raises:
            Unreachable: ssh itself failed: what explain makes of it.
            Problem: The program never began, lacks what it needs, or ended well without
                a report of what it did.
        """
        status = self._call.wait()
        self._join_writer()
        if self._unsent:
            raise self._unsent
        if self._call.flooded:
            raise self._endless()
        errors = self.errors()
        # ssh's own failure; or what ran here, ssh or the sandbox's sh, was killed.
        if status < 0 or (status == 255 and not self.remote.sandbox):
            raise explain(self.connection, errors, begun=self.marked or status < 0)
        if not self.marked:
            raise not_run(self.connection, status, self._noise, errors)
        if self._lacking:
            programs = " ".join(self._lacking)
            raise Problem(
                f"{self.remote.name} lacks what a push needs: {programs}.",
                "Nothing was changed there.",
                f"{get(self._lacking)}   If they are there, mend the PATH that the"
                " account sets.",
            )
        if status == 0 and not self._reported:
            raise Problem(
                f"{self.remote.name} did not report what it did: the program that was"
                " sent did not reach its end.",
                "What it was to do there may be done, or not.",
                f"See whether the disk is full: {self.connection.shell('df -h .')}  "
                " Then type the same command again.",
            )
        return status

    def errors(self) -> str:
        """What ssh and the program wrote to standard error, the last of it."""
        text = self._call.errors().decode("utf-8", "replace")
        # ssh says so of every key that it is told to take, and it is no error.
        return re.sub("(?m)^Warning: Permanently added .*\n", "", text).strip()

    def __enter__(self) -> "Session":
        return self

    def __exit__(self, *_: object) -> None:
        self._call.end()
        self._join_writer()
        self._call.close()
