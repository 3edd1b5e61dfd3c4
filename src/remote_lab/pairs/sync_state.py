"""The state in which each pair was last in sync: its files, and what they held.

It is kept in the git directory of each working tree, and may be old or lost at any
time: history.py has what else is known.

Each git hook loads this module, so it imports only what it must.
"""

import json
import os
import time
from typing import Any, NamedTuple

FOLDER = "notebooks"
SUFFIXES = (".py", ".ipynb")
CONFIG = "remote.toml"  # has the answer to notebooks_in_git
# Two writes within one tick of the file system's clock can leave the same stat.
TICK = 20_000_000  # nanoseconds; kernels tick every 1 to 10 ms

Stat = tuple[int, ...] | None


class Failure(Exception):
    """A command failed; the text is for the user."""


class Stats(NamedTuple):
    """The stats of both files of a pair; None is a file that does not exist.

    Where a stat is the same, the file is.
    """

    script: Stat = None
    notebook: Stat = None


class Base(NamedTuple):
    """What both sides held when they were last in sync.

    Attributes:
        script: The fingerprint of its cells.
        notebook: The same, unless jupytext can't write a cell unchanged.
        kernel: The kernel that they named.
    """

    script: str
    notebook: str
    kernel: str = ""


class Moment(NamedTuple):
    """A position in git's log of HEAD: the number of lines, and the last of them."""

    lines: int
    line: str


class Entry(NamedTuple):
    """A pair that was in sync.

    Attributes:
        stats: The stats of its files.
        base: What both sides held; None where the script is plain Python.
        clean_for: The answer to notebooks_in_git for which a commit has cleaned it.
        moment: When that was, in git's log of HEAD.
        note: The stat of the lab's note (history.py) that was known then.
    """

    stats: Stats
    base: Base | None
    clean_for: str = ""
    moment: Moment | None = None
    note: Stat = None


class SyncState:
    """The pairs of a working tree: as they are, and as they were last in sync.

    Args:
        root: The project's folder.

    Raises:
        Failure: It is in no git repository.

    Attributes:
        now: The stats of each pair; its name is the path without the suffix.
    """

    def __init__(self, root: str) -> None:
        self._began = time.time_ns()
        self._root = root
        self.now = _find(root)
        self._path = os.path.join(git_directory(root), "remote-lab-pairs.json")
        self._entries: dict[str, Entry] = {}
        self._changed = False
        try:
            with open(self._path, encoding="utf-8") as file:
                self._entries = _entries(json.load(file))
        except (OSError, ValueError, RecursionError):
            pass  # there is none, or another program wrote it

    def is_in_sync(self) -> bool:
        """Whether no file has changed since its pair was in sync; reads no content."""
        return self.now.keys() == self._entries.keys() and not self.changed()

    def changed(self) -> list[str]:
        """The pairs whose files may have changed since they were in sync."""
        return [name for name in self.now if self.known(name) != self.now[name]]

    def known(self, name: str) -> Stats | None:
        """The stats that a pair had when it was last in sync."""
        return self._entries[name].stats if name in self._entries else None

    def entry(self, name: str) -> Entry | None:
        """The entry of a pair, if it ever was in sync."""
        return self._entries.get(name)

    def is_clean(self, name: str, mode: str) -> bool:
        """Whether a commit has cleaned a pair, and it has not changed since.

        So the second try of a commit has next to nothing to do.

        Args:
            name: The pair.
            mode: The answer to notebooks_in_git; notebooks differ with it.
        """
        unchanged = self.known(name) == self.now[name]
        return unchanged and self._entries[name].clean_for == mode

    def set_entry(self, name: str, entry: Entry) -> None:
        """Set the entry of a pair that is in sync, or that has one side only.

        Args:
            name: The pair.
            entry: The entry, with the stats as they were when the files were read.
        """
        seen = self.now.get(name, Stats())
        sure = [
            it if it != was or self._is_old(it) else None
            for it, was in zip(entry.stats, seen, strict=True)
        ]
        self._entries[name] = entry._replace(stats=Stats(*sure))
        self._changed = True

    def add_link(self, name: str, before: Stat, after: Stat) -> None:
        """Adapt the entry of a pair whose notebook got a hard link: its ctime is new.

        Args:
            name: The pair.
            before: The notebook's stat before that.
            after: Its stat after that.
        """
        stats = self.known(name)
        if not stats or not before or not after or stats.notebook != before:
            return
        if (after[0], *after[2:]) == (before[0], *before[2:]):
            stats = stats._replace(notebook=after)
            self._entries[name] = self._entries[name]._replace(stats=stats)
            self._changed = True

    def _is_old(self, stat: Stat) -> bool:
        """Whether each later change of a file must change its stat."""
        return stat is None or max(stat[:2]) < self._began - TICK

    def save(self) -> None:
        """Write the entries to the disk, if any has changed."""
        data = {name: it for name, it in self._entries.items() if name in self.now}
        if not self._changed and len(data) == len(self._entries):
            return
        write_whole(self._path, json.dumps(data).encode(), sync=True)


