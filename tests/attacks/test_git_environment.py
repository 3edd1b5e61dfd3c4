"""Variables that lead git astray: of a hook or an alias here, of a .bashrc there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from checks import reaches
from laptop import Laptop
from loopback import Loopback
from project import Project, snapshot

PUSH = ("push", "--only", "home,code")


def astray(stranger: Path) -> dict[str, str]:
    """Each of the variables, as a git hook of another repository has them set."""
    git = str(stranger / ".git")
    return {
        "GIT_DIR": git,
        "GIT_WORK_TREE": str(stranger),
        "GIT_INDEX_FILE": f"{git}/index",
        "GIT_COMMON_DIR": git,
        "GIT_OBJECT_DIRECTORY": f"{git}/objects",
        "GIT_NAMESPACE": "x",
        "GIT_PREFIX": "x/",
        "GIT_CONFIG_PARAMETERS": "'core.bare'='true'",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "core.worktree",
        "GIT_CONFIG_VALUE_0": str(stranger),
    }


@pytest.fixture
def project(laptop: Laptop, loopback: Loopback) -> Iterator[Project]:
    """A project, and what was pushed and saved is where it belongs at last."""
    project = Project.rendered(laptop, reaches(loopback))
    stranger = laptop.home / "stranger"
    laptop.run("git", "init", "-q", stranger)
    before = snapshot(stranger)
    yield project
    assert snapshot(stranger) == before
    there = loopback.home / "titanic"
    assert (there / "src/titanic/edit.py").read_text() == "x = 2\n"
    assert (project.root / "src/titanic/edit.py").read_text() == "x = 2\n"
    heads = [
        laptop.run("git", "rev-parse", "HEAD", cwd=root).stdout
        for root in (there, project.root)
    ]
    assert heads[0] == heads[1]


def test_on_the_laptop(project: Project, loopback: Loopback) -> None:
    env = astray(project.laptop.home / "stranger")
    (project.root / "src/titanic/edit.py").write_text("x = 1\n")
    project.commit("edit")
    assert "code at commit" in project.remote(*PUSH, env=env).stderr
    (loopback.home / "titanic/src/titanic/edit.py").write_text("x = 2\n")
    project.remote("save", env=env)
    assert "nothing to do" in project.remote(*PUSH, env=env).stderr


def test_on_the_remote(project: Project, loopback: Loopback) -> None:
    env = astray(project.laptop.home / "stranger")
    lines = [f'export {name}="{value}"\n' for name, value in env.items()]
    (loopback.home / ".bashrc").write_text("".join(lines))
    (project.root / "src/titanic/edit.py").write_text("x = 1\n")
    project.commit("edit")
    assert "code at commit" in project.remote(*PUSH).stderr
    (loopback.home / "titanic/src/titanic/edit.py").write_text("x = 2\n")
    project.remote("save")
    assert "nothing to do" in project.remote(*PUSH).stderr
