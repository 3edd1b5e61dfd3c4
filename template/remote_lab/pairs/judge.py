"""Which side of a pair was edited: by what is in them, never by the time of a file."""

from collections.abc import Callable
from enum import Enum
from typing import NamedTuple

from remote_lab.pairs.record import Base


class Now(NamedTuple):
    """The fingerprints of both sides; None is a side that is not there."""

    script: str | None
    notebook: str | None


class Verdict(Enum):
    """What is to be done with a pair."""

    IN_STEP = "in step"
    SCRIPT = "the script was edited"
    NOTEBOOK = "the notebook was edited"
    BOTH = "both were edited, and differ"
    HALF = "one was deleted"
    PARKED = "the script is on another branch"


def judge(
    now: Now, recorded: Base | None, head: Callable[[], Now], notebooks_in_git: bool
) -> Verdict:
    """Decide on a pair.

    Args:
        now: Both sides in the working tree.
        recorded: Both sides when they were last in step.
        head: Tells both sides in git's last commit; asked only where that counts, since
            they have to be read.
        notebooks_in_git: Whether git has the notebooks, too.
    """
    if now.script is None or now.notebook is None:
        return _judge_one(now, recorded, head(), notebooks_in_git)
    if now.script == now.notebook or tuple(now) == recorded:
        return Verdict.IN_STEP
    bases = [recorded] if recorded else []
    if notebooks_in_git:
        bases += _agreed(*head())
    elif not recorded:
        script = head().script
        bases += _agreed(script, script)
    # A side that is as it was has nothing to lose: the other one was edited.
    for base in bases:
        if now.notebook == base.notebook:
            return Verdict.SCRIPT
        if now.script == base.script:
            return Verdict.NOTEBOOK
    return Verdict.BOTH


def _judge_one(
    now: Now, recorded: Base | None, head: Now, notebooks_in_git: bool
) -> Verdict:
    """A pair with one side: the other is not made yet, or was deleted."""
    if now.notebook is None:
        deleted = notebooks_in_git and head.notebook is not None
        return Verdict.HALF if deleted else Verdict.SCRIPT
    if head.script is not None:
        return Verdict.HALF
    if recorded and not notebooks_in_git and now.notebook == recorded.notebook:
        return Verdict.PARKED
    return Verdict.NOTEBOOK


def _agreed(script: str | None, notebook: str | None) -> list[Base]:
    if script is None or notebook is None or script != notebook:
        return []
    return [Base(script, notebook)]
