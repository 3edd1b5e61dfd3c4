#!/usr/bin/env -S uv run --script
# /// script
# requires-python = ">=3.11"
# dependencies = ["copier>=9.19", "pyyaml>=6", "pre-commit==4.7.0", "prek==0.5.11"]
# ///
"""How long a commit takes with our hook, beside others, over 500 pairs.

    uv run benchmarks/hooks.py [--json FILE]

See benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from measure import BenchmarkFailed, spread
from pairs_scene import (
    EDITS,
    NBSTRIPOUT,
    NO_OP,
    NOTHING,
    RECIPE,
    ROOT,
    SAVED,
    Repository,
    environment,
    pinned,
    project,
)
from rounds import note
from scene import calm

MODES = ("scripts", "both-stripped")
MANY = 100
VARIANTS = [(NOTHING, 0), *((how, count) for count in (1, MANY) for how in EDITS)]
BARE, FLOOR, PREK = "git alone", "pre-commit, no-op", "prek, no-op"
OURS, OURS_PREK, PEER = "pre-commit, ours", "prek, ours", "pre-commit, docs' recipe"
AWAY, REFRESHED, ALONE = "git checkout", "git checkout, ours", "the hook alone"
# Against pre-commit's no-op in the same mode, for the same commit.
AT_MOST = {0: 1.2, 1: 3.5}
AT_MOST_IN_TWO_TRIES = 5
# Against the recipe.
FASTER = {1: 3, MANY: 20}
REFRESH = 0.060  # seconds


@dataclass
class Row:
    """One way to commit: a repository, and what was measured in it.

    Attributes:
        name: As the table names it.
        repository: Where.
        variants: Which commits are made: how a pair was edited, and how many were.
        cells: Samples, and tries until the commit was accepted, by variant.
        missing: Why it is out; empty if it is not.
    """

    name: str
    repository: Repository
    variants: list[tuple[str, int]]
    cells: dict[str, dict[str, Any]] = field(default_factory=dict)
    missing: str = ""

    def sample(self, how: str, count: int, *, counts: bool) -> None:
        """Make one commit; where it fails, say why, and be out."""
        if self.missing or (how, count) not in self.variants:
            return
        try:
            scripts = self.repository.edit(how, count)
            calm()
            done = self.repository.commit()
            self.repository.check(scripts)
        except BenchmarkFailed as error:
            self.missing = str(error)
            note(f"{self.name}: {self.missing}")
            return
        if counts:
            fresh: dict[str, Any] = {"samples": [], "tries": []}
            fresh |= {"how": how, "count": count}
            cell = self.cells.setdefault(variant(how, count), fresh)
            cell["samples"].append(done.seconds)
            cell["tries"].append(done.tries)


def variant(how: str, count: int) -> str:
    """The name of a commit."""
    return f"{count} {how}" if count else how


def main() -> None:
    """Measure what the command line asks for, and print it."""
    options = arguments()
    # Not in memory: a commit waits for the disk.
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        figures = measured(Path(folder).resolve(), options)
    print("\n".join(report(figures)))
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n")


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, metavar="FILE", help="every figure")
    parser.add_argument("--runs", type=int, default=7, help="of each; 7 if not given")
    parser.add_argument(
        "--without-recipe",
        action="store_true",
        help="not the recipe of jupytext's docs, which takes most of the time",
    )
    parser.add_argument("--folder", help="where the repositories are made")
    return parser.parse_args()


def measured(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """All figures.

    Raises:
        BenchmarkFailed: The pairs could not even be made.
    """
    env = environment()
    figures: dict[str, Any] = {"runs": options.runs, "load": [os.getloadavg()]}
    figures |= {"machine": machine(), "modes": {}}
    for mode in MODES:
        note(f"{mode}: making the pairs")
        made = project(folder, mode, env)
        rows = list(contenders(made, options, figures["machine"]))
        for number in range(options.runs + 1):  # the first one warms up
            turn = number % len(rows)
            for how, count in VARIANTS:
                note(f"{mode}: round {number} of {options.runs}, {variant(how, count)}")
                for row in [*rows[turn:], *rows[:turn]]:
                    row.sample(how, count, counts=number > 0)
        figures["modes"][mode] = {
            row.name: {"missing": row.missing, "cells": told(row.cells)} for row in rows
        }
        away = checkouts(made.copy(f"{mode}-away"), options.runs)
        figures["modes"][mode] |= {
            name: {"missing": "", "cells": told({AWAY: {"samples": samples}})}
            for name, samples in away.items()
        }
    figures["load"].append(os.getloadavg())
    return figures


def contenders(
    made: Repository, options: argparse.Namespace, versions: dict[str, str]
) -> Iterator[Row]:
    """Who is measured on a project, each in a copy of it."""
    mode = made.root.name
    # Black has nothing to do with them, and so they are of no use there.
    simple = [(NOTHING, 0), (SAVED, 1), (SAVED, MANY)]
    for name, runner, hooks in (
        (BARE, "", NO_OP),
        (FLOOR, "pre-commit", NO_OP),
        (PREK, "prek", NO_OP),
    ):
        row = Row(name, made.copy(f"{mode}-{name}"), simple)
        row.repository.config(hooks)
        if runner:
            row.repository.run(runner, "install")
        yield row
    for name, runner in ((OURS, "pre-commit"), (OURS_PREK, "prek")):
        row = Row(name, made.copy(f"{mode}-{name}"), VARIANTS)
        row.repository.run(runner, "install", "-f", "--install-hooks")
        yield row
    if mode == "scripts" or options.without_recipe:
        return  # with ignored notebooks, it can never pass: jupytext#1442
    pins = {
        name: pinned((ROOT / "pyproject.toml").read_text(), name)
        for name in ("jupytext", "black")
    }
    versions |= {**pins, "nbstripout": NBSTRIPOUT}
    # At its best, with one try for 100 pairs: else it would take minutes for each run.
    fair = [(how, n) for how, n in VARIANTS if n < MANY or how == SAVED]
    row = Row(PEER, made.copy(f"{mode}-recipe"), fair)
    row.repository.config(RECIPE.format(**pins, nbstripout=NBSTRIPOUT))
    row.repository.run("pre-commit", "install", "-f", "--install-hooks")
    yield row


def checkouts(made: Repository, runs: int) -> dict[str, list[float]]:
    """Times of a checkout that changes no pair: without our hook, with it, it alone."""
    bare = made.copy(f"{made.root.name}-bare")
    for repository in (made, bare):
        repository.edit(NOTHING, 0)
        repository.run("git", "commit", "-q", "--no-verify", "-m", "another file")
    hook = bare.hooks / "post-checkout"
    hook.unlink()
    samples: dict[str, list[float]] = {AWAY: [], REFRESHED: [], ALONE: []}
    for number in range(2 * runs + 1):
        for name, where in ((AWAY, bare), (REFRESHED, made)):
            calm()
            to = ("@{-1}",) if number % 2 else ("--detach", "HEAD~1")  # back and forth
            samples[name].append(where.timed("git", "checkout", "-q", *to))
        calm()
        samples[ALONE].append(
            made.timed(".git/hooks/post-checkout", "HEAD", "HEAD", "1")
        )
    return {name: times[1:] for name, times in samples.items()}


def told(cells: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Cells with the median of their samples, and the spread."""
    return {name: {**cell, **spread(cell["samples"])} for name, cell in cells.items()}


