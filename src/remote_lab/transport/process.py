"""A program of this machine that we talk with: ssh, or the sandbox's shell.

Loads nothing that Python has not loaded by itself: see ahead.py.
"""

import _thread
import os

# What Python ignores, and a program expects to be as usual: SIGPIPE and SIGXFSZ.
IGNORED = (13, 25)
SIGTERM = 15
KEPT = 2**16  # bytes of standard error: the last ones tell
# More than this is no answer: it would only fill this machine's memory.
MOST = 64 * 2**20


class Call:
    """The program, and our ends of what it reads and writes.

    Attributes:
        argv: Its command line.
        stdin: What it reads.
        stdout: What it writes.
        flooded: Whether it was ended since it wrote too much to standard error.
    """

    def __init__(self, argv: list[str], env: dict[str, str] | None = None) -> None:
        """Start it.

        Args:
            argv: Its command line.
            env: Its environment; ours by default.

        Raises:
            OSError: It is not there.
        """
        self.argv = argv
        self.flooded = False
        self._status: int | None = None
        self._pid = 0
        hears, ours = os.pipe()
        self.stdin = open(ours, "wb")
        ours, says = os.pipe()
        self.stdout = open(ours, "rb")
        errors, self._complains = os.pipe()
        self._mark = os.urandom(16)
        self._heard = b""
        self._listening = _thread.allocate_lock()
        self._listening.acquire()
        _thread.start_new_thread(self._listen, (errors,))
        ends = (hears, says, self._complains)
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

    def errors(self) -> bytes:
        """The last of what it wrote to standard error; asked for when it has ended.

        The master that ssh may leave in the background keeps the pipe open: so its end
        would not come. What the program wrote is what comes before our mark.
        """
        if self._complains >= 0:
            os.write(self._complains, self._mark)
            os.close(self._complains)
            self._complains = -1
        with self._listening:
            return self._heard

    def close(self) -> None:
        """Close our ends."""
        self.errors()
        for file in (self.stdin, self.stdout):
            try:
                file.close()
            except BrokenPipeError:  # some of what it was to read was left
                pass

    def _listen(self, pipe: int) -> None:
        """Read standard error up to our mark; end a program that writes too much."""
        heard, length = b"", 0
        while self._mark not in heard:
            came = os.read(pipe, KEPT)
            heard = heard[-KEPT:] + came
            length += len(came)
            if length > MOST and not self.flooded:
                self.flooded = True
                if self._pid and self._status is None:
                    os.kill(self._pid, SIGTERM)
        os.close(pipe)
        self._heard = heard.partition(self._mark)[0][-KEPT:]
        self._listening.release()

    def _reap(self, options: int) -> bool:
        try:
            pid, status = os.waitpid(self._pid, options)
        except ChildProcessError:  # who started us ignores how children end
            pid, status = self._pid, 0
        if pid:
            self._status = os.waitstatus_to_exitcode(status)
        return bool(pid)


def quietly(argv: list[str]) -> tuple[int, str]:
    """Run a program to its end with no input, and what it writes thrown away.

    Args:
        argv: Its command line.

    Returns:
        Its exit status, and the last of what it wrote to standard error.
    """
    # sh opens what is to be its input and output.
    call = Call(["sh", "-c", 'exec "$@" </dev/null >/dev/null', "sh", *argv])
    try:
        status = call.wait()
        return status, call.errors().decode("utf-8", "replace").strip()
    finally:
        call.end()
        call.close()
