"""An answer to a question that does not exist is refused: it may be a typing error."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from jinja2 import Environment
from jinja2.loaders import FileSystemLoader
from render import QUESTIONS, ROOT, released, snapshot


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template as a plain folder: quicker to render than a repository."""
    return snapshot(tmp_path_factory.mktemp("template"))


def copier(*words: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run Copier; how it ended, and what it said."""
    command = [sys.executable, "-m", "copier", *map(str, words)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True)


def test_the_list_of_questions_has_each() -> None:
    """Copier does not tell a template which questions it has."""
    path = "src/remote_lab/templates/questions.j2"
    module: Any = Environment(loader=FileSystemLoader(ROOT)).get_template(path).module
    assert sorted(module.names) == sorted(set(QUESTIONS) - {"unknown_answers"}), (
        f"Add each question of copier.yml, hidden ones too, to `names` in {path};"
        " take out the ones that copier.yml no longer has."
    )


@pytest.mark.parametrize(
    ("given", "question"),
    [
        ("remot_host=x", "remote_host"),
        ("Remote_Host=x", "remote_host"),
        ("host=x", "remote_host"),
        ("slug=x", "project_slug"),
        ("python=3.12", "python_version"),
        ("push=no", "push_now"),
        ("notebooks=both", "notebooks_in_git"),
    ],
)
def test_it_names_the_nearest_question(
    template: Path, tmp_path: Path, given: str, question: str
) -> None:
    words = ("copy", "--defaults", "--skip-tasks", "--data", given)
    done = copier(*words, template, "p", cwd=tmp_path)
    assert done.returncode != 0
    name = given.partition("=")[0]
    assert f"Type {question}, not {name}: there is no question {name}.\n" in done.stderr
    assert not list(tmp_path.iterdir())


def test_what_is_like_no_question_is_refused_too(
    template: Path, tmp_path: Path
) -> None:
    (tmp_path / "data.yml").write_text("project_name: A\nxylophone: 1\n")
    words = ("copy", "--defaults", "--skip-tasks", "--data-file", "data.yml")
    done = copier(*words, template, "p", cwd=tmp_path)
    assert done.returncode != 0
    assert "Leave xylophone out: there is no such question." in done.stderr
    assert not (tmp_path / "p").exists()


def test_an_update_refuses_it_and_takes_what_older_versions_have_recorded(
    tmp_path: Path,
) -> None:
    template = released(tmp_path / "t")
    project = tmp_path / "p"
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@t"]
    copier("copy", "--defaults", "--skip-tasks", template, project, cwd=tmp_path)
    answers = project / ".copier-answers.yml"
    recorded = answers.read_text()
    assert "unknown_answers" not in recorded
    answers.write_text(recorded + "asked_by_an_older_version: 1\n")
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "made"]):
        subprocess.run([*git, *words], cwd=project, check=True)
    update = ("update", "--trust", "--defaults", "--data")
    refused = copier(*update, "remot_host=x", cwd=project)
    assert refused.returncode != 0
    assert "Type remote_host, not remot_host" in refused.stderr
    assert answers.read_text().startswith(recorded)
    done = copier(*update, "remote_host=gpu.example.org", cwd=project)
    assert done.returncode == 0, done.stderr
    assert "remote_host: gpu.example.org" in answers.read_text()
