"""Which side of a pair was edited: by what is in them, never by the time of a file."""

from collections.abc import Callable, Set
from enum import Enum
from typing import NamedTuple

from remote_lab.pairs.sync_state import Base


class Now(NamedTuple):
    """The fingerprints of both sides; None is a side that is not there.

    Attributes:
        script: That of the script.
        notebook: That of the notebook.
        through: That of the script which the notebook would make: another one only
            where jupytext can't bring a cell through unchanged.
    """

    script: str | None
    notebook: str | None
    through: str | None = None


class Past(NamedTuple):
    """What is known of a pair's past; each is asked only where it counts.

    Attributes:
        head: Both sides in git's last commit.
        since: The scripts of the commits that HEAD has come to since both sides were
            known to be in sync.
        ever: The scripts of all commits that HEAD was ever on, or that lead there.
    """

    head: Callable[[], Now]
    since: Callable[[], Set[str]]
    ever: Callable[[], Set[str]]


class Verdict(Enum):
    """What is to be done with a pair."""

    IN_STEP = "in sync"
    SCRIPT = "the script was edited"
    NOTEBOOK = "the notebook was edited"
    BOTH = "both were edited, and differ"
    HALF = "one was deleted"
    PARKED = "the script is on another branch"


def judge(now: Now, base: Base | None, past: Past, notebooks_in_git: bool) -> Verdict:
    """Decide on a pair.

    A side that is as it was has nothing to lose: the other one was edited. Nor has a
    notebook that is what some commit's script is: git has it.

    Args:
        now: Both sides in the working tree.
        base: Both sides when they were last known to be in sync.
        past: What else is known.
        notebooks_in_git: Whether git has the notebooks, too.
    """
    if now.script is None or now.notebook is None:
        return _judge_one(now, base, past, notebooks_in_git)
    known = base and (base.script, base.notebook)
    if now.script in now[1:] or now[:2] == known:
        return Verdict.IN_STEP
    bases = [base] if base else []
    if notebooks_in_git:
        bases += _agreed(*past.head()[:2])
    elif _is_notebook_of(now, base) or now.through in past.since():
        # Before the script: it may be back at what it was long ago.
        return Verdict.SCRIPT
    for known_base in bases:
        if _is_notebook_of(now, known_base):
            return Verdict.SCRIPT
        if now.script == known_base.script:
            return Verdict.NOTEBOOK
    if now.through in past.ever():
        return Verdict.SCRIPT
    return _judge_unknown(now, base, past)


def _is_notebook_of(now: Now, base: Base | None) -> bool:
    if base is None:
        return False
    return now.notebook == base.notebook or now.through == base.script


def _judge_unknown(now: Now, base: Base | None, past: Past) -> Verdict:
    """Neither side is what both are known to have been."""
    if base:
        return Verdict.BOTH
    script = past.head().script
    unmoved = now.script == script and past.ever() <= {script}
    return Verdict.NOTEBOOK if unmoved else Verdict.BOTH


def _judge_one(
    now: Now, base: Base | None, past: Past, notebooks_in_git: bool
) -> Verdict:
    """A pair with one side: the other is not made yet, or was deleted."""
    head = past.head()
    if now.notebook is None:
        deleted = notebooks_in_git and head.notebook is not None
        return Verdict.HALF if deleted else Verdict.SCRIPT
    if head.script is not None:
        return Verdict.HALF
    if notebooks_in_git:
        return Verdict.NOTEBOOK
    known = _is_notebook_of(now, base) or now.through in past.ever()
    return Verdict.PARKED if known else Verdict.NOTEBOOK


def _agreed(script: str | None, notebook: str | None) -> list[Base]:
    if script is None or notebook is None or script != notebook:
        return []
    return [Base(script, notebook)]