def report(figures: dict[str, Any]) -> Iterator[str]:
    """The tables, one a mode, and the bars; the last line counts those that are met."""
    yield from (f"{name}: {value}" for name, value in figures["machine"].items())
    loads = [f"{load[0]:.1f}" for load in figures["load"]]
    yield f"load: {loads[0]} at the start, {loads[1]} at the end"
    for mode, rows in figures["modes"].items():
        yield ""
        yield f"notebooks_in_git: {mode}; x is a multiple of {FLOOR}"
        for name, row in rows.items():
            yield f"  {name}" + (f": out, {row['missing']}" if row["missing"] else "")
            for what, cell in row["cells"].items():
                yield "    " + line(what, cell, floor(rows, cell))
    yield ""
    figures["bars"] = list(bars(figures["modes"]))
    for bar in figures["bars"]:
        word = "met   " if bar["met"] else "MISSED"
        yield f"{word} {bar['what']}: {bar['is']:.2f}, bar {bar['bar']}"
    met = sum(bar["met"] for bar in figures["bars"])
    yield f"bars met: {met} of {len(figures['bars'])}"


def line(what: str, cell: dict[str, Any], under: float | None) -> str:
    """One line of a table."""
    low, middle, high = (f"{cell[k] * 1000:.0f}" for k in ("q1", "median", "q3"))
    times = f"{cell['median'] / under:6.2f} x" if under else " " * 8
    tries = f", {max(cell['tries'])} tries" if max(cell.get("tries", [1])) > 1 else ""
    return f"{what:26}{times}{middle:>8} ms  ({low}-{high}){tries}"


def floor(rows: dict[str, Any], cell: dict[str, Any]) -> float | None:
    """What pre-commit's no-op takes for as many pairs."""
    count = cell.get("count")
    if count is None:
        return None
    under = rows[FLOOR]["cells"].get(variant(SAVED if count else NOTHING, count))
    return float(under["median"]) if under else None


def bars(modes: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Each bar: what it is about, the figure, the bar, and whether it is met."""

    def bar(what: str, figure: float, limit: str, met: bool) -> dict[str, Any]:
        return {"what": what, "is": figure, "bar": limit, "met": met}

    peer = modes["both-stripped"].get(PEER, {"cells": {}})["cells"]
    for mode, rows in modes.items():
        for what, cell in rows[OURS]["cells"].items():
            count, under = cell["count"], floor(rows, cell)
            most = AT_MOST.get(count)
            if most and max(cell["tries"]) > 1:
                most = AT_MOST_IN_TWO_TRIES
            if under and most:
                is_ = cell["median"] / under
                title = f"{mode}, {what}: x {FLOOR}"
                yield bar(title, is_, f"at most {most}", is_ <= most)
            if count in FASTER and what in peer:
                is_ = peer[what]["median"] / cell["median"]
                title = f"{mode}, {what}: faster than the recipe"
                yield bar(title, is_, f"at least {FASTER[count]}", is_ >= FASTER[count])
        alone = rows[ALONE]["cells"][AWAY]["median"]
        added = rows[REFRESHED]["cells"][AWAY]["median"]
        added -= rows[AWAY]["cells"][AWAY]["median"]
        for what, seconds in ((ALONE, alone), ("what it adds to a checkout", added)):
            title, limit = f"{mode}, refresh, {what}: s", f"at most {REFRESH}"
            yield bar(title, seconds, limit, seconds <= REFRESH)


def machine() -> dict[str, str]:
    """What this ran on, and with which programs."""

    def says(*argv: str) -> str:
        done = subprocess.run(argv, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    return {
        "date": time.strftime("%Y-%m-%d"),
        "processors": f"{os.cpu_count()} x {platform.processor() or '?'}",
        "kernel": platform.release(),
        "python": sys.version.split()[0],
        "git": says("git", "--version"),
        "pre-commit": says("pre-commit", "--version"),
        "prek": says("prek", "--version"),
    }


if __name__ == "__main__":
    main()
