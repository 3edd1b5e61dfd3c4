"""What was in sync when: which files a pair had then, and what was in them.

Kept in the git directory, one for each working tree. It may be old or lost at any time:
history.py tells what else is known then.

Loaded by each git hook, so it loads nothing more than it must.
"""

import json
import os
import time
from typing import Any, NamedTuple

FOLDER = "notebooks"
SUFFIXES = (".py", ".ipynb")
ANSWER = "remote.toml"  # says whether git has the notebooks
# Two writes within one tick of the file system's clock can leave the same stat.
TICK = 20_000_000  # nanoseconds; kernels tick every 1 to 10 ms

Stat = tuple[int, ...] | None


class Failure(Exception):
    """What could not be done; the text is for the user."""


class Stats(NamedTuple):
    """How both files of a pair look from outside: changed stats, perhaps changed files.

    None is a file that is not there.
    """

    script: Stat = None
    notebook: Stat = None


class Base(NamedTuple):
    """What both sides held when they were last in sync.

    Attributes:
        script: The fingerprint of its cells.
        notebook: The same one, but where jupytext can't bring a cell through unchanged.
        kernel: The kernel that they named.
    """

    script: str
    notebook: str
    kernel: str = ""


class Moment(NamedTuple):
    """A place in git's log of HEAD: its lines up to then, and the last of them."""

    lines: int
    line: str


class Entry(NamedTuple):
    """What is noted of a pair that is in sync.

    Attributes:
        stats: Its files from outside.
        base: What both sides hold; None where the script is no notebook's.
        fit: The answer to notebooks_in_git for which a commit has made it clean.
        moment: When that was, in git's log of HEAD.
        note: The lab's note (history.py) that was known then, from outside.
    """

    stats: Stats
    base: Base | None
    fit: str = ""
    moment: Moment | None = None
    note: Stat = None


class Record:
    """The pairs of a working tree, as they are and as they were last in sync.

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
        self._news = False
        try:
            with open(self._path, encoding="utf-8") as file:
                self._entries = _entries(json.load(file))
        except (OSError, ValueError, RecursionError):
            pass  # there is none, or it is none of ours

    def is_settled(self) -> bool:
        """Whether no file has changed since its pair was in sync."""
        return self.now.keys() == self._entries.keys() and not self.changed()

    def changed(self) -> list[str]:
        """The pairs of which a file may have changed since they were in sync."""
        return [name for name in self.now if self.known(name) != self.now[name]]

    def known(self, name: str) -> Stats | None:
        """The stats that a pair had when it was last in sync."""
        return self._entries[name].stats if name in self._entries else None

    def entry(self, name: str) -> Entry | None:
        """What is noted of a pair, if it ever was in sync."""
        return self._entries.get(name)

    def is_fit(self, name: str, mode: str) -> bool:
        """Whether a commit left a pair fit for git, and it has not changed since.

        So the second try of a commit has next to nothing to do.

        Args:
            name: The pair.
            mode: The answer to notebooks_in_git: each asks for other notebooks.
        """
        unchanged = self.known(name) == self.now[name]
        return unchanged and self._entries[name].fit == mode

    def keep(self, name: str, entry: Entry) -> None:
        """Note that a pair is in sync, or that there is nothing to be in sync with.

        Args:
            name: The pair.
            entry: What is known of it: stats as they were when the files were read.
        """
        seen = self.now.get(name, Stats())
        sure = [
            it if it != was or self._is_old(it) else None
            for it, was in zip(entry.stats, seen, strict=True)
        ]
        self._entries[name] = entry._replace(stats=Stats(*sure))
        self._news = True

    def was_linked(self, name: str, before: Stat, after: Stat) -> None:
        """Note that a notebook has a second name: only its status' time is new.

        Args:
            name: The pair.
            before: The notebook's stat before that.
            after: Its stat since.
        """
        stats = self.known(name)
        if not stats or not before or not after or stats.notebook != before:
            return
        if (after[0], *after[2:]) == (before[0], *before[2:]):
            stats = stats._replace(notebook=after)
            self._entries[name] = self._entries[name]._replace(stats=stats)
            self._news = True

    def _is_old(self, stat: Stat) -> bool:
        """Whether a file can't have changed since without a change of its stat."""
        return stat is None or max(stat[:2]) < self._began - TICK

    def save(self) -> None:
        """Write it down, whole, if there is news."""
        told = {name: it for name, it in self._entries.items() if name in self.now}
        if not self._news and len(told) == len(self._entries):
            return
        write_whole(self._path, json.dumps(told).encode(), sync=True)

    def mark(self, git_has_both: bool) -> None:
        """If all is in sync now, note how each file looks, for hook.sh.

        Args:
            git_has_both: Whether git has the notebooks: then it brings them itself.
        """
        folder = os.path.dirname(self._path)
        answer = _line(ANSWER, stat_of(f"{self._root}/{ANSWER}"))
        if git_has_both:
            _write_changed(f"{folder}/remote-lab-both", answer)
        self.now = _find(self._root)
        if not self.is_settled():
            return  # what is noted there is no longer so, or was not noted at all
        lines = [answer]
        for name, stats in self.now.items():
            for suffix, stat in zip(SUFFIXES, stats, strict=True):
                lines.append(_line(f"{name}{suffix}", stat))
        _write_changed(f"{folder}/remote-lab-settled", b"".join(sorted(lines)))


