"""A project whose user deleted a file: every command says so, or works without it."""

from __future__ import annotations

import shutil

import pytest
from laptop import Laptop
from project import Project

# What the program, git or uv reads; to it, all the others are only files to send.
READ = [
    ".copier-answers.yml",
    ".gitattributes",
    ".gitignore",
    ".pre-commit-config.yaml",
    "home",
    "home/laptop",
    "jupytext.toml",
    "notebooks",
    "pyproject.toml",
    "remote.toml",
]
COMMANDS = [["push", "--dry-run"], ["status"], ["pairs"]]


@pytest.mark.needs("uv", "network")
def test_no_command_breaks(laptop: Laptop) -> None:
    project = Project.rendered(laptop)
    for name in READ:
        path = project.root / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
        for words in COMMANDS:
            done = project.remote(*words, check=False)
            said = done.stdout + done.stderr
            assert "Traceback" not in said, (name, words, said)
            if name == "remote.toml":
                assert done.returncode == 1
                assert "remote.toml is missing" in said
                assert "git checkout HEAD -- remote.toml" in said
        laptop.run("git", "checkout", "-q", "--", ".", cwd=project.root)
