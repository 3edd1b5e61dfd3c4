"""Run a command and read what it said; wait for something to become true.

Both are here because the box, the laptop and the loopback server need them alike.
"""

from __future__ import annotations

import os
import pty
import select
import shlex
import signal
import subprocess
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

Completed = subprocess.CompletedProcess[str]
T = TypeVar("T")


class CommandFailed(AssertionError):
    """A command that had to succeed did not.

    The message holds everything that the command wrote, since that is what the
    reader of a failed test needs first.
    """

    def __init__(self, done: Completed) -> None:
        self.done = done
        super().__init__(
            f"exit {done.returncode} of: {shlex.join(done.args)}\n"
            f"--- stdout\n{done.stdout}\n--- stderr\n{done.stderr}"
        )


def run(
    argv: Sequence[str],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    input: str | None = None,
    check: bool = True,
    timeout: float = 120,
) -> Completed:
    """Run *argv* to its end, in a session of its own, and return its output as text.

    Args:
        argv: The command and its arguments.
        cwd: Where it runs; the current folder by default.
        env: Its whole environment; ours by default.
        input: Text for its stdin; without it stdin is empty, never the terminal.
        check: Whether a status other than 0 raises.
        timeout: Seconds after which the command and its children are killed.

    Raises:
        CommandFailed: The status was not 0, and *check* is set.
        subprocess.TimeoutExpired: It took longer than *timeout*.
    """
    with subprocess.Popen(
        argv,
        cwd=cwd,
        env=env,
        stdin=subprocess.DEVNULL if input is None else subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,
    ) as process:
        try:
            stdout, stderr = process.communicate(input, timeout=timeout)
        except BaseException:
            kill_group(process.pid)
            raise
    return finish(Completed(list(argv), process.returncode, stdout, stderr), check)


def run_in_terminal(
    argv: Sequence[str],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    input: str | None = None,
    check: bool = True,
    timeout: float = 120,
) -> Completed:
    """Run *argv* with a terminal for stdin, stdout and stderr; else as `run`.

    What it shows comes back as stdout, echo of the *input* included, and with
    plain line ends.
    """
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (40, 120))
    # ssh and sudo ask at the session's own terminal, /dev/tty: that is the first
    # one which the leader of a new session opens.
    opening = ["sh", "-c", 'exec <>"$0" "$@"', os.ttyname(theirs)]
    process = subprocess.Popen(
        [*opening, *argv],
        cwd=cwd,
        env=env,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    try:
        if input is not None:
            os.write(ours, input.encode())
        shown = _read_terminal(ours, time.monotonic() + timeout)
        if shown is None:
            raise subprocess.TimeoutExpired(list(argv), timeout)
        process.wait(timeout)
    except BaseException:
        kill_group(process.pid)
        process.wait()
        raise
    finally:
        os.close(ours)
    text = shown.decode(errors="replace").replace("\r\n", "\n")
    return finish(Completed(list(argv), process.returncode, text, ""), check)


def _read_terminal(ours: int, deadline: float) -> bytes | None:
    """Return all that is shown until nobody has the terminal open any more."""
    shown = b""
    while select.select([ours], [], [], max(0.0, deadline - time.monotonic()))[0]:
        try:
            part = os.read(ours, 65536)
        except OSError:  # how Linux says that the other end is closed
            part = b""
        if not part:
            return shown
        shown += part
    return None


def finish(done: Completed, check: bool) -> Completed:
    """Return *done*, or raise `CommandFailed` if it failed and *check* is set."""
    if check and done.returncode != 0:
        raise CommandFailed(done)
    return done


def kill_group(pid: int) -> None:
    """Kill the process group that *pid* leads; one that is gone already is fine."""
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def kill_tree(pid: int) -> None:
    """Kill *pid* and all that descend from it, in whatever session they are."""
    try:
        # Stopped, it cannot have further children while we look.
        os.kill(pid, signal.SIGSTOP)
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        os.kill(pid, signal.SIGKILL)
    except OSError:
        return
    for child in children:
        kill_tree(int(child))


def wait_until(
    condition: Callable[[], T], what: str | Callable[[], str], timeout: float = 60
) -> T:
    """Ask *condition* again and again until its answer is true, and return that.

    Args:
        condition: Called some 20 times a second.
        what: What is awaited, for the error; a function if that is known only then.
        timeout: Seconds to wait.

    Raises:
        TimeoutError: The time is up.
    """
    deadline = time.monotonic() + timeout
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > deadline:
            text = what if isinstance(what, str) else what()
            raise TimeoutError(f"after {timeout:g} s still waiting for {text}")
        time.sleep(0.05)