def _line(path: str, stat: Stat) -> bytes:
    """How a file looks from outside, as hook.sh finds it; empty if it is not there."""
    if not stat:
        return b""
    _, changed, size, number = stat
    since = f"{changed // 10**9}.{changed % 10**9:09}0"
    line = f"{path} {since} {size} {number}\n"
    return line.encode(errors="surrogateescape")


def _entries(told: object) -> dict[str, Entry]:
    """What a record holds.

    Raises:
        ValueError: It holds something else.
    """
    if not isinstance(told, dict):
        raise ValueError("no record")
    return {name: _entry(*_padded(entry, 5, None)) for name, entry in told.items()}


def _entry(
    stats: object, base: object, fit: object, moment: object, note: object
) -> Entry:
    script, notebook, noted = (
        tuple(_list(stat, 4, int)) if stat else None
        for stat in (*_list(stats, 2), note)
    )
    if not isinstance(fit, str):
        raise ValueError("no answer")
    known = Base(*_list(_padded(base, 3, ""), 3, str)) if base else None
    count, line = _list(moment, 2) if moment else (0, "")
    if not isinstance(count, int) or not isinstance(line, str):
        raise ValueError("no moment")
    when = Moment(count, line) if moment else None
    return Entry(Stats(script, notebook), known, fit, when, noted)


def _padded(told: object, length: int, unknown: object) -> list[Any]:
    """A list as long as we write it; former versions wrote less."""
    if not isinstance(told, list) or len(told) > length:
        raise ValueError("no list of that length")
    return told + [unknown] * (length - len(told))


def _list(told: object, length: int, kind: type = object) -> list[Any]:
    if not isinstance(told, list) or len(told) != length:
        raise ValueError("no list of that length")
    if not all(isinstance(item, kind) for item in told):
        raise ValueError(f"an item is no {kind.__name__}")
    return told


def write_whole(path: str, content: bytes, sync: bool = False) -> None:
    """Write a file whole: another hook may read it meanwhile.

    Args:
        path: The file.
        content: What it should hold.
        sync: Have it on the disk before it has its name: it survives a power cut.
    """
    fresh = f"{path}.{os.getpid()}"
    with open(fresh, "wb") as file:
        file.write(content)
        if sync:
            file.flush()
            os.fsync(file.fileno())
    os.replace(fresh, path)


def _write_changed(path: str, content: bytes) -> None:
    """Write a file whole, if that is not what it holds."""
    try:
        with open(path, "rb") as file:
            if file.read() == content:
                return
    except OSError:
        pass
    write_whole(path, content)


def git_directory(root: str) -> str:
    """Where git keeps what is this working tree's own: it may be a linked one.

    Raises:
        Failure: There is no repository.
    """
    path = os.path.join(root, ".git")
    if os.path.isdir(path):
        return path
    if not os.path.exists(path):
        raise Failure(f"{root} is no git repository yet: ./remote setup")
    with open(path, encoding="utf-8") as file:
        return os.path.join(root, file.read().removeprefix("gitdir:").strip())


def leads_out(root: str, path: str) -> bool:
    """Whether a path below the root is, by a link, a file of somewhere else.

    The git directory counts as somewhere else: what is in there configures git.
    """
    inside = os.path.relpath(os.path.realpath(path), os.path.realpath(root))
    return inside.split(os.sep)[0] in (os.pardir, ".git")


def look(root: str, name: str) -> Stats:
    """The stats of a pair's files."""
    return Stats(stat_of(f"{root}/{name}.py"), stat_of(f"{root}/{name}.ipynb"))


def stat_of(path: str) -> Stat:
    """How a file looks from outside; None where there is none."""
    try:
        return _numbers(os.stat(path))
    except OSError:
        return None


def _numbers(stat: os.stat_result) -> Stat:
    return stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size, stat.st_ino


def _find(root: str) -> dict[str, Stats]:
    found: dict[str, Stats] = {}
    folders = [FOLDER]
    while folders:
        folder = folders.pop()
        try:
            entries = list(os.scandir(os.path.join(root, folder)))
        except OSError:
            continue  # gone, or not ours to read
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
