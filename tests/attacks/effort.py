"""How often an attack is tried: a little in the suite, much in `make attack`."""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")

FULL = os.environ.get("REMOTE_LAB_ATTACK") == "full"


def rounds(daily: int, full: int) -> int:
    """How many rounds an attack plays.

    Args:
        daily: In `make test`, where every second counts.
        full: In `make attack`, which sets REMOTE_LAB_ATTACK=full.
    """
    return full if FULL else daily


def chosen(cases: Sequence[T], daily: int) -> list[T]:
    """The cases that are tried, in order: all of them in `make attack`.

    `make test` tries the first, the last, and others at random. Those change from day
    to day; REMOTE_LAB_SEED (see the head of the report) brings a day's choice back.

    Args:
        cases: All that there are.
        daily: How many of them `make test` tries; 2 at least.
    """
    if FULL or len(cases) <= daily:
        return list(cases)
    last = len(cases) - 1
    dice = random.Random(os.environ.get("REMOTE_LAB_SEED", "0"))
    between = dice.sample(range(1, last), daily - 2)
    return [cases[number] for number in sorted([0, *between, last])]
