"""The workflow that looks for a newer template: its shell step, run as GitHub does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from laptop import Laptop
from project import Project
from render import render, template
from test_update_command import git, made, source

__all__ = ["source"]  # a fixture

pytestmark = [
    pytest.mark.needs("uv", "network"),
    pytest.mark.timeout(300),
    pytest.mark.xdist_group("update"),
]

PATH = ".github/workflows/update-remote-lab.yml"


def workflow(project: Path) -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load((project / PATH).read_text())
    return read


def run_step(project: Project) -> list[str]:
    """Run the step where pipx and gh are stubs; the calls of gh."""
    laptop = project.laptop
    job = workflow(project.root)["jobs"]["update"]
    stubs = laptop.home / "stubs"
    stubs.mkdir(exist_ok=True)
    log = laptop.home / "gh.log"
    # `pipx run --spec SPEC copier ...` becomes `copier ...`.
    (stubs / "pipx").write_text('#!/bin/sh\nshift 3\nexec "$@"\n')
    # One pull request is open once it was made.
    (stubs / "gh").write_text(
        f'#!/bin/sh\necho "$1 $2" >>{log}\n'
        f'[ "$2" != view ] || {{ ! grep -q "pr create" {log} || echo OPEN; }}\n'
    )
    for stub in stubs.iterdir():
        stub.chmod(0o755)
    more = {"PATH": f"{stubs}:{laptop.env['PATH']}", "BRANCH": job["env"]["BRANCH"]}
    script = job["steps"][1]["run"]
    laptop.run("bash", "-e", "-c", script, cwd=project.root, env={**laptop.env, **more})
    return log.read_text().splitlines() if log.exists() else []


def test_it_opens_one_pull_request_with_the_update(
    laptop: Laptop, source: Path
) -> None:
    mine = made(laptop, source, update_workflow="true")
    origin = laptop.home / "origin.git"
    laptop.run("git", "clone", "-q", "--bare", mine.root, origin)
    project = Project(laptop, laptop.home / "runner")  # as actions/checkout leaves it
    laptop.run("git", "clone", "-q", origin, project.root)
    assert run_step(project) == ["pr view", "pr create"]
    shown = git(project, "ls-remote", "origin", "update-remote-lab")
    assert shown.split()[0] == git(project, "rev-parse", "HEAD").strip()
    assert "notes.md" in git(project, "show", "--name-only", "--format=", "HEAD")

    # A week later the pull request is still open.
    git(project, "switch", "-q", "main")
    assert run_step(project)[2:] == ["pr view"]

    # Merged: there is nothing to do.
    git(project, "switch", "-q", "main")
    git(project, "merge", "-q", "update-remote-lab")
    assert run_step(project)[3:] == []
    assert git(project, "branch", "--show-current") == "main\n"


def test_it_is_small_and_may_do_no_more_than_it_needs(tmp_path: Path) -> None:
    assert not (render(template(), tmp_path / "without") / ".github").exists()
    project = render(template(), tmp_path / "with", update_workflow=True)
    assert len((project / PATH).read_text().splitlines()) <= 34
    read = workflow(project)
    assert read["permissions"] == {"contents": "write", "pull-requests": "write"}
    assert set(read["jobs"]) == {"update"}
