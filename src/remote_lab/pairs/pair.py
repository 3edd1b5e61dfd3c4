"""What is known of a pair before it is reconciled, and the result."""

from collections.abc import Sequence
from typing import NamedTuple

from remote_lab.pairs.history import Note
from remote_lab.pairs.sync_state import Base, Entry
from remote_lab.pairs.verdict import Verdict


class Task(NamedTuple):
    """A pair to reconcile.

    Attributes:
        name: Its path without the suffix.
        entry: Its entry in the sync state.
        note: The lab's note, if it is newer than the entry.
        log: Git's log of HEAD.
        head: The texts of script and notebook in the last commit.
        ours: The notebook on our side of a merge, if one is in progress.
        staged: Whether it is part of the next commit: then it is formatted and cleaned.
        scripts: Whether scripts may be written; a refresh does not write them.
        winner: ".py" or ".ipynb", if the user has chosen the side to keep.
    """

    name: str
    entry: Entry | None = None
    note: Note | None = None
    log: Sequence[str] = ()
    head: tuple[str | None, str | None] = (None, None)
    ours: str | None = None
    staged: bool = False
    scripts: bool = True
    winner: str = ""


class Result(NamedTuple):
    """What a pair's files should hold.

    Attributes:
        name: The pair.
        verdict: None if it is no pair: plain Python, or another language.
        script: The new text of the script; None: it stays as it is.
        notebook: The new text of the .ipynb file; None: it stays as it is.
        base: What both sides hold after that, if they are in sync.
        synced_script: The text of the script after that.
        overwritten: The cells that are overwritten, as a script, if no commit has them.
        formatted: The number of cells that black changed.
        clean_for: The answer to notebooks_in_git for which it is clean after that.
        unreadable: The file that can't be read, and the reason.
    """

    name: str
    verdict: Verdict | None = None
    script: str | None = None
    notebook: str | None = None
    base: Base | None = None
    synced_script: str = ""
    overwritten: str | None = None
    formatted: int = 0
    clean_for: str = ""
    unreadable: tuple[str, str] | None = None
