"""What was worked out for a pair comes into its files: whole, and never over news.

A file is exchanged with the new one in one step, and only then deleted: if it is not
the one that was read, since somebody saved it in the last moment, it is put back.
"""

import os
import tempfile

from remote_lab.pairs.exchange import exchange
from remote_lab.pairs.history import Note, leave_note
from remote_lab.pairs.pair import Treated
from remote_lab.pairs.sync_state import (
    Entry,
    Failure,
    Record,
    Stat,
    Stats,
    leads_out,
    look,
    stat_of,
)
from remote_lab.pairs.verdict import Verdict


class Changed(Exception):
    """A file was saved by somebody else meanwhile; the text says which."""


def write(
    root: str, record: Record, treated: Treated, known: Entry, lasts: bool
) -> list[str]:
    """Write a pair's files, and note that it is in sync.

    Args:
        root: The project's folder.
        record: What was in sync when.
        treated: What the files should hold.
        known: What is to be noted, but for what is known here alone.
        lasts: Whether they will hold it on; else the pair is not in sync for long.

    Returns:
        The files that were written.

    Raises:
        Changed: A file is not what it was when it was read.
    """
    name = treated.name
    seen = record.now.get(name, Stats())
    texts = [(".py", treated.script), (".ipynb", treated.notebook)]
    if treated.verdict is Verdict.NOTEBOOK:
        texts.reverse()
    # The side that was edited comes first: whoever dies in between leaves a pair of
    # which the other side is as it was, and follows the next time.
    todo = [(f"{name}{suffix}", text) for suffix, text in texts if text is not None]
    if todo and look(root, name) != seen:
        raise _changed(name)
    for path, text in todo:
        if leads_out(root, f"{root}/{path}"):
            raise Failure(
                f"{path} is a link that leads out of the project: not written."
            )
        was = seen.script if path.endswith(".py") else seen.notebook
        if not _replace(os.path.realpath(f"{root}/{path}"), text, was):
            raise _changed(path)
    if todo:
        after = look(root, name)
        seen = Stats(
            after.script if treated.script is not None else seen.script,
            after.notebook if treated.notebook is not None else seen.notebook,
        )
    if lasts and (treated.base or treated.verdict in (None, Verdict.PARKED)):
        if treated.agreed and treated.base and known.moment:
            note = Note(treated.agreed, known.moment)
            known = known._replace(note=leave_note(root, name, note, known.note))
        base = treated.base or known.base
        record.keep(name, known._replace(stats=seen, base=base, fit=treated.fit))
    return [path for path, _ in todo]


def _changed(path: str) -> Changed:
    return Changed(
        f"{path} was saved just now, and is left as it is. Once more, please."
    )


def _replace(path: str, text: str, seen: Stat) -> bool:
    """Write a file whole or not at all, with the mode that it had.

    Args:
        path: The file.
        text: What it should hold.
        seen: Its stat when it was read.

    Returns:
        Whether it was written; not if it is not what it was when it was read.
    """
    folder, name = os.path.split(path)
    number, fresh = tempfile.mkstemp(prefix=f".{name}.", dir=folder)
    try:
        with open(number, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(number)  # or a power cut may leave it empty under its name
        os.chmod(fresh, _mode(path))
        if stat_of(path) != seen:  # to write much has taken long
            return False
        return _create(fresh, path) if seen is None else _swap(fresh, path, seen)
    except FileNotFoundError:  # deleted just now
        return False
    finally:
        if os.path.lexists(fresh):
            os.unlink(fresh)


def _create(fresh: str, path: str) -> bool:
    """Give a new file its name, unless there is one of that name by now."""
    try:
        os.link(fresh, path)
    except FileExistsError:
        return False
    except OSError:  # the file system has no hard links
        os.replace(fresh, path)
    return True


def _swap(fresh: str, path: str, seen: Stat) -> bool:
    """Exchange two files, and put back what came out if nobody has read that.

    Returns:
        Whether the fresh file is in place; the one under its name can go then, or else
        is the one that was to come in.
    """
    ours = entering = stat_of(fresh)
    awaited = seen
    while True:
        exchange(fresh, path)
        out = stat_of(fresh)
        if _same(out, awaited):
            return entering == ours
        awaited, entering = entering, out


def _same(now: Stat, was: Stat) -> bool:
    """Whether a file is unchanged; to be renamed changes the time of its status."""
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
