"""`./remote update`: what it refuses, what it prints, and that what it prints works."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from laptop import Laptop
from process import Completed
from project import Project
from render import released
from stubs import uv_without

pytestmark = [
    pytest.mark.needs("uv", "network"),
    pytest.mark.timeout(300),
    pytest.mark.xdist_group("update"),
]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A template with two releases: the second changes a README and has a new file."""
    folder = released(tmp_path_factory.mktemp("source") / "template")
    readme = folder / "template/README.md.jinja"
    readme.write_text(readme.read_text() + "- **New.** From 1.1.0.\n")
    (folder / "template/notes.md").write_text("New in 1.1.0.\n")
    for command in ("add -A", "-c user.name=t -c user.email=t@t commit -qm 1.1.0"):
        subprocess.run(["git", *command.split()], cwd=folder, check=True)
    subprocess.run(["git", "tag", "1.1.0"], cwd=folder, check=True)
    return folder


def made(laptop: Laptop, source: Path, **answers: str) -> Project:
    """A project of the first release, committed; nothing of setup was done but that."""
    given = {"project_name": "Titanic", "push_now": "false", **answers}
    data = [word for key, value in given.items() for word in ("-d", f"{key}={value}")]
    command = ("copier", "copy", "-q", "--defaults", "--skip-tasks", "-r", "1.0.0")
    laptop.run(*command, *data, source, "titanic")
    project = Project(laptop, laptop.home / "titanic")
    laptop.run("git", "init", "-q", cwd=project.root)
    project.commit("as generated")
    return project


def git(project: Project, *arguments: str) -> str:
    return project.laptop.run("git", *arguments, cwd=project.root).stdout


def refused(done: Completed, *words: str, code: int = 1) -> None:
    """It ended with a sentence that has these words."""
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in done.stderr, done.stderr


def steps(done: Completed) -> list[str]:
    """The commands that were printed under "Next:"."""
    _, _, rest = done.stderr.partition("Next:\n")
    lines = [line for line in rest.splitlines() if line.startswith("  ")]
    return [re.split(r"\s{2,}", line.strip())[0] for line in lines]


def test_what_it_prints_works_for_you_and_for_a_teammate(
    laptop: Laptop, source: Path
) -> None:
    answers = {"push_now": "false"}
    project, _ = Project.copied(laptop, answers, source, ref="1.0.0")
    readme = project.root / "README.md"
    readme.write_text(readme.read_text().replace("# Titanic", "# Titanic\n\nMine."))
    project.commit("mine")
    done = project.remote("update")
    assert "The files are at 1.1.0; no remote was touched." in done.stderr
    assert "changed  README.md" in done.stderr
    assert "new      notes.md" in done.stderr
    assert "Mine." in readme.read_text()
    assert "From 1.1.0." in readme.read_text()
    typed = steps(done)
    assert typed == [
        "git diff",
        "git add -A",
        "git commit -m 'Remote Lab 1.1.0'",
        "./remote push --dry-run",
        "./remote setup",
        "./remote push",
    ]
    for command in typed:
        laptop.run("sh", "-c", command, cwd=project.root, timeout=300)
    assert git(project, "status", "--porcelain") == ""
    assert "1.1.0" in git(project, "log", "-1", "--format=%s")

    # A second update has nothing to do.
    done = project.remote("update")
    assert "at 1.1.0 already; nothing was changed" in done.stderr
    assert git(project, "status", "--porcelain") == ""

    clone = Project(laptop, laptop.home / "clone")
    laptop.run("git", "clone", "-q", project.root, clone.root)
    clone.remote("setup", timeout=300)
    assert clone.remote("--version").stdout.startswith("remote-lab ")


def test_it_needs_a_committed_project(laptop: Laptop, source: Path) -> None:
    project = made(laptop, source)
    (project.root / "mine.txt").write_text("mine\n")
    refused(project.remote("update", check=False), "not committed", "git stash -u")
    assert git(project, "status", "--porcelain") == "?? mine.txt\n"


def test_conflicts_come_first_and_fail(laptop: Laptop, source: Path) -> None:
    project = made(laptop, source)
    toml = project.root / "remote.toml"
    toml.write_text(toml.read_text().replace("lab_port = 8000", "lab_port = 9000"))
    project.commit("mine")
    change = ("update", "-d", "lab_port=8123")
    done = project.remote(*change, check=False)
    refused(done, "Resolve these first", "\n  remote.toml\n")
    again = project.remote("update", check=False)
    refused(again, "Nothing was changed", "git diff remote.toml")
    git(project, "reset", "-q", "--hard")
    git(project, "clean", "-qfd")
    done = project.remote(*change, "--conflict", "rej", check=False)
    refused(done, "by hand, then delete", "\n  remote.toml.rej\n")


def test_a_bad_answer_changes_nothing(laptop: Laptop, source: Path) -> None:
    project = made(laptop, source)
    done = project.remote("update", "-d", "lab_port=7", check=False)
    refused(
        done, "lab_port", "Copier did not update the project", "Nothing was changed"
    )
    assert git(project, "status", "--porcelain") == ""


def test_without_copier_a_sentence(laptop: Laptop, source: Path) -> None:
    project = made(laptop, source)
    project.remote("--version")  # a first start has the real uv in UV
    done = project.remote("update", check=False, env=uv_without(laptop, "tool"))
    refused(done, "Copier, which updates the project, can't be fetched", "internet")
    assert git(project, "status", "--porcelain") == ""


def test_another_address(laptop: Laptop, source: Path, tmp_path: Path) -> None:
    """A teammate can reach it; the pins follow, and an update comes from there."""
    project = made(laptop, source)
    done = project.remote("update", "--source", "gh:lab/none", check=False)
    refused(done, "gh:lab/none can't be reached", "Nothing was changed")
    other = tmp_path / "other"
    laptop.run("git", "init", "-q", other)
    done = project.remote("update", "--source", str(other), check=False)
    refused(done, "does not have the version that the project is at, 1.0.0")
    assert git(project, "status", "--porcelain") == ""

    address = "https://example.org/lab/tpl.git"
    key = f"url.file://{source}.insteadOf"
    laptop.run("git", "config", "--global", key, address)
    before = (project.root / ".copier-answers.yml").read_text()
    done = project.remote("update", "--source", address)
    changed = {"remote", ".pre-commit-config.yaml", ".copier-answers.yml"}
    assert {*git(project, "diff", "--name-only").split()} == changed
    after = (project.root / ".copier-answers.yml").read_text()
    assert after == before.replace(str(source), address)
    assert git(project, "diff", "--summary") == ""  # modes stay
    typed = done.stderr.partition("Next: ")[2].strip()
    laptop.run("sh", "-c", typed, cwd=project.root, timeout=300)
    assert git(project, "status", "--porcelain") == ""
    done = project.remote("update", timeout=300)
    assert "at 1.1.0; no remote was touched" in done.stderr
    assert "Teammates can't" not in done.stderr


def test_a_folder_as_the_source_is_named(laptop: Laptop, source: Path) -> None:
    project = made(laptop, source)
    done = project.remote("update")
    assert f"a folder on this machine: {source}. Teammates can't" in done.stderr
    assert "./remote update --source ADDRESS" in done.stderr
