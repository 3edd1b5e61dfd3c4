"""A pair on its way: what is asked about it, and what came of it."""

from collections.abc import Sequence
from typing import NamedTuple

from remote_lab.pairs.history import Note
from remote_lab.pairs.sync_state import Base, Entry
from remote_lab.pairs.verdict import Verdict


class Task(NamedTuple):
    """A pair to be treated.

    Attributes:
        name: Its path without the suffix.
        entry: What is noted of it.
        note: The lab's note, where that is later.
        log: Git's log of HEAD.
        head: The texts of script and notebook in the last commit.
        ours: The notebook on our side of a merge, where that is under way.
        staged: Whether it is part of a commit to be made: formatted, and clean.
        scripts: Whether scripts may be written: not by a refresh.
        wins: ".py" or ".ipynb", where the user has decided.
    """

    name: str
    entry: Entry | None = None
    note: Note | None = None
    log: Sequence[str] = ()
    head: tuple[str | None, str | None] = (None, None)
    ours: str | None = None
    staged: bool = False
    scripts: bool = True
    wins: str = ""


class Treated(NamedTuple):
    """What came of it.

    Attributes:
        name: The pair.
        verdict: None where there is nothing to judge.
        script: The text that the script should have; None: it has it.
        notebook: The same of the .ipynb file.
        base: What both sides hold then, if they are in sync.
        agreed: The text of the script then.
        lost: Cells that are overwritten, as a script, if the commit does not have them.
        formatted: How many cells black has changed.
        fit: The answer to notebooks_in_git, where the pair is fit to be committed then.
        unreadable: The file that can't be read, and why.
    """

    name: str
    verdict: Verdict | None = None
    script: str | None = None
    notebook: str | None = None
    base: Base | None = None
    agreed: str = ""
    lost: str | None = None
    formatted: int = 0
    fit: str = ""
    unreadable: tuple[str, str] | None = None
