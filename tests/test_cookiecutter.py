"""The door for people who type `cookiecutter`: the same project, and updates work."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from dialogue import ENTER, Dialogue
from process import Completed, run
from project import snapshot
from render import QUESTIONS, ROOT, render, template

# Those that begin with an underscore are not asked.
SETTINGS = json.loads((ROOT / "cookiecutter/cookiecutter.json").read_text())
ASKED = [name for name in SETTINGS if not name.startswith("_")]
COMMAND = [sys.executable, "-m", "cookiecutter", "--directory", "cookiecutter"]
# Each is awkward for JSON, Python, a shell or Jinja.
NAME = """Marc's "Lab" \\ $HOME {x} é"""
UPDATE = ("-q", "--trust", "--defaults", "--vcs-ref", "HEAD")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with git's settings, and a stand-in for uv, so that setup does nothing."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/uv").write_text('#!/bin/sh\necho "$PWD: $*" >>"$HOME/called"\n')
    (tmp_path / "bin/uv").chmod(0o755)
    (tmp_path / ".gitconfig").write_text(
        "[user]\n    name = t\n    email = t@example.org\n"
        f'[url "file://{template()}"]\n    insteadOf = https://github.com/lab/tpl.git\n'
    )
    return tmp_path


def environment(home: Path) -> dict[str, str]:
    path = f"{home / 'bin'}:/usr/bin:/bin"
    return {**os.environ, "HOME": str(home), "PWD": str(home), "PATH": path}


def bake(home: Path, *words: str | Path, check: bool = True) -> Completed:
    """Run cookiecutter in a home."""
    command = [*COMMAND, *map(str, words)]
    return run(command, cwd=home, env=environment(home), check=check)


def files(project: Path) -> dict[str, tuple[Any, ...]]:
    """A project's files, less its own id and the line with the source."""
    answers = project / ".copier-answers.yml"
    id = yaml.safe_load(answers.read_text())["project_id"].encode()
    seen = {}
    for path, (mode, content, *rest) in snapshot(project).items():
        if isinstance(content, bytes):
            content = content.replace(id, b"ID")
        seen[path] = (mode, content, *rest)
    mode, text = seen[".copier-answers.yml"]
    lines = [line for line in text.splitlines() if not line.startswith(b"_src_path:")]
    seen[".copier-answers.yml"] = (mode, lines)
    return seen


def answers(project: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(
        (project / ".copier-answers.yml").read_text()
    )
    return found


def updates(home: Path, project: Path) -> None:
    """Commit a project and update it: nothing may change."""
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "made"]):
        run(["git", *words], cwd=project, env=environment(home))
    command = [sys.executable, "-m", "copier", "update", *UPDATE]
    run(command, cwd=project, env={**environment(home), "PWD": str(project)})
    look = ["git", "status", "--porcelain"]
    assert run(look, cwd=project, env=environment(home)).stdout == ""


# --- The questions --------------------------------------------------------------------


