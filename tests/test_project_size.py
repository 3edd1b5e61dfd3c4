"""A rendered project is small enough for its owner to read all of it."""

from pathlib import Path
from typing import Any

import pytest
from render import render, template
from test_rendered import MORE, SERVER


@pytest.mark.parametrize(
    "answers",
    [
        {},
        {"notebooks_in_git": "both-stripped", "lab_listen": "port"},
        {"environment": "conda", "description": "Who survived."},
        {**SERVER, "author_name": "Ada", "author_email": "ada@example.org"},
        {**SERVER, "more_remotes": MORE},
    ],
    ids=["sandbox", "port", "conda", "server", "several"],
)
def test_an_owner_can_read_all_of_it(tmp_path: Path, answers: dict[str, Any]) -> None:
    """At most 42 files and 1,500 lines, and 16 more for each further remote."""
    project = render(template(), tmp_path / "p", **answers)
    files = [path for path in project.rglob("*") if path.is_file()]
    lines = sum(len(path.read_text().splitlines()) for path in files)
    assert len(files) <= 42
    assert lines <= 1500 + 16 * len(answers.get("more_remotes", []))
