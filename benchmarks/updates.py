"""How long `copier update` takes, beside `copier copy` of the same version.

    uv run --frozen --group test python benchmarks/updates.py [--runs 5]

Each run is a new process, as a user starts it, on this machine alone: the template is a
clone with the working tree as its newest release. The bars: an update that changes
nothing takes 5 s, and 3 times the copy, at most. The time on the processor, of all
processes, stands beside the wall time: other work on the machine disturbs it less. It
exits with 0 whatever it finds: a benchmark is no test.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from releases import NEWEST, RELEASES, reference, releases

SECONDS, TIMES = 5.0, 3.0  # the bars
COPIER = [sys.executable, "-m", "copier"]
IDENTITY = ["-c", "user.name=t", "-c", "user.email=t@example.org"]


class Took(NamedTuple):
    """What a command took, in seconds."""

    wall: float
    processor: float


def timed(*command: str, cwd: Path) -> Took:
    """Run a command that must succeed."""
    begun, used = time.perf_counter(), processor()
    subprocess.run(command, cwd=cwd, check=True, stdout=subprocess.DEVNULL)
    return Took(time.perf_counter() - begun, processor() - used)


def processor() -> float:
    """The seconds that all ended children have used."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def copy(release: str, folder: Path) -> Took:
    """Make the folder a project of a release."""
    words = ("--defaults", "--skip-tasks", "-d", "project_name=Titanic")
    version = ("--vcs-ref", reference(release))
    given = (*COPIER, "copy", "-q", *words, *version, str(releases()), str(folder))
    return timed(*given, cwd=folder.parent)


def update(release: str, folder: Path) -> Took:
    """Make such a project and commit it; what its update takes."""
    copy(release, folder)
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "made"]):
        timed("git", *IDENTITY, *words, cwd=folder)
    return timed(*COPIER, "update", "-q", "--trust", "--defaults", cwd=folder)


def median(measure: Callable[[str, Path], Took], release: str, runs: int) -> Took:
    """The medians of several runs, each in a new folder."""
    taken = []
    for _ in range(runs):
        with tempfile.TemporaryDirectory() as folder:
            taken.append(measure(release, Path(folder, "project")))
    return Took(*(statistics.median(column) for column in zip(*taken, strict=True)))


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=5)
    runs = parser.parse_args().runs
    releases()
    print(f"{runs} runs each, load {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores")
    print(f"{'':24} {'wall':>8} {'':>6} {'processor':>9}")
    floor = median(copy, NEWEST, runs)
    print(
        f"{'copy of the newest':24} {floor.wall:6.2f} s {'':6} {floor.processor:7.2f} s"
    )
    for release in (NEWEST, *RELEASES):
        took = median(update, release, runs)
        name = "nothing to do" if release == NEWEST else f"from {release}"
        ratios = [ours / theirs for ours, theirs in zip(took, floor, strict=True)]
        print(
            f"{'update, ' + name:24} {took.wall:6.2f} s {ratios[0]:5.1f}x"
            f" {took.processor:7.2f} s {ratios[1]:5.1f}x"
        )
        if release == NEWEST:
            bars = [took.wall <= SECONDS, ratios[0] <= TIMES]
    print(f"bars ({SECONDS:g} s, {TIMES:g} times the copy): {sum(bars)} of 2 met")


if __name__ == "__main__":
    main()
