"""What an update does with answers: it keeps them, and follows those that change."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from laptop import Laptop
from process import Completed
from releases import NEWEST
from updating import Updating, made

# None of them is a default, and none is asked without `customize`.
GIVEN: dict[str, Any] = {
    "project_slug": "boat",
    "description": "Who survived, and why.",
    "author_name": "Ada",
    "remote_dir": "work/boat",
    "remote_host": "gpu.example.org",
    "remote_port": 2222,
    "service": "tmux",
    "lab_port": 8123,
    "python_version": "3.12",
    "notebooks_in_git": "both",
    "setup_laptop": False,
    "push_now": False,
}


def recorded(project: Updating) -> dict[str, Any]:
    """The answers file."""
    found: dict[str, Any] = yaml.safe_load(
        (project.root / ".copier-answers.yml").read_text()
    )
    return found


def differs_from_fresh(project: Updating, answers: dict[str, Any]) -> set[str]:
    """The files that a new project with these answers has otherwise, or has not."""
    own = {**answers, "project_id": recorded(project)["project_id"]}
    fresh = made(NEWEST, tuple(sorted(own.items())))
    there = project.contents()
    new = {
        str(path.relative_to(fresh)): path.read_bytes()
        for path in fresh.rglob("*")
        if path.is_file()
    }
    return {path for path in there | new if there.get(path) != new.get(path)}


@pytest.mark.parametrize("release", ["v0.1.0", NEWEST])
def test_answers_that_are_not_asked_are_kept(laptop: Laptop, release: str) -> None:
    project = Updating(laptop, release, GIVEN)
    project.update()
    assert recorded(project).items() >= GIVEN.items()
    assert differs_from_fresh(project, GIVEN) == set()


def test_a_setup_that_was_asked_for_is_kept_in_the_sandbox(laptop: Laptop) -> None:
    project = Updating(laptop, NEWEST, {"setup_laptop": True})
    assert recorded(project)["setup_laptop"] is True
    project.update()
    assert project.git("status", "--porcelain") == ""


@pytest.mark.parametrize(
    ("answer", "value"), [("notebooks_in_git", "both"), ("environment", "conda")]
)
def test_a_changed_answer_gives_what_a_copy_gives(
    laptop: Laptop, answer: str, value: str
) -> None:
    project = Updating(laptop, NEWEST)
    project.update("-d", f"{answer}={value}")
    assert differs_from_fresh(project, {answer: value}) == set()


# --- In a dialogue --------------------------------------------------------------------


def dialogue(project: Updating, *words: str) -> Completed:
    """`copier update` in a terminal, where each question is answered by Enter."""
    return project.laptop.run(
        *("copier", "update", "--trust", *words),
        cwd=project.root,
        tty=True,
        input="\r" * 40,
    )


def test_a_real_host_asks_for_the_setup(laptop: Laptop) -> None:
    """From the sandbox, where nobody was asked; with the default of a new project."""
    project = Updating(laptop, NEWEST)
    assert "laptop = false" in (project.root / "remote.toml").read_text()
    shown = dialogue(project, "-d", "remote_host=gpu.example.org").stdout
    assert "Set up this laptop?" in shown
    assert recorded(project)["setup_laptop"] is True
    assert "laptop = true" in (project.root / "remote.toml").read_text()


def test_an_update_does_not_ask_for_the_short_name(laptop: Laptop) -> None:
    project = Updating(laptop, NEWEST, {"customize": True})
    shown = dialogue(project).stdout
    assert "What is your project called?" in shown
    assert "short name" not in shown
    assert project.git("status", "--porcelain") == ""
