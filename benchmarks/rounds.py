"""The rounds: every contender once, then all of them again.

So what else the machine does hits all alike. The first round warms up, and does not
count.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import Any

from contender import PUSHES, Contender
from measure import BenchmarkFailed, Sampler, processes, run, spread


def measured(title: str, contenders: Sequence[Contender], runs: int) -> dict[str, Any]:
    """All figures of some contenders; the first is the floor.

    Raises:
        BenchmarkFailed: There is no floor.
    """
    rows: dict[str, Any] = {
        each.name: {
            "how": each.how,
            "peer": each.peer,
            "missing": each.missing,
            "cells": {v: {"samples": [], "crossed": []} for v in each.variants},
        }
        for each in contenders
    }
    pushes = [p for p in PUSHES if any(p in each.variants for each in contenders)]
    for number in range(runs + 1):
        note(f"{title}: round {number} of {runs}")
        turn = number % len(contenders)
        for push in pushes:
            # A login and a start have no variants: they are sampled beside each push.
            for each in [*contenders[turn:], *contenders[:turn]]:
                for variant in each.variants:
                    if variant == push or variant not in PUSHES:
                        sample(each, variant, rows[each.name], counts=number > 0)
    floor = contenders[0].name
    if rows[floor]["missing"]:
        raise BenchmarkFailed(f"{title}: {floor}: {rows[floor]['missing']}")
    note(f"{title}: memory and processes")
    for each in contenders:
        for variant, cell in rows[each.name]["cells"].items():
            if cell["samples"]:
                cell.update(spread(cell["samples"]))
                cell.update(watched(each, variant))
    return {"title": title, "floor": floor, "rows": rows}


def sample(each: Contender, variant: str, row: dict[str, Any], *, counts: bool) -> None:
    """Time one push once; where it fails, its row says why, and it is out."""
    if row["missing"]:
        return
    way = each.scene.way
    try:
        each.prepare(variant)
        if way:
            way.figures()
        seconds = run(each.command(variant)).seconds
        crossed = way.figures() if way else {}
        each.check(variant)
    except BenchmarkFailed as error:
        row["missing"] = f"failed: {error}"
        note(f"{each.name}: {row['missing']}")
        return
    if counts:
        row["cells"][variant]["samples"].append(seconds)
        row["cells"][variant]["crossed"].append(crossed)


def watched(each: Contender, variant: str) -> dict[str, float]:
    """Peak memory and processes, from two runs that are not timed."""
    told: dict[str, float] = {}
    try:
        each.prepare(variant)
        with Sampler(each.scene.mark) as sampler:
            run(each.command(variant))
        told |= {"memory": sampler.peak, "largest": sampler.largest}
        each.prepare(variant)
        told["processes"] = processes(each.command(variant), each.scene.settle)
    except BenchmarkFailed as error:
        note(f"{each.name}, {variant}: {error}")
    return told


def note(text: str) -> None:
    """Say how far it is."""
    print(f"[{time.strftime('%H:%M:%S')}] {text}", file=sys.stderr, flush=True)