def _entries(data: object) -> dict[str, Entry]:
    """The entries in a sync state that was read from the disk.

    Raises:
        ValueError: It holds something else.
    """
    if not isinstance(data, dict):
        raise ValueError("no sync state")
    return {name: _entry(*_padded(entry, 5, None)) for name, entry in data.items()}


def _entry(
    stats: object, base: object, clean_for: object, moment: object, note: object
) -> Entry:
    script, notebook, note_stat = (
        tuple(_list(stat, 4, int)) if stat else None
        for stat in (*_list(stats, 2), note)
    )
    if not isinstance(clean_for, str):
        raise ValueError("no answer to notebooks_in_git")
    known = Base(*_list(_padded(base, 3, ""), 3, str)) if base else None
    count, line = _list(moment, 2) if moment else (0, "")
    if not isinstance(count, int) or not isinstance(line, str):
        raise ValueError("no moment")
    when = Moment(count, line) if moment else None
    return Entry(Stats(script, notebook), known, clean_for, when, note_stat)


def _padded(data: object, length: int, unknown: object) -> list[Any]:
    """A list of the length that we write; former versions wrote shorter ones."""
    if not isinstance(data, list) or len(data) > length:
        raise ValueError("no list of that length")
    return data + [unknown] * (length - len(data))


def _list(data: object, length: int, kind: type = object) -> list[Any]:
    """The data, if it is a list of that length and of items of that type.

    Raises:
        ValueError: It is not.
    """
    if not isinstance(data, list) or len(data) != length:
        raise ValueError("no list of that length")
    if not all(isinstance(item, kind) for item in data):
        raise ValueError(f"an item is no {kind.__name__}")
    return data


def write_whole(path: str, content: bytes, sync: bool = False) -> None:
    """Write a file beside, then rename it: another hook may read it meanwhile.

    Args:
        path: The file.
        content: What it should hold.
        sync: Write it to the disk before the rename, so that it survives a power cut.
    """
    fresh = f"{path}.{os.getpid()}"
    with open(fresh, "wb") as file:
        file.write(content)
        if sync:
            file.flush()
            os.fsync(file.fileno())
    os.replace(fresh, path)


def git_directory(root: str) -> str:
    """The git directory of a working tree, which may be a linked one.

    Raises:
        Failure: There is no repository.
    """
    path = os.path.join(root, ".git")
    if os.path.isdir(path):
        return path
    if not os.path.exists(path):
        raise Failure(
            f"{root} is no git repository yet. Nothing was changed.\n"
            "  Type: ./remote setup"
        )
    with open(path, encoding="utf-8") as file:
        return os.path.join(root, file.read().removeprefix("gitdir:").strip())


def leads_out(root: str, path: str) -> bool:
    """Whether a path below the root leads out of the project by a link.

    The git directory counts as outside: the files in there configure git.
    """
    inside = os.path.relpath(os.path.realpath(path), os.path.realpath(root))
    return inside.split(os.sep)[0] in (os.pardir, ".git")


def stats_of_pair(root: str, name: str) -> Stats:
    """The stats of a pair's files, as they are now."""
    return Stats(stat_of(f"{root}/{name}.py"), stat_of(f"{root}/{name}.ipynb"))


def stat_of(path: str) -> Stat:
    """mtime and ctime in ns, size and inode of a file; None if it does not exist."""
    try:
        return _numbers(os.stat(path))
    except OSError:
        return None


def _numbers(stat: os.stat_result) -> Stat:
    return stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size, stat.st_ino


def _find(root: str) -> dict[str, Stats]:
    """The stats of all pairs, by their names."""
    found: dict[str, Stats] = {}
    folders = [FOLDER]
    while folders:
        folder = folders.pop()
        try:
            entries = list(os.scandir(os.path.join(root, folder)))
        except OSError:
            continue  # it was deleted, or we may not read it
        for entry in entries:
            stem, suffix = os.path.splitext(entry.name)
            if entry.name.startswith(".") or "\n" in entry.name:
                continue  # such as .ipynb_checkpoints
            if entry.is_dir(follow_symlinks=False):
                folders.append(f"{folder}/{entry.name}")
            elif suffix in SUFFIXES and entry.is_file():
                name = f"{folder}/{stem}"
                side = "script" if suffix == ".py" else "notebook"
                stat = _numbers(entry.stat())
                found[name] = found.get(name, Stats())._replace(**{side: stat})
    return found
