"""Second names of the notebooks that git ignores: git deletes and replaces such files.

It writes a new file in place of theirs, or unlinks them. A hard link in the git
directory then still has the former content. JupyterLab and VS Code save into the file
that is there: the link needs no work at a save.

Below `<common git directory>/remote-lab/notebooks`:

  main, worktrees/NAME    the links, as the notebooks lie in that working tree
  former/DATE             what git deleted or replaced; deleted after 14 days
"""

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import cached_property
from typing import NamedTuple

from remote_lab.pairs.repository import tracked
from remote_lab.pairs.sync_state import FOLDER, Record, git_directory, stat_of

KEPT_FOR = 14 * 86400 * 10**9  # nanoseconds


class Former(NamedTuple):
    """Notebooks that git deleted or replaced.

    Attributes:
        paths: In their working tree.
        folder: Where they are now.
        tree: The name of their working tree, where that one is removed.
    """

    paths: list[str]
    folder: str
    tree: str = ""


class Links:
    """The links of a working tree.

    Args:
        root: The project's folder.

    Raises:
        Failure: It is in no git repository.
    """

    def __init__(self, root: str) -> None:
        self._root = root
        own = os.path.realpath(git_directory(root))
        self._common = own
        with suppress(OSError), open(f"{own}/commondir", encoding="utf-8") as file:
            self._common = os.path.realpath(os.path.join(own, file.read().strip()))
        self._store = f"{self._common}/remote-lab/notebooks"
        name = os.path.relpath(own, self._common)
        self._folder = f"{self._store}/{'main' if name == os.curdir else name}"

    def rescue(self, ignored: bool) -> list[Former]:
        """Put aside what git deleted or replaced since the last call.

        It comes before a Record: to delete a link changes the time of a file's status.

        Args:
            ignored: Whether git ignores the notebooks; else it needs no links any more.

        Returns:
            What is new there.
        """
        self._expire()
        lost = []
        for path in _files(self._folder):
            link = f"{self._folder}/{path}"
            here = os.path.lexists(f"{self._root}/{path}")
            alone = os.stat(link).st_nlink == 1
            # A file that git does not track was replaced by a program that saves so.
            if alone and (not here or path in self._tracked):
                lost.append(path)
            elif not here or not ignored:  # renamed, or git has it
                os.unlink(link)
        found = [Former(lost, self._put_aside(self._folder, lost))] if lost else []
        if not ignored:
            _prune(self._folder)
        return found + list(self._of_removed_trees())

    @cached_property
    def _tracked(self) -> set[str]:
        return tracked(self._root, [FOLDER])

    def _of_removed_trees(self) -> Iterator[Former]:
        trees = f"{self._store}/worktrees"
        for name in _listed(trees):
            if os.path.exists(f"{self._common}/worktrees/{name}"):
                continue
            paths = _files(f"{trees}/{name}")
            if paths:
                yield Former(paths, self._put_aside(f"{trees}/{name}", paths), name)

    def _put_aside(self, folder: str, paths: list[str]) -> str:
        fresh = time.strftime(f"{self._store}/former/%Y-%m-%d-%H%M%S")
        while os.path.lexists(fresh):
            fresh += "+"
        for path in paths:
            os.makedirs(os.path.dirname(f"{fresh}/{path}"), exist_ok=True)
            with suppress(FileNotFoundError):  # another worktree's hook was first
                os.rename(f"{folder}/{path}", f"{fresh}/{path}")
        _prune(folder)
        return fresh

    def _expire(self) -> None:
        for name in _listed(f"{self._store}/former"):
            folder = f"{self._store}/former/{name}"
            if (seen := stat_of(folder)) and seen[0] < time.time_ns() - KEPT_FOR:
                import shutil

                shutil.rmtree(folder, ignore_errors=True)

    def refresh(self, record: Record) -> None:
        """Have a link of each notebook that git ignores.

        Args:
            record: It is told of each link, which changes the time of a file's status.
        """
        for name in record.now:
            path = f"{name}.ipynb"
            here, link = f"{self._root}/{path}", f"{self._folder}/{path}"
            before = stat_of(here)
            if not before or before == stat_of(link):
                continue
            if os.path.islink(here) or path in self._tracked:
                continue
            with suppress(OSError):  # not every file system has hard links
                os.makedirs(os.path.dirname(link), exist_ok=True)
                with suppress(FileNotFoundError):
                    os.unlink(link)
                os.link(here, link)
                record.was_linked(name, before, stat_of(here))


def _files(folder: str) -> list[str]:
    """The files below a folder."""
    return [
        os.path.relpath(os.path.join(at, name), folder)
        for at, _, names in os.walk(folder)
        for name in names
    ]


def _listed(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _prune(folder: str) -> None:
    """Delete the folders that are empty, this one too."""
    for at, _, _ in os.walk(folder, topdown=False):
        with suppress(OSError):
            os.rmdir(at)
