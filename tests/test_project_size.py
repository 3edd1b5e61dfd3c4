"""A rendered project is small enough for its owner to read all of it."""

from itertools import product
from pathlib import Path
from typing import Any

import pytest
from render import QUESTIONS, render, template
from test_rendered import MORE, SERVER

AUTHOR = {"author_name": "Ada", "author_email": "ada@example.org"}
SEVERAL = {**SERVER, **AUTHOR, "description": "Who survived.", "more_remotes": MORE}


def choices(name: str) -> list[tuple[str, Any]]:
    """A question's answers, each with its name."""
    return [(name, answer) for answer in QUESTIONS[name]["choices"].values()]


@pytest.mark.parametrize(
    "answers",
    [
        {},
        *(
            SEVERAL | dict(chosen)
            for chosen in product(
                *map(choices, ("environment", "lab_listen", "notebooks_in_git"))
            )
        ),
    ],
    ids=lambda answers: "-".join(list(answers.values())[-3:]) or "sandbox",
)
def test_an_owner_can_read_all_of_it(tmp_path: Path, answers: dict[str, Any]) -> None:
    """At most 42 files and 1,500 lines, with two further remotes as well."""
    project = render(template(), tmp_path / "p", **answers)
    files = [path for path in project.rglob("*") if path.is_file()]
    lines = sum(len(path.read_text().splitlines()) for path in files)
    assert len(files) <= 42
    assert lines <= 1500
