"""README lists a rendered project file by file, in the section "What you commit"."""

from __future__ import annotations

import re
from pathlib import Path

from render import ROOT, render, template


def listed() -> dict[str, str]:
    """What each file of the list is, by its path."""
    text = (ROOT / "README.md").read_text()
    section = text.split("## What you commit\n")[1].split("\n## ")[0]
    return dict(re.findall(r"(?m)^\| `(.+?)` \| (.+) \|$", section))


def files(folder: Path, **answers: str) -> set[str]:
    """The files of a project with these answers."""
    project = render(template(), folder, project_name="Titanic", **answers)
    return {str(f.relative_to(project)) for f in project.rglob("*") if f.is_file()}


def test_the_list_is_what_copier_writes(tmp_path: Path) -> None:
    always = {path for path, what in listed().items() if "Only with" not in what}
    assert files(tmp_path / "default") == always


def test_the_list_marks_what_depends_on_an_answer(tmp_path: Path) -> None:
    answers = {"environment": "conda", "remote_host": "gpu.example.org"}
    answers["update_workflow"] = "true"
    assert files(tmp_path / "all", **answers) == {*listed()}
