"""A remote.toml that the program does not understand: a sentence, and what to type."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from project import rendered

from remote_lab.errors import Problem
from remote_lab.settings import load


def without(key: str) -> Callable[[str], str]:
    return lambda text: re.sub(f"(?m)^{key} = .*\n", "", text)


VERSIONS: dict[str, tuple[Callable[[str], str], str]] = {
    "newer": (lambda text: f'jobs = "queue"\n{text}', "has jobs"),
    "newer section": (lambda text: f"{text}\n[jobs]\nat = 1\n", "has jobs"),
    "newer remote": (lambda text: f"{text}partition = 1\n", "has partition"),
    "older": (without("environment"), "lacks environment"),
    "first release": (without("id"), "lacks id"),
}
WRONG: dict[str, tuple[Callable[[str], str], str]] = {
    "a newer value": (
        lambda text: re.sub('service = "[a-z]+"', 'service = "slurm"', text),
        "service is 'slurm'",
    ),
    "no flag": (
        lambda text: re.sub("(?m)^laptop = .*", 'laptop = "no"', text),
        "laptop is 'no', and should be true or false",
    ),
    "a sandbox's folder": (
        lambda text: re.sub("(?m)^dir = .*", 'dir = "/scratch/ada/x"', text),
        "relative to the home of the sandbox",
    ),
    "no TOML": (lambda text: f"{text}[", "can't be read"),
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    text = (rendered((("project_name", "Titanic"),)) / "remote.toml").read_text()
    (tmp_path / "remote.toml").write_text(text)
    load(tmp_path)
    return tmp_path


def refused(root: Path, change: Callable[[str], str]) -> Problem:
    """Change remote.toml; the error that it is met with."""
    path = root / "remote.toml"
    path.write_text(change(path.read_text()))
    with pytest.raises(Problem) as caught:
        load(root)
    return caught.value


@pytest.mark.parametrize("how", VERSIONS)
def test_another_version_is_named_with_the_command(root: Path, how: str) -> None:
    change, said = VERSIONS[how]
    problem = refused(root, change)
    assert said in problem.what
    assert "git checkout HEAD -- remote.toml" in problem.todo
    assert "copier update --trust" in problem.todo


@pytest.mark.parametrize("how", WRONG)
def test_a_wrong_value_is_named(root: Path, how: str) -> None:
    change, said = WRONG[how]
    problem = refused(root, change)
    assert said in problem.what
    assert "orrect" in problem.todo