def test_its_questions_are_those_of_copier() -> None:
    command = [sys.executable, str(ROOT / "tools/cookiecutter_json.py"), "--check"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    asked = [
        name
        for name, how in QUESTIONS.items()
        if "help" in how and not str(how.get("ask", "")).startswith("{{ customize }}")
        if "customize and" not in str(how.get("ask", "")) and name != "customize"
        # cookiecutter makes the folder itself.
        if name != "add_to_existing"
    ]
    assert asked == ASKED


def test_a_person_answers_them(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "tpl").symlink_to(template())
    keys = [NAME + " {{ 7 * 7 }}", "gpu.example.org", "ada", "no", "no"]
    for name, value in environment(home).items():  # which Dialogue passes on
        monkeypatch.setenv(name, value)
    with Dialogue(*COMMAND, "tpl", home=home, columns=60) as dialogue:
        for question, typed in zip(ASKED, keys, strict=True):
            last = QUESTIONS[question]["help"].strip().splitlines()[-1]
            dialogue.wait_for(last.strip()[:40])
            dialogue.type(typed + ENTER)
        dialogue.wait_for("./remote --help")
    (project,) = (p.parent for p in home.glob("*/remote.toml"))
    found = answers(project)
    assert [found[name] for name in ASKED] == [*keys[:3], False, False]


# --- The files ------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["folder", "git+file://", "gh:"])
def test_the_project_is_the_one_that_copier_makes(home: Path, how: str) -> None:
    typed = {
        "folder": str(template()),
        "git+file://": f"git+file://{template()}",
        "gh:": "gh:lab/tpl",
    }[how]
    given = {"project_name": NAME, "remote_host": "ada@gpu.example.org:2222"}
    words = [f"{name}={value}" for name, value in given.items()]
    bake(home, "--no-input", typed, *words)
    (project,) = (p.parent for p in home.glob("*/remote.toml"))
    assert (home / "called").read_text() == f"{project}: run -q --script remote setup\n"
    known = {"folder": template(), "git+file://": typed}
    found = answers(project)["_src_path"]
    assert found == str(known.get(how, "https://github.com/lab/tpl.git"))
    same = render(template(), home / "plain/lab", **given)
    seen = files(project)
    if how == "gh:":  # its address is in two more files
        for path in ("remote", ".pre-commit-config.yaml"):
            mode, text = seen[path]
            there = f"file://{template()}".encode()
            seen[path] = (mode, text.replace(b"https://github.com/lab/tpl.git", there))
        updates(home, project)
    assert seen == files(same)


def test_a_version_of_ones_choice(home: Path) -> None:
    newer = home / "newer"
    shutil.copytree(template(), newer)
    (newer / "template/notes.txt").write_text("new\n")
    for words in (["add", "-A"], ["commit", "-qm", "newer"], ["tag", "2.0.0"]):
        run(["git", *words], cwd=newer, env=environment(home))
    url = f"git+file://{newer}"
    bake(home, "--no-input", url, "--checkout", "1.0.0", "project_name=Old")
    assert answers(home / "old")["_commit"] == "1.0.0"
    assert not (home / "old/notes.txt").exists()
    bake(home, "--no-input", newer, "--checkout", "1.0.0", "project_name=Local")
    assert answers(home / "local")["_commit"] == "1.0.0"
    bake(home, "--no-input", url, "project_name=New")
    assert answers(home / "new")["_commit"] == "2.0.0"
    assert (home / "new/notes.txt").exists()


def test_the_same_once_more(home: Path) -> None:
    """--replay takes the answers of the last time; -o names another folder."""
    bake(home, "--no-input", template(), "project_name=Once")
    done = bake(home, "--replay", template(), "-o", "more")
    assert "cd more/once" in done.stdout + done.stderr
    assert files(home / "more/once") == files(home / "once")


# --- What can't be --------------------------------------------------------------------


@pytest.mark.parametrize("why", ["no copier", "an answer", "a zip"])
def test_nothing_is_left_where_it_fails(home: Path, why: str) -> None:
    typed, words = str(template()), ["project_name=Half"]
    if why == "no copier":
        (home / "copier.py").write_text("raise ImportError\n")
        expected = "Type: uvx --with copier cookiecutter"
    elif why == "an answer":
        words.append("remote_host=-oProxyCommand=x")
        expected = "remote_host"
    else:
        run(
            ["git", "archive", "--prefix=tpl/", "-o", str(home / "t.zip"), "HEAD"],
            cwd=template(),
        )
        typed, expected = "t.zip", "Use the address of the git repository"
    env = {**environment(home), "PYTHONPATH": str(home)}
    command = [*COMMAND, "--no-input", typed, *words]
    done = run(command, cwd=home, env=env, check=False)
    assert done.returncode != 0
    assert expected in done.stdout + done.stderr
    assert not (home / "half").exists()
    assert not (home / "called").exists()
