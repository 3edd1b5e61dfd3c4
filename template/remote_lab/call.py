"""A program of this machine that we talk with: ssh, or the sandbox's shell.

Loads nothing that Python has not loaded by itself: see ahead.py.
"""

import io
import os

# What Python ignores, and a program expects to be as usual: SIGPIPE and SIGXFSZ.
IGNORED = (13, 25)
SIGTERM = 15


class Call:
    """The program, and our ends of what it reads and writes.

    Attributes:
        argv: Its command line.
        stdin: What it reads.
        stdout: What it writes.
        errors: What it writes to standard error. A file and not a pipe: the master that
            ssh may leave in the background keeps it open, and would keep us waiting.
    """

    def __init__(
        self, argv: list[str], env: dict[str, str] | None, folder: str
    ) -> None:
        """Start it.

        Args:
            argv: Its command line.
            env: Its environment; ours by default.
            folder: Where a file can be made, which is gone at once.

        Raises:
            OSError: It is not there, or the folder can't be written to.
        """
        self.argv = argv
        self._status: int | None = None
        self.errors = _nameless_file(folder)
        hears, ours = os.pipe()
        self.stdin = open(ours, "wb")
        ours, says = os.pipe()
        self.stdout = open(ours, "rb")
        ends = (hears, says, self.errors.fileno())
        try:
            self._pid = os.posix_spawnp(
                argv[0],
                argv,
                os.environ if env is None else env,
                file_actions=[
                    (os.POSIX_SPAWN_DUP2, end, number)
                    for number, end in enumerate(ends)
                ],
                setsigdef=IGNORED,
            )
        except OSError:
            self.close()
            raise
        finally:
            os.close(hears)
            os.close(says)

    def wait(self) -> int:
        """Wait for its end: its exit status, or the signal that killed it, negative."""
        if self._status is None:
            self._reap(0)
        return self._status or 0

    def end(self) -> None:
        """End it, if it goes on."""
        if self._status is None and not self._reap(os.WNOHANG):
            os.kill(self._pid, SIGTERM)
            self._reap(0)

    def close(self) -> None:
        """Close our ends."""
        for file in (self.stdin, self.stdout, self.errors):
            try:
                file.close()
            except BrokenPipeError:  # some of what it was to read was left
                pass

    def _reap(self, options: int) -> bool:
        try:
            pid, status = os.waitpid(self._pid, options)
        except ChildProcessError:  # who started us ignores how children end
            pid, status = self._pid, 0
        if pid:
            self._status = os.waitstatus_to_exitcode(status)
        return bool(pid)


def _nameless_file(folder: str) -> io.BufferedRandom:
    """A file that is gone once it is closed."""
    os.makedirs(folder, exist_ok=True, mode=0o700)
    path = f"{folder}/said.{os.getpid()}.{os.urandom(4).hex()}"
    file = open(path, "x+b")
    os.unlink(path)
    return file
