"""Background processes of ours: each holds a lock on a file of its own.

The lock ends with the process, whatever ends it, and with a reboot. So no process is
ever searched for by its name, and a pid that is left in the file is never used.
"""

import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO


def start(module: str, *words: str | Path) -> "subprocess.Popen[bytes]":
    """Start main() of a module of ours in the background.

    Args:
        module: Its name in this package.
        *words: Its command line.
    """
    run = f"from remote_lab.{module} import main; main()"
    return subprocess.Popen(
        # -I: load nothing from the current folder or PYTHONPATH.
        [sys.executable, "-I", "-c", run, *words],
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def hold(path: Path) -> IO[str]:
    """Take the lock, in the background process, and write the pid.

    Returns:
        The file, to be kept open; more can be written after the pid.

    Raises:
        BlockingIOError: Another process has it.
    """
    file = path.open("a", encoding="ascii")
    for again in range(20, -1, -1):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            if not again:
                raise
            time.sleep(0.05)  # it may be a process that only looks: is_held
    file.truncate(0)
    file.write(f"{os.getpid()}\n")
    file.flush()
    return file


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Do something while no other process does it; wait for one that does."""
    with path.open("a", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def is_held(path: Path) -> bool:
    """Whether a running process holds a file's lock."""
    try:
        with path.open("r+", encoding="ascii") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def end(path: Path) -> None:
    """End the process that holds a file's lock, and wait for its end."""
    asked = None
    while is_held(path):
        # It has the lock before it has written its pid.
        pid, newline, _ = path.read_text(encoding="ascii").partition("\n")
        if newline and pid != asked:
            with suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGTERM)
            asked = pid
        time.sleep(0.02)
