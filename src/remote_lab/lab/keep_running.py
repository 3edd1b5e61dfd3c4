"""Runs a command, and runs it again a while after it ends: see supervisor.Own.

A process of its own: main() of this module, with the words LOCKFILE COMMAND...
"""

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

from remote_lab.lab import background

PAUSE = 10.0  # seconds
ENDED = "ended\n"  # is written whenever the command has ended


def main() -> None:
    """Hold the lock, and supervise the command until SIGTERM."""
    path, *command = sys.argv[1:]
    try:
        note = background.hold(Path(path))
    except BlockingIOError:  # another process was faster
        return
    child: subprocess.Popen[bytes] | None = None
    stopped, stopping = os.pipe()

    def stop(*_: object) -> None:
        os.write(stopping, b"x")
        if child:
            child.terminate()

    signal.signal(signal.SIGTERM, stop)
    wait = 0.0
    while not select.select([stopped], [], [], wait)[0]:
        child = subprocess.Popen(command)
        if select.select([stopped], [], [], 0)[0]:  # before there was a child to end
            child.terminate()
        child.wait()
        note.write(ENDED)
        note.flush()
        wait = PAUSE
