"""What makes the hooks quick: a look before the program starts, and what it spares."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from pairing import BOTH, NOTEBOOK, SCRIPT, Repo
from pairing_door import PROGRAM

pytestmark = pytest.mark.needs("dash")

# What differs on a Mac, in this machine's words.
BSD = {
    "find": """\
for word; do [ "$word" != -printf ] || exit 1; done
exec /usr/bin/find "$@"
""",
    "stat": """\
[ "$1 $2" = "-f %N %Fc0 %z %i" ] || exit 1
shift 2
exec /usr/bin/stat -c '%n %.9Z0 %s %i' "$@"
""",
}
CHANGES: dict[str, Callable[[Repo], object]] = {
    "script edited": lambda repo: repo.edit(SCRIPT, "x = 1", "x = 2"),
    "notebook edited": lambda repo: repo.edit(NOTEBOOK, "x = 1", "x = 2"),
    "script replaced": lambda repo: replaced(repo.path(SCRIPT)),
    "script removed": lambda repo: repo.path(SCRIPT).unlink(),
    "notebook removed": lambda repo: repo.path(NOTEBOOK).unlink(),
    "renamed": lambda repo: repo.path(SCRIPT).rename(repo.path("notebooks/b.py")),
    "new, in a folder": lambda repo: repo.write("notebooks/a b/c.py", "# %%\nx = 1\n"),
}


@pytest.fixture(params=["GNU", "BSD"])
def tools(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A PATH on which find and stat are of that kind."""
    path = os.environ["PATH"]
    if request.param == "BSD":
        for name, text in BSD.items():
            tool = tmp_path / "bin" / name
            tool.parent.mkdir(exist_ok=True)
            tool.write_text(f"#!/bin/sh\n{text}")
            tool.chmod(0o755)
        path = f"{tmp_path}/bin:{path}"
    return path


def starts(repo: Repo, word: str, path: str) -> bool:
    """Whether the hook goes on to the program."""
    hook = ("dash", f"{PROGRAM}/hook.sh", word, "echo", "started")
    done = repo.call("env", f"PATH={path}", *hook)
    assert done.stdout in ("", "started\n")
    assert not done.stderr
    return bool(done.stdout)


def replaced(path: Path) -> None:
    """Another file of the same size and times, in its place."""
    seen, text = path.stat(), path.read_bytes()
    fresh = path.with_name("fresh")
    fresh.write_bytes(text.replace(b"1", b"2"))
    os.utime(fresh, ns=(seen.st_atime_ns, seen.st_mtime_ns))
    fresh.replace(path)
    assert path.stat().st_size == seen.st_size


def test_nothing_to_do(repo: Repo, tools: str) -> None:
    for word in ("refresh", "commit"):
        assert not starts(repo, word, tools)
    repo.write("README.md", "more\n")
    repo.git("add", "-A")
    for word in ("refresh", "commit"):
        assert not starts(repo, word, tools)


@pytest.mark.parametrize("how", CHANGES)
def test_something_to_do(repo: Repo, tools: str, how: str) -> None:
    CHANGES[how](repo)
    for word in ("refresh", "commit"):
        assert starts(repo, word, tools)


@pytest.mark.parametrize("repo", BOTH, indirect=True)
def test_where_git_has_both_only_what_is_staged_counts(repo: Repo, tools: str) -> None:
    repo.edit(NOTEBOOK, "x = 1", "x = 2")
    assert not starts(repo, "refresh", tools)
    assert not starts(repo, "commit", tools)
    repo.git("add", "-A")
    assert not starts(repo, "refresh", tools)
    assert starts(repo, "commit", tools)


ANSWERS = (
    "notebooks_in_git='scripts'",
    'notebooks_in_git   =   "scripts"  # a comment',
    '"notebooks_in_git" = """scripts"""',
)


@pytest.mark.parametrize("answer", ANSWERS)
def test_remote_toml_may_say_it_as_toml_allows(
    repo: Repo, tools: str, answer: str
) -> None:
    text = repo.read("remote.toml").replace('notebooks_in_git = "scripts"', answer)
    assert answer in text
    repo.write("remote.toml", text)
    repo.program("refresh")
    assert not starts(repo, "refresh", tools)
    repo.edit(SCRIPT, "x = 1", "x = 2")
    assert starts(repo, "refresh", tools)


def test_where_nothing_was_noted_yet(repo: Repo, tools: str) -> None:
    repo.path(".git/remote-lab-settled").unlink()
    assert starts(repo, "refresh", tools)
    assert starts(repo, "commit", tools)


def test_what_is_spared_comes_when_it_is_asked_for() -> None:
    """As by another nbformat than this one, which jupytext and a user choose."""
    program = """\
from remote_lab.pairs import lean
import nbformat
assert nbformat.version_info == ()
from nbformat.validator import NotebookValidationError
from nbformat._version import _version_regex
import nbformat.validator
assert issubclass(NotebookValidationError, Exception)
odd = {"cell_type": "odd", "metadata": {}, "id": "a"}
try:
    nbformat.validator.validate(
        {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [odd]}
    )
except NotebookValidationError:
    print("looked through")
"""
    template = Path(__file__).parent.parent / "template"
    done = subprocess.run(
        [sys.executable, "-c", program],
        check=False,
        env={**os.environ, "PYTHONPATH": str(template)},
        capture_output=True,
        text=True,
    )
    assert done.stdout == "looked through\n", done.stderr
