"""Which side of a pair was edited: the content decides, never the time of a file."""

from collections.abc import Callable, Set
from enum import Enum
from typing import NamedTuple

from remote_lab.pairs.sync_state import Base


class Current(NamedTuple):
    """The fingerprints of both sides; None is a side that does not exist.

    Attributes:
        script: The fingerprint of the script.
        notebook: The fingerprint of the notebook.
        round_trip: The fingerprint of the script that the notebook would make. It
            differs from `notebook` only where jupytext can't write a cell unchanged.
    """

    script: str | None
    notebook: str | None
    round_trip: str | None = None


class Past(NamedTuple):
    """The history of a pair; each function is called only when its answer matters.

    Attributes:
        head: Both sides in the last commit.
        since: The scripts of the commits that HEAD has moved to since both sides were
            known to be in sync.
        ever: The scripts of all commits that HEAD was ever on, or that lead there.
    """

    head: Callable[[], Current]
    since: Callable[[], Set[str]]
    ever: Callable[[], Set[str]]


class Verdict(Enum):
    """The state of a pair; the value is for the user."""

    IN_SYNC = "in sync"
    SCRIPT = "the script was edited"
    NOTEBOOK = "the notebook was edited"
    BOTH = "both were edited, and differ"
    ONE_DELETED = "one was deleted"
    OTHER_BRANCH = "the script is on another branch"


def decide(
    now: Current, base: Base | None, past: Past, git_has_notebooks: bool
) -> Verdict:
    """Decide which side of a pair was edited.

    A side that did not change can be overwritten: the other one was edited. The same
    holds for a notebook with the cells of the script in some commit: git has them.

    Args:
        now: Both sides in the working tree.
        base: Both sides when they were last known to be in sync.
        past: What else is known.
        git_has_notebooks: Whether git tracks the notebooks, too.
    """
    if now.script is None or now.notebook is None:
        return _decide_single(now, base, past, git_has_notebooks)
    known = base and (base.script, base.notebook)
    if now.script in now[1:] or now[:2] == known:
        return Verdict.IN_SYNC
    bases = [base] if base else []
    if git_has_notebooks:
        bases += _base_of_head(past.head())
    elif _notebook_is_of(base, now) or now.round_trip in past.since():
        # Before the script is compared: it may be back at a former state.
        return Verdict.SCRIPT
    for known_base in bases:
        if _notebook_is_of(known_base, now):
            return Verdict.SCRIPT
        if now.script == known_base.script:
            return Verdict.NOTEBOOK
    if now.round_trip in past.ever():
        return Verdict.SCRIPT
    return _decide_unknown(now, base, past)


def _notebook_is_of(base: Base | None, now: Current) -> bool:
    """Whether the notebook is as it was when both sides were in sync."""
    if base is None:
        return False
    return now.notebook == base.notebook or now.round_trip == base.script


def _decide_unknown(now: Current, base: Base | None, past: Past) -> Verdict:
    """Decide where neither side is as it is known to have been."""
    if base:
        return Verdict.BOTH
    script = past.head().script
    never_changed = now.script == script and past.ever() <= {script}
    return Verdict.NOTEBOOK if never_changed else Verdict.BOTH


def _decide_single(
    now: Current, base: Base | None, past: Past, git_has_notebooks: bool
) -> Verdict:
    """Decide where one side is missing: it is not made yet, or was deleted."""
    head = past.head()
    if now.notebook is None:
        deleted = git_has_notebooks and head.notebook is not None
        return Verdict.ONE_DELETED if deleted else Verdict.SCRIPT
    if head.script is not None:
        return Verdict.ONE_DELETED
    if git_has_notebooks:
        return Verdict.NOTEBOOK
    known = _notebook_is_of(base, now) or now.round_trip in past.ever()
    return Verdict.OTHER_BRANCH if known else Verdict.NOTEBOOK


def _base_of_head(head: Current) -> list[Base]:
    """The last commit as a base, if both sides were in sync there."""
    if head.script is None or head.notebook is None or head.script != head.notebook:
        return []
    return [Base(head.script, head.notebook)]
