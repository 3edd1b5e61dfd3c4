"""Running one command and reading its figures: time, memory, processes.

The time is that of the whole process, and is taken in runs that nothing else watches.
Memory and processes come from two further runs: a sampler and strace slow a command.
"""

from __future__ import annotations

import os
import re
import signal
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

# Seconds after which a command has failed.
PATIENCE = 300
# A fork, however it is called; a thread is none.
FORK = re.compile(r"(?:clone3?|v?fork)\((?!.*CLONE_THREAD).*= [1-9]\d*$")
# The kernel's own report of a fork that strace saw the start and the end of apart.
RESUMED = re.compile(r"<\.\.\. (?:clone3?|v?fork) resumed>.*= [1-9]\d*$")


@dataclass(frozen=True)
class Command:
    """A command as a person would type it."""

    argv: Sequence[str]
    cwd: Path
    env: Mapping[str, str]


@dataclass(frozen=True)
class Run:
    """What one run took, in seconds, and what it said."""

    seconds: float
    output: str


class BenchmarkFailed(Exception):
    """A command that was to be measured did not work."""


def run(command: Command, *before: str) -> Run:
    """Run it to its end.

    Args:
        command: The command.
        *before: What is put before it, such as strace.

    Raises:
        BenchmarkFailed: Its exit status was not 0; the message has its output.
    """
    # A file and not a pipe: a master that stays behind would hold the pipe open.
    with tempfile.TemporaryFile() as output:
        began = time.perf_counter()
        process = subprocess.Popen(
            [*before, *command.argv],
            cwd=command.cwd,
            env=command.env,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        # Not wait(PATIENCE), which looks but every 50 ms.
        killer = threading.Timer(PATIENCE, os.killpg, (process.pid, signal.SIGKILL))
        killer.start()
        try:
            process.wait()
        finally:  # a killer that is left would keep us from ending for minutes
            killer.cancel()
        seconds = time.perf_counter() - began
        output.seek(0)
        said = output.read().decode(errors="replace")
    if process.returncode:
        raise BenchmarkFailed(f"exit {process.returncode} of {command.argv}:\n{said}")
    return Run(seconds, said)


def processes(command: Command, settle: Callable[[], None]) -> int:
    """How many processes it starts, itself counted, by strace.

    Args:
        command: The command.
        settle: Ends what it leaves running: strace goes on as long as that does.
    """
    with tempfile.TemporaryDirectory() as folder:
        trace = Path(folder, "trace")
        # -DDD: strace is not the command's parent, so that the command's end is seen,
        # and in another session, so that who ends his own group does not end strace.
        # --seccomp-bpf: only what is asked for is stopped, the rest runs on.
        strace = ("strace", "-DDD", "-f", "--seccomp-bpf", "-qq", "-etrace=process")
        run(command, *strace, f"-o{trace}")
        settle()
        while marked(str(trace).encode()):
            time.sleep(0.01)
        lines = trace.read_text(errors="replace").splitlines()
    return 1 + sum(bool(FORK.search(at) or RESUMED.search(at)) for at in lines)


class Sampler(threading.Thread):
    """Watches the memory of all processes of a laptop, for the peak of their sum.

    Their proportional set sizes are added up, so that pages that several share count
    once. What lives for less than a few milliseconds goes unseen.
    """

    def __init__(self, mark: bytes) -> None:
        super().__init__(daemon=True)
        self._mark = mark
        self._over = threading.Event()
        self.peak = self.largest = 0.0

    def run(self) -> None:
        while not self._over.is_set():
            each = [_memory(process) for process in marked(self._mark)]
            self.peak = max(self.peak, sum(each))
            self.largest = max(self.largest, 0.0, *each)
            time.sleep(0.005)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.join()


def marked(mark: bytes) -> list[Path]:
    """The processes (folders of /proc) of a laptop.

    Args:
        mark: The name of its folder, which is random: a variable in their environment
            has it. A master of ssh writes its socket's name over its environment, and
            has it there.
    """
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            for file in ("environ", "cmdline"):
                if mark in (process / file).read_bytes():
                    found.append(process)
                    break
    return found


def _memory(process: Path) -> float:
    with suppress(OSError):
        for line in (process / "smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) / 1024
    return 0.0


def spread(samples: Sequence[float]) -> dict[str, float]:
    """The median of samples, their quartiles and their bounds."""
    if len(samples) > 1:
        low, middle, high = statistics.quantiles(samples, n=4, method="inclusive")
    else:
        low = middle = high = samples[0]
    return {
        "median": middle,
        "q1": low,
        "q3": high,
        "min": min(samples),
        "max": max(samples),
    }
