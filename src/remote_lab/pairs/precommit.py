"""What pre-commit does to the working tree while its hooks run.

It stashes what is not staged: a script then holds less than its author sees, and what
we write into such a file is undone afterwards.
"""

import math
import os
import subprocess
import time


def stashed_since() -> float:
    """When pre-commit began: it may have replaced files that have changed since then.

    Returns:
        Nanoseconds since 1970; infinity where nothing is stashed.
    """
    if "PRE_COMMIT" not in os.environ:
        return math.inf
    try:
        seconds = _age(os.getppid())
    except (OSError, ValueError, IndexError, subprocess.SubprocessError):
        return 1  # unknown: any file may be replaced
    return (time.time() - seconds) * 1e9


def _age(pid: int) -> float:
    """How long a process has run, in seconds; rather too long than too short."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            begun = int(file.read().rpartition(")")[2].split()[19])  # ticks since boot
        with open("/proc/uptime", encoding="ascii") as file:
            return float(file.read().split()[0]) - begun / os.sysconf("SC_CLK_TCK")
    except FileNotFoundError:  # not Linux
        command = ["ps", "-o", "etime=", "-p", str(pid)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        days, _, clock = done.stdout.strip().rpartition("-")
        seconds = int(days or 0) * 86400
        for power, part in enumerate(reversed(clock.split(":"))):
            seconds += int(part) * 60**power
        return seconds + 2
