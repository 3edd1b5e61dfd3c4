"""The hooks are quick: jupytext and black are loaded only where there is work."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from pairing import BOTH, NOTEBOOK, SCRIPT, Repo
from pairing_door import PROGRAM

CHANGES: dict[str, Callable[[Repo], object]] = {
    "script edited": lambda repo: repo.edit(SCRIPT, "x = 1", "x = 2"),
    "notebook edited": lambda repo: repo.edit(NOTEBOOK, "x = 1", "x = 2"),
    "script replaced": lambda repo: replaced(repo.path(SCRIPT)),
    "script removed": lambda repo: repo.path(SCRIPT).unlink(),
    "notebook removed": lambda repo: repo.path(NOTEBOOK).unlink(),
    "renamed": lambda repo: repo.path(SCRIPT).rename(repo.path("notebooks/b.py")),
    "new, in a folder": lambda repo: repo.write("notebooks/a b/c.py", "# %%\nx = 1\n"),
}


def loaded(repo: Repo, command: str) -> set[str]:
    """The modules that a command imports, by their names."""
    python = (sys.executable, "-I", "-X", "importtime", PROGRAM)
    done = repo.call(*python, command, check=False)
    lines = done.stderr.splitlines()
    return {line.rpartition("|")[2].strip() for line in lines}


def works(repo: Repo, command: str) -> bool:
    """Whether a command goes on to read notebooks."""
    return "jupytext" in loaded(repo, command)


def replaced(path: Path) -> None:
    """Another file of the same size and times, in its place."""
    seen, text = path.stat(), path.read_bytes()
    fresh = path.with_name("fresh")
    fresh.write_bytes(text.replace(b"1", b"2"))
    os.utime(fresh, ns=(seen.st_atime_ns, seen.st_mtime_ns))
    fresh.replace(path)
    assert path.stat().st_size == seen.st_size


def test_nothing_to_do(repo: Repo) -> None:
    for command in ("refresh", "commit"):
        assert not works(repo, command)
    repo.write("README.md", "more\n")
    repo.git("add", "-A")
    for command in ("refresh", "commit"):
        assert not works(repo, command)


def test_a_refresh_with_nothing_to_do_loads_next_to_nothing(repo: Repo) -> None:
    slow = {"subprocess", "tomllib", "tempfile", "jupytext", "black"}
    assert not loaded(repo, "refresh") & slow


@pytest.mark.parametrize("how", CHANGES)
def test_something_to_do(repo: Repo, how: str) -> None:
    CHANGES[how](repo)
    assert works(repo, "refresh")


@pytest.mark.parametrize("how", ["script edited", "notebook edited"])
def test_a_commit_sees_each_edit(repo: Repo, how: str) -> None:
    CHANGES[how](repo)
    repo.git("add", "-A")
    assert works(repo, "commit")


@pytest.mark.parametrize("repo", BOTH, indirect=True)
def test_where_git_has_both_only_what_is_staged_counts(repo: Repo) -> None:
    repo.edit(NOTEBOOK, "x = 1", "x = 2")
    assert not works(repo, "refresh")
    assert not works(repo, "commit")
    repo.git("add", "-A")
    assert not works(repo, "refresh")
    assert works(repo, "commit")


ANSWERS = (
    "notebooks_in_git='scripts'",
    'notebooks_in_git   =   "scripts"  # a comment',
    '"notebooks_in_git" = """scripts"""',
)


@pytest.mark.parametrize("answer", ANSWERS)
def test_remote_toml_may_say_it_as_toml_allows(repo: Repo, answer: str) -> None:
    text = repo.read("remote.toml").replace('notebooks_in_git = "scripts"', answer)
    assert answer in text
    repo.write("remote.toml", text)
    assert not works(repo, "refresh")
    repo.edit(SCRIPT, "x = 1", "x = 2")
    assert works(repo, "refresh")


def test_without_a_sync_state(repo: Repo) -> None:
    repo.path(".git/remote-lab-pairs.json").unlink()
    assert works(repo, "refresh")
