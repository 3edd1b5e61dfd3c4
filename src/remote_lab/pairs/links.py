"""Hard links to the notebooks that git ignores: git deletes and replaces such files.

Git unlinks the notebook, or writes a new file in its place. The hard link in the git
directory then still has the former content. JupyterLab and VS Code save into the
existing file, so the link needs no update at a save.

Below `<common git directory>/remote-lab/notebooks`:

  main, worktrees/NAME    the links, at the paths of their notebooks
  former/DATE             what git deleted or replaced; deleted after 14 days
"""

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import cached_property
from typing import NamedTuple

from remote_lab.pairs.repository import tracked
from remote_lab.pairs.sync_state import FOLDER, SyncState, git_directory, stat_of

KEPT_FOR = 14 * 86400 * 10**9  # nanoseconds


class Rescued(NamedTuple):
    """Notebooks that git deleted or replaced.

    Attributes:
        paths: Their paths in the working tree.
        folder: The folder that has them now.
        worktree: The name of their working tree, if that was removed.
    """

    paths: list[str]
    folder: str
    worktree: str = ""


class NotebookLinks:
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

    def rescue(self, ignored: bool) -> list[Rescued]:
        """Keep what git deleted or replaced since the last call.

        Call it before a SyncState is made: to delete a link changes a file's ctime.

        Args:
            ignored: Whether git ignores the notebooks; else the links are deleted.

        Returns:
            What was rescued by this call.
        """
        self._delete_old()
        lost = []
        for path in _files(self._folder):
            link = f"{self._folder}/{path}"
            here = os.path.lexists(f"{self._root}/{path}")
            alone = os.stat(link).st_nlink == 1
            # Where git does not track the file, a program has saved it by a rename.
            if alone and (not here or path in self._tracked):
                lost.append(path)
            elif not here or not ignored:  # it was renamed, or git has it
                os.unlink(link)
        found = [Rescued(lost, self._move(self._folder, lost))] if lost else []
        if not ignored:
            _prune(self._folder)
        return found + list(self._of_removed_worktrees())

    @cached_property
    def _tracked(self) -> set[str]:
        return tracked(self._root, [FOLDER])

    def _of_removed_worktrees(self) -> Iterator[Rescued]:
        worktrees = f"{self._store}/worktrees"
        for name in _listed(worktrees):
            if os.path.exists(f"{self._common}/worktrees/{name}"):
                continue
            paths = _files(f"{worktrees}/{name}")
            if paths:
                yield Rescued(paths, self._move(f"{worktrees}/{name}", paths), name)

    def _move(self, folder: str, paths: list[str]) -> str:
        fresh = time.strftime(f"{self._store}/former/%Y-%m-%d-%H%M%S")
        while os.path.lexists(fresh):
            fresh += "+"
        for path in paths:
            os.makedirs(os.path.dirname(f"{fresh}/{path}"), exist_ok=True)
            with suppress(
                FileNotFoundError
            ):  # the hook of another worktree has moved it
                os.rename(f"{folder}/{path}", f"{fresh}/{path}")
        _prune(folder)
        return fresh

    def _delete_old(self) -> None:
        for name in _listed(f"{self._store}/former"):
            folder = f"{self._store}/former/{name}"
            if (seen := stat_of(folder)) and seen[0] < time.time_ns() - KEPT_FOR:
                import shutil

                shutil.rmtree(folder, ignore_errors=True)

    def are_gone(self) -> bool:
        """Whether this working tree has no links (any more)."""
        return not os.path.isdir(self._folder)

    def update(self, state: SyncState) -> None:
        """Make a link to each notebook that git ignores.

        Args:
            state: It is adapted: a new link changes a file's ctime.
        """
        for name in state.now:
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
                state.add_link(name, before, stat_of(here))


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
    """Delete all empty folders in a folder, and then itself if it is empty."""
    for at, _, _ in os.walk(folder, topdown=False):
        with suppress(OSError):
            os.rmdir(at)
