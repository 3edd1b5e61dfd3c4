"""A project of an earlier release, with edits in every file; its update."""

from __future__ import annotations

import atexit
import itertools
import re
import shutil
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import copier
from laptop import Laptop
from process import Completed
from releases import reference, releases

# What an update must not call: each only notes that it was called.
FORBIDDEN = ("ssh", "rsync", "uv", "systemctl", "tmux", "launchctl")
MARKERS = re.compile(rb"^(<{7}|>{7}) ", re.MULTILINE)
# What no project can be updated without.
NEEDED = ("remote", "remote.toml", ".copier-answers.yml")


class Updating:
    """A project named Titanic that an earlier release has made, under git."""

    def __init__(
        self, laptop: Laptop, release: str, answers: Mapping[str, Any] | None = None
    ) -> None:
        self.laptop = laptop
        self.root = laptop.home / "titanic"
        source = made(release, tuple(sorted((answers or {}).items())))
        shutil.copytree(source, self.root, symlinks=True)
        self.git("init", "-q")
        self.commit("as generated")
        self._calls = laptop.home / "calls"
        self._stubs = laptop.home / "stubs"
        self._stubs.mkdir()
        for name in FORBIDDEN:
            stub = self._stubs / name
            stub.write_text(f'#!/bin/sh\necho "{name} $*" >>{self._calls}\n')
            stub.chmod(0o755)

    def git(self, *words: str) -> str:
        return self.laptop.run("git", *words, cwd=self.root).stdout

    def commit(self, message: str) -> None:
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)

    def files(self) -> list[str]:
        """The paths that git has."""
        return list(filter(None, self.git("ls-files", "-z").split("\0")))

    def update(self, *words: str, check: bool = True) -> Completed:
        """`copier update` to the newest release; nothing else may be called."""
        path = f"{self._stubs}:{self.laptop.env['PATH']}"
        done = self.laptop.run(
            *("copier", "update", "-q", "--trust", "--defaults", *words),
            cwd=self.root,
            env={"PATH": path},
            check=check,
        )
        assert not self._calls.exists(), self._calls.read_text()
        return done

    def unmerged(self) -> set[str]:
        """The files that `git status` calls unmerged."""
        listed = self.git("ls-files", "-uz").split("\0")
        return {line.split("\t")[1] for line in listed if line}

    def contents(self) -> dict[str, bytes]:
        """Every file of the working tree."""
        return {
            str(path.relative_to(self.root)): path.read_bytes()
            for path in self.root.rglob("*")
            if path.is_file() and ".git" not in path.relative_to(self.root).parts
        }


@cache
def made(release: str, answers: tuple[tuple[str, Any], ...]) -> Path:
    """A folder with the project that a release makes, rendered once a run."""
    kept = TemporaryDirectory(prefix="remote-lab-made-")
    atexit.register(kept.cleanup)
    folder = Path(kept.name) / "project"
    copier.run_copy(
        str(releases()),
        folder,
        data={"project_name": "Titanic", **dict(answers)},
        vcs_ref=reference(release),
        defaults=True,
        skip_tasks=True,
        quiet=True,
    )
    return folder


def append(path: Path, mark: str) -> None:
    path.write_text(path.read_text() + mark + "\n")


def top(path: Path, mark: str) -> None:
    path.write_text(mark + "\n" + path.read_text())


def middle(path: Path, mark: str) -> None:
    lines = path.read_text().splitlines(keepends=True) or ["\n"]
    at = len(lines) // 2
    lines[at] = lines[at].rstrip("\n") + f" {mark}\n"
    path.write_text("".join(lines))


def delete(path: Path, _: str) -> None:
    path.unlink()


def rename(path: Path, mark: str) -> None:
    append(path, mark)
    path.rename(path.with_name(path.name + ".mine"))


KINDS: tuple[Callable[[Path, str], None], ...] = (append, middle, top, delete, rename)


def edit_everything(project: Updating, first: int) -> tuple[list[str], list[str]]:
    """Edit each file in one of the five ways, and commit.

    Args:
        project: The project.
        first: The kind of edit that the first file gets; the next one gets the next.

    Returns:
        The words that mark the edits, each of which is in one file; and the paths that
        were deleted or renamed.
    """
    marks, gone = [], []
    turns = itertools.islice(itertools.cycle(KINDS), first, None)
    for number, (path, kind) in enumerate(zip(project.files(), turns, strict=False)):
        if path == ".copier-answers.yml":
            continue
        if path in NEEDED and kind in (delete, rename):
            kind = append
        mark = f"# MINE-{number}-{kind.__name__}."
        kind(project.root / path, mark)
        if kind is not delete:
            marks.append(mark)
        if kind in (delete, rename):
            gone.append(path)
    project.commit("edited")
    return marks, gone
