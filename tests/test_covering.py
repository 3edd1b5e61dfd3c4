"""Every pair of answers, in as few projects as will do: each is as its owner wants it.

A fault of two answers together, such as a line that stands only with both, shows here.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from allpairspy import AllPairs
from render import QUESTIONS, render, snapshot
from test_rendered import (
    MORE,
    PROGRAMS,
    check_programs,
    home,
    run,
    ssh,
    ssh_config,
    toml,
    units,
)

# The texts are awkward for a shell, for TOML, YAML, Jinja, systemd or markdown.
VALUES: dict[str, list[Any]] = {
    "service": ["auto", "systemd-user", "systemd-system", "tmux"],
    "project_name": ["Whales", 'Marc\'s "Lab" {{ x }}', "Müller & Söhne: 100 % `a` $b"],
    "description": ["", "It's $HOME \\ `date` | {% x %}", 'Say "\u00e9" #1'],
    "remote_host": ["sandbox", "gpu.example.org", "2001:db8::1"],
    "more_remotes": [[], MORE, [{"name": "here", "host": "sandbox"}]],
    "notebooks_in_git": ["scripts", "both-stripped", "both"],
    "environment": ["uv", "conda"],
    "lab_listen": ["socket", "port"],
    "author_name": ["", "Ada O'Brien"],
    "author_email": ["", "o'brien@example.org"],
    "remote_user": ["", "ada"],
    "proxy_jump": ["", "bob@login:22,eve"],
    "identity_file": ["~/.ssh/id_ed25519", "~/.ssh/my key"],
    "python_version": ["3.11", "3.13"],
    "setup_laptop": [True, False],
    "push_now": [True, False],
    "update_workflow": [False, True],
}


@pytest.fixture(scope="module")
def projects(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A project for each row of the array."""
    template = snapshot(tmp_path_factory.mktemp("template"))
    folder = tmp_path_factory.mktemp("covering")
    rows = [dict(zip(VALUES, row, strict=True)) for row in AllPairs([*VALUES.values()])]
    return [
        render(template, folder / str(number), **row) for number, row in enumerate(rows)
    ]


def slug(project: Path) -> str:
    found: str = toml(project / "remote.toml")["slug"]
    return found


def test_each_choice_is_among_the_values() -> None:
    for name, question in QUESTIONS.items():
        if choices := question.get("choices"):
            assert {*VALUES[name]} == {*choices.values()}, name
        elif question["type"] == "bool" and "help" in question:
            asked_first = name in ("customize", "add_to_existing")
            assert asked_first or {*VALUES[name]} == {True, False}, name


def test_what_parses_a_file_takes_it(projects: list[Path]) -> None:
    for project in projects:
        check_programs(project)
        run("zsh", "-n", home(project, "zsh/.zshrc"))


def test_linters_find_nothing(projects: list[Path]) -> None:
    """With ruff's default rules, and with the project's."""
    run("black", "-q", "--check", "--extend-exclude", "^$", *projects)
    ruff = ("ruff", "check", "-q", "--no-cache")
    run(*ruff, *projects)
    # A cell may well end with a name alone, which shows its value.
    run(*ruff, "--isolated", "--extend-exclude", "notebooks", *projects)
    run("shellcheck", *[home(p, name) for p in projects for name in PROGRAMS])
    aliases = [
        p for q in projects for p in q.glob("home/laptop/.config/*/*/aliases.sh")
    ]
    run("shellcheck", "-s", "bash", *[home(p, "bashrc") for p in projects], *aliases)


def test_ssh_reads_every_host(projects: list[Path]) -> None:
    for project in projects:
        remotes = toml(project / "remote.toml")["remotes"]
        for name, remote in remotes.items():
            if not remote.get("sandbox"):
                host = name if name == slug(project) else f"{slug(project)}-{name}"
                options = ssh(project, host)
                assert options["hostname"][0] != host
                assert host in ssh_config(project).read_text()


@pytest.mark.needs("systemd-analyze")
def test_systemd_reads_every_unit(projects: list[Path], tmp_path: Path) -> None:
    for number, project in enumerate(projects):
        there = tmp_path / str(number)
        there.mkdir()
        (there / "home").symlink_to(project / "home/remote")
        env = {"HOME": str(there / "home"), "XDG_RUNTIME_DIR": str(there)}
        command = ("systemd-analyze", "verify", "--man=no")
        system, user = units(project)
        run(*command, "--user", user, **env, PATH="/usr/bin:/bin")
        run(*command, system, **env, PATH="/usr/bin:/bin")


@pytest.mark.needs("tmux")
def test_tmux_reads_every_configuration(projects: list[Path], tmp_path: Path) -> None:
    tmux = ["tmux", "-S", str(tmp_path / "s"), "-f", "/dev/null"]
    env = {"HOME": str(tmp_path), "PATH": os.environ["PATH"], "TERM": "xterm"}
    run(*tmux, "new-session", "-d", **env)
    try:
        for project in projects:
            run(*tmux, "source-file", home(project, "tmux.conf"), **env)
    finally:
        run(*tmux, "kill-server", **env)


def test_no_project_has_a_group_that_nothing_uses(projects: list[Path]) -> None:
    for project in projects:
        groups = toml(project / "pyproject.toml").get("dependency-groups", {})
        conda = (project / "environment.yml").exists()
        assert not conda or not {"lab", "bootstrap"} & {*groups}


def test_git_takes_every_project_as_it_is(projects: list[Path]) -> None:
    """No white space at the end of a line, and no conflict marker."""
    for project in projects:
        run("git", "init", "-q", project)
        git = ["git", "-C", str(project)]
        run(*git, "add", "-A")
        done = subprocess.run([*git, "diff", "--cached", "--check"], check=False)
        assert done.returncode == 0
