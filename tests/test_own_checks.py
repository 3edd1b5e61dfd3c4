"""A new project passes what it brings: its hooks, its tests and the check of its lock.

The hooks depend on two answers alone: each combination of these is tried.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from image import cache_folder
from laptop import Laptop
from needs import require
from render import QUESTIONS, render, template


@pytest.fixture(scope="module")
def owner() -> Iterator[Laptop]:
    """The laptop on which all these projects are checked."""
    require("nss_wrapper", "ssh", "git")
    with Laptop() as laptop:
        laptop.env["PREK_HOME"] = str(cache_folder() / "prek")
        yield laptop


@pytest.mark.needs("uv", "network")
@pytest.mark.parametrize("environment", ["uv", "conda"])
@pytest.mark.parametrize("in_git", QUESTIONS["notebooks_in_git"]["choices"].values())
def test_own_hooks_and_tests(
    owner: Laptop, tmp_path: Path, environment: str, in_git: str
) -> None:
    project = render(
        template(),
        tmp_path / "p",
        project_name='Marc\'s "Lab" {{ x }} `id`',
        environment=environment,
        notebooks_in_git=in_git,
    )
    if environment == "uv":
        owner.run("uv", "lock", "-q", cwd=project)
        owner.run("uv", "lock", "--check", "--offline", "-q", cwd=project)
    owner.run("git", "init", "-q", cwd=project)
    # As setup does: where git has the notebooks, they are made before the first commit.
    owner.run(sys.executable, "-m", "remote_lab.pairs", "sync", cwd=project)
    owner.run("git", "add", "-A", cwd=project)
    for tool in ("pre-commit", "prek"):
        owner.run(tool, "run", "--all-files", cwd=project, timeout=300)
    owner.run("git", "diff", "--exit-code", cwd=project)
    tests = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    owner.run("env", "PYTHONPATH=src", *tests, cwd=project)
