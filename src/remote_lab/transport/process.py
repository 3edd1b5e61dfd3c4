"""A program of this machine that we talk to: ssh, or the sandbox's sh."""

import os
import subprocess
import threading
from contextlib import suppress
from types import TracebackType
from typing import IO, Self, cast

KEPT = 2**16  # bytes of standard error: the end of it is what matters
MOST = 64 * 2**20  # bytes: a longer output is an error, and would fill our memory


class Process:
    """A program that runs, and the pipes to it.

    Attributes:
        stdin: What it reads.
        stdout: What it writes.
        flooded: Whether it was ended because it wrote too much to standard error.
    """

    def __init__(
        self,
        argv: list[str],
        env: dict[str, str] | None = None,
        stdin: int = subprocess.PIPE,
        stdout: int = subprocess.PIPE,
    ) -> None:
        """Start it.

        Args:
            argv: Its command line.
            env: Its environment; ours by default.
            stdin: Its standard input, as in subprocess.
            stdout: Its standard output, as in subprocess.

        Raises:
            OSError: The program does not exist.
        """
        self.flooded = False
        self._tail = b""
        self._mark = os.urandom(16)
        ours, self._write_end = os.pipe()
        try:
            self._popen = subprocess.Popen(
                argv, stdin=stdin, stdout=stdout, stderr=self._write_end, env=env
            )
        except OSError:
            os.close(ours)
            os.close(self._write_end)
            raise
        self.stdin = cast(IO[bytes], self._popen.stdin)
        self.stdout = cast(IO[bytes], self._popen.stdout)
        self._reader = threading.Thread(target=self._read, args=(ours,), daemon=True)
        self._reader.start()

    def wait(self) -> int:
        """Wait for its end.

        Returns:
            Its exit status, or the signal that killed it, negative.
        """
        return self._popen.wait()

    def errors(self) -> bytes:
        """The end of what it wrote to standard error; call this after its end.

        A master that ssh leaves in the background keeps the pipe open, so that we would
        never read its end. What the program wrote is what comes before our mark.
        """
        if self._write_end >= 0:
            os.write(self._write_end, self._mark)
            os.close(self._write_end)
            self._write_end = -1
        self._reader.join()
        return self._tail

    def terminate(self) -> None:
        """End it, if it still runs."""
        if self._popen.poll() is None:
            self._popen.terminate()
            self._popen.wait()

    def close(self) -> None:
        """End it, if it still runs, and close the pipes."""
        self.terminate()
        self.errors()
        for pipe in filter(None, (self._popen.stdin, self._popen.stdout)):
            with suppress(BrokenPipeError):  # it ended before it had read all
                pipe.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _read(self, pipe: int) -> None:
        """Read standard error up to our mark; end a program that writes too much."""
        tail, length = b"", 0
        with open(pipe, "rb", buffering=0) as stream:
            while self._mark not in tail:
                part = stream.read(KEPT) or b""
                tail = tail[-KEPT:] + part
                length += len(part)
                if length > MOST and not self.flooded:
                    self.flooded = True
                    self._popen.terminate()
        self._tail = tail.partition(self._mark)[0][-KEPT:]


def run_quietly(argv: list[str]) -> tuple[int, str]:
    """Run a program to its end, with no input; its standard output is dropped.

    Args:
        argv: Its command line.

    Returns:
        Its exit status, and the end of what it wrote to standard error.

    Raises:
        OSError: The program does not exist.
    """
    nothing = subprocess.DEVNULL
    with Process(argv, stdin=nothing, stdout=nothing) as process:
        status = process.wait()
        return status, process.errors().decode("utf-8", "replace").strip()
