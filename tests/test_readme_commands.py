"""Each command in a project's README runs as it is written there, on a sandbox.

What needs another machine has its test elsewhere; a command that is new in the README
has to be put into one of the two lists.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from laptop import Laptop
from loopback import free_port
from project import Project
from render import render, template

pytestmark = [
    pytest.mark.needs("uv", "network"),
    pytest.mark.timeout(600),
    pytest.mark.xdist_group("readme"),
]

# In the order in which they make sense; EDIT and COMMIT are what a person does between.
EDIT, COMMIT = "edit a dotfile", "commit"
RUN = [
    "./remote --help",
    "./remote setup",
    "./remote install --help",
    "./remote install",
    "titanic push",
    "titanic-cd",
    "./remote open",
    "./remote save",
    "./remote pairs",
    EDIT,
    "./remote push",
    "./remote undo",
    "uv add polars",
    COMMIT,
    "./remote push",
    "./remote add gpu2 gpu2.example.org",
    COMMIT,
    "./remote forget gpu2",
    COMMIT,
    "./remote update -d lab_port=8100",
    COMMIT,
    "./remote update",
    "./remote update -d remote_host=gpu.example.org",
    "git reset -q --hard",
    "./remote remove",
    "./remote uninstall",
]
# test_newcomer runs these on the test VM.
OVER_SSH = {
    "rsync -a data/ titanic:titanic/data/",
    "rsync -a titanic:titanic/results/ results/",
    "ssh titanic tmux -L titanic ls",
}
# What takes the terminal, or needs a second machine; where it has a test, its file.
ELSEWHERE = {
    "./remote open gpu2": "test_fleet",
    "git clone": "test_teammates",
    "ssh -t titanic tmux -L titanic attach": "takes the terminal",
    "ssh titanic": "test_newcomer",
    "ssh titanic-gpu2": "test_add",
    "titanic": "test_aliases",
    "titanic-log": "test_aliases",
    "titanic-tmux": "test_aliases",
}
COMMAND = re.compile(
    r"`((?:\./remote|uv|uvx|copier|git|ssh|rsync|titanic(?:-[a-z]+)?)(?: [^`\n]*)?)`"
)


def commands(project: Path) -> set[str]:
    """The commands in a project's README, but for the bare name of the program."""
    found = set(COMMAND.findall((project / "README.md").read_text()))
    return found - {"./remote"}


def test_each_command_is_tried_somewhere(tmp_path: Path) -> None:
    named = {"project_name": "Titanic"}
    sandbox = render(template(), tmp_path / "sandbox", **named)
    server = render(template(), tmp_path / "server", remote_host="gpu.org", **named)
    shown = commands(sandbox) | commands(server)
    tried = {line for line in RUN if line not in (EDIT, COMMIT)}
    elsewhere = OVER_SSH | {*ELSEWHERE}
    assert shown - tried == elsewhere
    assert tried - shown == {"git reset -q --hard"}


def test_each_runs_as_it_is_written(laptop: Laptop) -> None:
    answers = {"push_now": "true", "lab_port": free_port()}
    project, _ = Project.copied(laptop, answers)
    (laptop.home / ".bashrc").touch()
    # The browser is a program that succeeds: what it shows is test_newcomer's.
    env = {**laptop.env, "BROWSER": "true"}
    for line in RUN:
        if line == EDIT:
            project.edit(".config/remote-lab/titanic/bashrc", "# mine")
            line = COMMIT
        if line == COMMIT:
            project.commit("as the README says")
            continue
        # An interactive shell, for the aliases.
        done = laptop.run(
            *("bash", "-i", "-c", line),
            cwd=project.root,
            env=env,
            check=False,
            timeout=300,
        )
        # bash has no terminal here, and reports that.
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
