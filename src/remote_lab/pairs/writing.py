"""Writes the files of a pair: whole, and never over an edit that was not read.

A file is exchanged with the new one in one step, and only then deleted. If it is not
the file that was read, since a program saved it in the last moment, it is restored.
"""

import os
import tempfile

from remote_lab.pairs.exchange import exchange
from remote_lab.pairs.history import Note, write_note
from remote_lab.pairs.pair import Result
from remote_lab.pairs.sync_state import (
    Entry,
    Failure,
    Stat,
    Stats,
    SyncState,
    leads_out,
    stat_of,
    stats_of_pair,
)
from remote_lab.pairs.verdict import Verdict


class Changed(Exception):
    """Another program saved a file meanwhile; the text is for the user."""


def write(
    root: str, state: SyncState, result: Result, known: Entry, lasting: bool
) -> list[str]:
    """Write a pair's files, and update the sync state.

    Args:
        root: The project's folder.
        state: It gets the new entry of the pair.
        result: What the files should hold.
        known: The new entry, without what only this function knows.
        lasting: Whether the files keep what is written; else there is no new entry.

    Returns:
        The files that were written.

    Raises:
        Changed: A file is not what it was when it was read.
    """
    name = result.name
    seen = state.now.get(name, Stats())
    texts = [(".py", result.script), (".ipynb", result.notebook)]
    if result.verdict is Verdict.NOTEBOOK:
        texts.reverse()
    # The edited side comes first: if the process ends in between, the other side is
    # unchanged, and is updated the next time.
    todo = [(f"{name}{suffix}", text) for suffix, text in texts if text is not None]
    if todo and stats_of_pair(root, name) != seen:
        raise _changed(name)
    for path, text in todo:
        if leads_out(root, f"{root}/{path}"):
            raise Failure(
                f"{path} is a link that leads out of the project. It was not written.\n"
                "  Replace the link by the file, and repeat the command."
            )
        was = seen.script if path.endswith(".py") else seen.notebook
        if not _replace(os.path.realpath(f"{root}/{path}"), text, was):
            raise _changed(path)
    if todo:
        after = stats_of_pair(root, name)
        seen = Stats(
            after.script if result.script is not None else seen.script,
            after.notebook if result.notebook is not None else seen.notebook,
        )
    if lasting and (result.base or result.verdict in (None, Verdict.OTHER_BRANCH)):
        if result.synced_script and result.base and known.moment:
            note = Note(result.synced_script, known.moment)
            known = known._replace(note=write_note(root, name, note, known.note))
        base = result.base or known.base
        state.set_entry(
            name, known._replace(stats=seen, base=base, clean_for=result.clean_for)
        )
    return [path for path, _ in todo]


def _changed(path: str) -> Changed:
    return Changed(
        f"{path}: another program saved it just now. It was not changed.\n"
        "  Repeat the command."
    )


def _replace(path: str, text: str, seen: Stat) -> bool:
    """Write a file whole or not at all, and keep its mode.

    Args:
        path: The file.
        text: What it should hold.
        seen: Its stat when it was read.

    Returns:
        Whether it was written: not if it has changed since it was read.
    """
    folder, name = os.path.split(path)
    number, fresh = tempfile.mkstemp(prefix=f".{name}.", dir=folder)
    try:
        with open(number, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(number)  # or a power cut may leave it empty under its name
        os.chmod(fresh, _mode(path))
        if stat_of(path) != seen:  # it took long to write a large file
            return False
        return _create(fresh, path) if seen is None else _swap(fresh, path, seen)
    except FileNotFoundError:  # deleted just now
        return False
    finally:
        if os.path.lexists(fresh):
            os.unlink(fresh)


def _create(fresh: str, path: str) -> bool:
    """Give a new file its name, unless there is a file of that name by now."""
    try:
        os.link(fresh, path)
    except FileExistsError:
        return False
    except OSError:  # the file system has no hard links
        os.replace(fresh, path)
    return True


def _swap(fresh: str, path: str, seen: Stat) -> bool:
    """Exchange two files, and undo it if the replaced file is not what was read.

    Returns:
        Whether the new file is in place. The file at the path `fresh` is to be deleted
        in either case.
    """
    ours = entering = stat_of(fresh)
    expected = seen
    while True:
        exchange(fresh, path)
        out = stat_of(fresh)
        if _same(out, expected):
            return entering == ours
        expected, entering = entering, out


def _same(now: Stat, was: Stat) -> bool:
    """Whether a file is unchanged; a rename changes its ctime."""
    if not now or not was:
        return now == was
    return (now[0], *now[2:]) == (was[0], *was[2:])


def _mode(path: str) -> int:
    try:
        return os.stat(path).st_mode & 0o7777
    except FileNotFoundError:
        mask = os.umask(0)
        os.umask(mask)
        return 0o666 & ~mask
