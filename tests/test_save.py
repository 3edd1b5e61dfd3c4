"""Save where no branch is checked out, or another one: its advice works as printed."""

from __future__ import annotations

import re

import pytest
from laptop import Laptop
from project import Project

WORK = "src/titanic/work.py"


@pytest.fixture
def project(laptop: Laptop) -> Project:
    project = Project.rendered(laptop)
    project.remote("push", "--only", "home,code")
    return project


def there(project: Project, command: str) -> None:
    """Run a line of sh in the code on the remote."""
    identity = "export GIT_AUTHOR_NAME=E GIT_AUTHOR_EMAIL=e@example.org &&"
    project.laptop.run(
        "sh", "-c", f"{identity} {command}", cwd=project.home / "titanic"
    )


def advised(project: Project, *words: str) -> None:
    """Save is refused with these words; do what it says to type."""
    done = project.remote("save", check=False)
    assert done.returncode == 1
    for word in words:
        assert word in done.stderr
    command = re.findall("Next: (.*)", done.stderr)[-1]
    project.laptop.run("sh", "-c", command, cwd=project.root)


def git(project: Project, *words: str) -> str:
    return project.laptop.run("git", *words, cwd=project.root).stdout.strip()


def test_with_a_detached_head_here(project: Project) -> None:
    git(project, "checkout", "-q", "--detach")
    there(project, f"echo 'x = 1' >{WORK}")
    advised(
        project, "on the branch main, and here you are on no branch (detached HEAD)"
    )
    assert git(project, "branch", "--show-current") == "main"
    assert (project.root / WORK).read_text() == "x = 1\n"


def test_with_a_detached_head_on_both_sides(project: Project) -> None:
    git(project, "checkout", "-q", "--detach")
    git(project, "commit", "-q", "--allow-empty", "-m", "on no branch")
    project.remote("push", "--only", "code")
    there(project, f"echo 'x = 1' >{WORK}")
    project.remote("save")
    assert git(project, "branch", "--show-current") == ""
    assert (project.root / WORK).read_text() == "x = 1\n"
    # On a branch again: there is none of that name here.
    there(project, f"echo 'x = 2' >{WORK}")
    git(project, "checkout", "-q", "main")
    advised(
        project, "made on no branch (detached HEAD), and here you are on the branch"
    )
    assert git(project, "branch", "--show-current") == "main"
    assert (project.root / WORK).read_text() == "x = 2\n"


def test_with_a_branch_that_was_made_there(project: Project) -> None:
    there(project, f"git checkout -q -b idea && echo 'x = 1' >{WORK}")
    advised(project, "on the branch idea, and here you are on the branch main")
    assert git(project, "branch", "--show-current") == "idea"
    assert (project.root / WORK).read_text() == "x = 1\n"
