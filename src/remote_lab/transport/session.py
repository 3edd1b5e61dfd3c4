"""One program that runs on a remote, from its first line to its exit status."""

import os
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import IO, Self

from remote_lab.transport import ssh_errors
from remote_lab.transport.process import MOST, Process
from remote_lab.transport.program import END, LISTEN
from remote_lab.transport.route import Route

# A line that a program on a remote reports, split at its tabs.
Record = tuple[str, ...]
OnRecord = Callable[[Record], object]
Write = Callable[[IO[bytes]], object]


def number(text: str) -> int:
    """A number that a remote reported; 0 if it is none."""
    return int(text) if re.fullmatch("[0-9]{1,15}", text) else 0


class Session:
    """One program that runs on a remote, and what it reports.

    Its output counts from a random mark on: what a .bashrc prints comes before.

    Attributes:
        printed: Of what came before the mark, the first line that is not blank.
        most: How many bytes of output are accepted.
    """

    def __init__(self, route: Route) -> None:
        """Start to connect.

        Args:
            route: The way to the remote.

        Raises:
            OSError: ssh is not installed.
            Problem: ssh can't read its configuration.
        """
        self._route = route
        self._mark = os.urandom(8).hex()
        self._process = Process(route.argv(), route.env())
        self._stdin = self._process.stdin
        self.most = MOST
        self.printed = ""
        self._marked = False  # whether the mark has come
        self._ended = False  # whether END has come
        self._before_mark = b""  # the last line before the mark
        self._writer: threading.Thread | None = None
        self._unsent: BaseException | None = None  # why not all was sent
        self._missing: list[str] = []  # the programs that the remote does not have

    def begin(self, line: str) -> None:
        """Send what is to run: a line of sh, which may read what is sent after it."""
        # The preamble: a .bashrc may have replaced our sh by another shell, which takes
        # its input for commands. So the first line starts our sh; an sh of ours that
        # reads it skips it.
        preamble = f"exec sh -c '{LISTEN}'"
        with suppress(BrokenPipeError):  # ssh has ended: end() reports why.
            text = f"{preamble}\n: ; echo {self._mark}; {line}\n"
            self._stdin.write(text.encode())
            self._stdin.flush()

    def send(self, write: Write) -> None:
        """Send the program its standard input, whole, while its output is read.

        Both at once, since a .bashrc may print more than fits into a pipe.
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
                write(self._stdin)
        except BaseException as error:
            self._unsent = error
        finally:
            with suppress(BrokenPipeError):
                self._stdin.close()

    def records(self) -> Iterator[Record]:
        """The records after the mark, as they come, without END.

        Raises:
            Problem: There are too many, or the remote has another project of this name.
        """
        left = self.most
        while raw := self._process.stdout.readline(left):
            # A short record takes 100 bytes of memory; those before the mark take none.
            left -= len(raw) + 100 * self._marked
            if left <= 0:
                raise ssh_errors.endless(self._route)
            line = raw.decode("utf-8", "replace").rstrip("\n")
            if self._marked and line.startswith("lacks "):
                self._missing = line.split()[1:]
            elif self._marked and line == "otherproject":
                raise ssh_errors.other_project(self._route)
            elif self._marked:
                self._ended = self._ended or line == END
                if line != END:
                    yield tuple(line.split("\t"))
            elif not self.printed:
                self.printed = line.removesuffix(self._mark)[:200].strip()
            self._marked = self._marked or line.endswith(self._mark)
            self._before_mark = raw

    def end(self) -> int:
        """Wait for the end.

        Returns:
            The program's exit status.

        Raises:
            Unreachable: ssh itself failed (ssh_errors.explain).
            Problem: The program never began, lacks what it needs, or ended with status
                0 and did not report that it reached its end.
        """
        status = self._process.wait()
        self._join_writer()
        if self._unsent:
            raise self._unsent
        if self._process.flooded:
            raise ssh_errors.endless(self._route)
        errors = self.errors()
        # ssh's own failure; or what ran here, ssh or the sandbox's sh, was killed.
        if status < 0 or (status == 255 and not self._route.remote.sandbox):
            begun = self._marked or status < 0
            raise ssh_errors.explain(self._route, errors, begun)
        if not self._marked:
            before = self._before_mark.decode("utf-8", "replace").strip()
            raise ssh_errors.not_run(self._route, status, before, errors)
        if self._missing:
            raise ssh_errors.missing(self._route, self._missing)
        if status == 0 and not self._ended:
            raise ssh_errors.unfinished(self._route)
        return status

    def errors(self) -> str:
        """The end of what ssh and the program wrote to standard error."""
        text = self._process.errors().decode("utf-8", "replace")
        # ssh prints this for each key that it is to accept; it is not an error.
        return re.sub("(?m)^Warning: Permanently added .*\n", "", text).strip()

    def close(self) -> None:
        """End what still runs here, and close the pipes."""
        self._process.terminate()
        self._join_writer()
        self._process.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
