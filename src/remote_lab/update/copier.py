"""`copier update`, by the right Copier and with the right options."""

import shlex
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from remote_lab.errors import Problem
from remote_lab.laptop.answers import Answers
from remote_lab.settings import Project
from remote_lab.tools.git import git
from remote_lab.tools.programs import run
from remote_lab.tools.uv import find_uv
from remote_lab.ui import show

# As copier.yml has it (_min_copier_version); a new major version may work otherwise.
VERSIONS = "copier>=9.19.1,<10"
# What git calls the changes of a file.
KINDS = {"A": "new", "D": "removed", "U": "conflict"}


class Change(NamedTuple):
    """What an update did to one file.

    Attributes:
        what: "new", "changed", "removed" or "conflict".
        path: The file, from the project's root.
    """

    what: str
    path: str


def refuse_unfinished(project: Project) -> None:
    """Refuse to update a project that git can't bring back as it is.

    Raises:
        Problem: It is no git repository, or something is not committed or resolved.
    """
    if not (project.root / ".git").exists():
        raise Problem(
            "The project is no git repository, and an update merges by git.",
            "Nothing was changed.",
            "./remote setup",
        )
    found = changes(project)
    conflicts = [change.path for change in found if change.what == "conflict"]
    if conflicts:
        raise Problem(
            f"There are conflicts that are not resolved: {', '.join(conflicts)}.",
            "Nothing was changed.",
            f"Resolve them, then: git add {shlex.join(conflicts)} && git commit",
        )
    if found:
        raise Problem(
            "There are changes that are not committed: an update could not be undone.",
            "Nothing was changed.",
            "git add -A && git commit -m 'Work in progress', or: git stash -u",
        )


def update(project: Project, answers: list[str], ref: str, conflict: str) -> None:
    """Run `copier update`; with a terminal, it asks what is new.

    Args:
        project: The project, committed.
        answers: Answers to change, each KEY=VALUE.
        ref: The template's version, such as a tag; empty for the newest release.
        conflict: "inline" or "rej", as Copier takes it.

    Raises:
        Problem: Copier can't be fetched, or it failed.
    """
    copier = [find_uv(), "tool", "run", "-q", "--from", VERSIONS, "copier"]
    try:
        run([*copier, "--version"])
    except Problem as error:
        raise Problem(
            f"Copier, which updates the project, can't be fetched. {error.what}",
            "Nothing was changed.",
            "Connect to the internet, then: ./remote update",
        ) from None
    file = Answers(project).path.name
    command = [*copier, "update", "--trust", "--quiet", "--answers-file", file]
    command += ["--conflict", conflict]
    command += ["--skip-answered"] if sys.stdin.isatty() else ["--defaults"]
    command += ["--vcs-ref", ref] if ref else []
    for answer in answers:
        command += ["--data", answer]
    # What it asks goes to the terminal. Of a bad --data, it prints a traceback.
    done = subprocess.run(
        command, cwd=project.root, check=False, stderr=subprocess.PIPE, text=True
    )
    *_, reason = done.stderr.strip().splitlines() or [""]
    if "Traceback (" not in done.stderr:
        for line in done.stderr.splitlines():
            show.step(line)
    if done.returncode:
        whole = not changes(project)
        raise Problem(
            f"Copier did not update the project. {reason}",
            "Nothing was changed." if whole else "What it changed is not committed.",
            "" if whole else "To take that back: git reset --hard && git clean -fd",
        )


def changes(project: Project) -> list[Change]:
    """What is not committed: conflicts first, then by name."""
    listed = git(project, "diff", "--name-status", "--no-renames", "-z", "HEAD")
    words = listed.split("\0")
    # A conflict is listed twice, as unmerged and as changed.
    tracked = {path: KINDS.get(code, "changed") for code, path in _pairs(words)}
    unmerged = git(project, "diff", "--name-only", "--diff-filter=U", "-z").split("\0")
    tracked |= dict.fromkeys(filter(None, unmerged), "conflict")
    new = git(project, "ls-files", "--others", "--exclude-standard", "-z").split("\0")
    tracked |= dict.fromkeys(filter(None, new), "new")
    found = [Change(what, path) for path, what in tracked.items()]
    return sorted(found, key=lambda change: (change.what != "conflict", change.path))


def _pairs(words: list[str]) -> list[tuple[str, str]]:
    return list(zip(words[::2], words[1::2], strict=False))


def is_folder(source: str) -> bool:
    """Whether the template is a folder of this machine."""
    return Path(source).expanduser().is_absolute() or source.startswith("file:")
