"""What docs/trust.md promises: what runs, and what is written where."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from laptop import Laptop
from needs import require
from project import TEMPLATE, Project, snapshot
from render import ROOT

PAGE = (ROOT / "docs/trust.md").read_text()
# A remote that does not answer, and a no to both questions.
ANSWERS = {
    "project_name": "Titanic",
    "project_id": "0123456789abcdef",
    "remote_host": "nowhere.invalid",
    "setup_laptop": "false",
    "push_now": "false",
}


class Copied(NamedTuple):
    """What a copy wrote: in the project, and in the home outside of it.

    Attributes:
        plain: The project of `--skip-tasks`, without `--trust`.
        project: That of the hook.
        home: What is new in the home then.
        left: What is left of that after `./remote uninstall`.
        installed: What is new in it after `./remote install`.
        uninstalled: What is left of that after `./remote uninstall`.
    """

    plain: dict[str, tuple[Any, ...]]
    project: dict[str, tuple[Any, ...]]
    home: set[str]
    left: set[str]
    installed: set[str]
    uninstalled: set[str]


def outside(laptop: Laptop) -> set[str]:
    """The files in a laptop's home, but for the project's."""
    own = {"titanic", "plain"}
    paths = (p for p in laptop.home.rglob("*") if p.is_symlink() or p.is_file())
    names = (p.relative_to(laptop.home) for p in paths)
    return {str(name) for name in names if name.parts[0] not in own}


@pytest.fixture(scope="module")
def copied() -> Iterator[Copied]:
    """The same answers copied without the hook and with it; then the laptop's side."""
    require("nss_wrapper", "ssh", "git", "uv", "network")
    with Laptop() as laptop:
        given = [word for item in ANSWERS.items() for word in ("-d", "=".join(item))]
        command = ("copier", "copy", "-q", "--defaults", "--skip-tasks")
        laptop.run(*command, "--vcs-ref", "HEAD", *given, TEMPLATE, "plain")
        before = outside(laptop)
        project, _ = Project.copied(laptop, ANSWERS, timeout=240)
        made = snapshot(project.root)
        home = outside(laptop) - before
        project.remote("uninstall")
        left = outside(laptop) - before
        project.remote("install")
        installed = outside(laptop) - before
        project.remote("uninstall")
        plain = snapshot(laptop.home / "plain")
        uninstalled = outside(laptop) - before
        yield Copied(plain, made, home, left, installed, uninstalled)


def rows(title: str) -> list[list[str]]:
    """The rows of the table below a title of the page; each is a list of its cells."""
    section = PAGE.split(f"\n## {title}")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [
        [cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]
    ]


def places(row: list[str]) -> list[str]:
    """The patterns for paths in the home that a row of the page names."""
    names = re.findall("`~/(.+?)`", row[0])
    return [f"{name}*" if name.endswith("/") else name for name in names]


def unnamed(paths: set[str], table: list[list[str]]) -> set[str]:
    """Of these paths in the home, those that no row names."""
    named = [pattern for row in table for pattern in places(row)]
    return {p for p in paths if not any(fnmatch(p, pattern) for pattern in named)}


def test_skip_tasks_gives_the_same_files(copied: Copied) -> None:
    """It needs no trust, and all that the hook adds is on the page."""
    assert "remote" in copied.plain
    assert copied.plain.items() <= copied.project.items()
    added = {re.sub("^.git/.*", ".git", path) for path in copied.project}
    steps = " ".join(row[2] for row in rows("What the hook does"))
    added -= copied.plain.keys()
    assert added == {".git", "uv.lock", "notebooks/00-start.ipynb"}
    assert all(f"`{name}" in steps for name in (".git", "uv.lock", "notebooks/"))


LAPTOP = rows("What is written outside the project, on the laptop")


def test_a_no_to_both_questions_writes_caches_and_a_note(copied: Copied) -> None:
    note = ".local/state/remote-lab/titanic/laptop/id"
    assert unnamed(copied.home, LAPTOP[-2:]) == {note}
    assert "the project's id" in PAGE
    assert not unnamed(copied.left, LAPTOP[-2:])


def test_all_that_is_written_on_the_laptop_is_on_the_page(copied: Copied) -> None:
    assert not unnamed(copied.installed, LAPTOP)
    for path in (
        ".ssh/id_ed25519.pub",
        ".ssh/config.d/titanic.conf",
        ".ssh/config",
        ".bashrc",
        ".config/remote-lab/titanic/aliases.sh",
        ".local/state/remote-lab/titanic/laptop/installed.json",
    ):
        assert path in copied.installed


def test_uninstall_removes_what_the_page_says(copied: Copied) -> None:
    stays = [row for row in LAPTOP if row[2] != "`./remote uninstall`"]
    assert not unnamed(copied.uninstalled, stays)


def test_what_runs_at_a_commit_is_on_the_page(copied: Copied) -> None:
    config = yaml.safe_load(copied.project[".pre-commit-config.yaml"][1])
    hooks = {hook["id"] for repo in config["repos"] for hook in repo["hooks"]}
    commit = next(row for row in rows("What runs later") if row[0] == "`git commit`")
    named = set(re.findall("`([\\w-]+)`", commit[1]))
    assert named == hooks


def test_what_git_runs_is_on_the_page(copied: Copied) -> None:
    (text,) = (row[1] for row in rows("What runs later") if "`git checkout`" in row[0])
    hooks = {
        Path(path).name
        for path in copied.project
        if path.startswith(".git/hooks/") and not path.endswith(".sample")
    }
    assert set(re.findall("`(post-\\w+)`", text)) | {"pre-commit"} == hooks


def test_each_program_that_copier_runs_is_on_the_page() -> None:
    settings = yaml.safe_load((ROOT / "copier.yml").read_text())
    for task in (*settings["_tasks"], *settings.get("_migrations", [])):
        (program,) = re.findall(r"hooks/\w+\.py", " ".join(task["command"]))
        assert f"../{program}#L" in PAGE


def test_each_link_leads_to_its_line() -> None:
    command = [sys.executable, str(ROOT / "tools/links.py"), "--check"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert PAGE.count("#L") > 20
