"""A repository of 500 pairs, the kinds of commits in it, and the compared hooks.

A pair is edited in a line that is the same in the notebook and in its script, so that
both show whether the edit arrived.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from measure import BenchmarkFailed

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "src")]

from render import released, render  # noqa: E402

from remote_lab.laptop import git_hooks  # noqa: E402

PAIRS = 500
# What a person may have done before the commit.
NOTHING = "another file"  # and no pair
SAVED = "saved in JupyterLab"  # which writes both files
SCRIPT = "script edited"  # in an editor, as black has it
ROUGH = "script edited, rough"  # black has something to do
EDITS = (SAVED, SCRIPT, ROUGH)
# A commit is refused where the hook changed a file. More tries than these, and the
# hook will never be content.
TRIES = 3
LINE = re.compile(r"threshold ?= ?\d+")
NBSTRIPOUT = "nbstripout==0.9.1"

UNRUN: dict[str, Any] = {"execution_count": None, "outputs": []}

NO_OP = """\
repos:
  - repo: local
    hooks:
      - id: no-op
        name: no-op
        language: system
        entry: "true"
        always_run: true
        pass_filenames: false
"""
# As jupytext's page "Pre-commit hook" has it, and its test of that page with
# nbstripout, but without the third hook, black on the scripts: to its favour. The keys
# are those of the hooks' own repositories.
RECIPE = """\
repos:
  - repo: local
    hooks:
      - id: jupytext
        name: jupytext
        language: python
        additional_dependencies: [{jupytext}, {black}]
        entry: jupytext --pre-commit-mode
        args: [--sync, --pipe, black]
        require_serial: true
        types_or: [jupyter, markdown, python]
      - id: nbstripout
        name: nbstripout
        language: python
        additional_dependencies: [{nbstripout}]
        entry: nbstripout
        types: [jupyter]
"""


@dataclass(frozen=True)
class Commit:
    """What an accepted commit took: all tries, and each `git add` between."""

    seconds: float
    tries: int


class Repository:
    """One project under git; how it is edited and committed."""

    def __init__(self, root: Path, env: Mapping[str, str]) -> None:
        self.root, self.env = root, env
        self.hooks = root / ".git/hooks"
        self._edits = 0

    def run(self, *argv: str) -> str:
        """Run a command in it.

        Raises:
            BenchmarkFailed: Its exit status was not 0.
        """
        done = subprocess.run(
            argv,
            cwd=self.root,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode:
            raise BenchmarkFailed(f"exit {done.returncode} of {argv}:\n{done.stdout}")
        return done.stdout

    def timed(self, *argv: str) -> float:
        """The wall time of a command, in seconds."""
        began = time.perf_counter()
        self.run(*argv)
        return time.perf_counter() - began

    def scripts(self, count: int) -> list[Path]:
        """So many pairs, by their scripts."""
        names = [f"pair{number:03}.py" for number in range(count)]
        return [self.root / "notebooks" / name for name in names]

    def edit(self, how: str, count: int) -> list[Path]:
        """Edit pairs, or another file, and stage that.

        Returns:
            The scripts of the pairs.
        """
        self._edits += 1
        line = f"threshold{'=' if how == ROUGH else ' = '}{self._edits}"
        scripts = self.scripts(count)
        for script in scripts:
            files = [script.with_suffix(".ipynb"), script]
            for file in files if how == SAVED else files[1:]:
                file.write_text(LINE.sub(line, file.read_text()))
        if how == NOTHING:
            with (self.root / "README.md").open("a") as readme:
                readme.write(f"{line}\n")
        self.run("git", "add", "-A")
        return scripts

    def commit(self) -> Commit:
        """Commit what is staged, as often as it takes.

        Raises:
            BenchmarkFailed: It never was accepted; the message has what was said.
        """
        began = time.perf_counter()
        for tries in range(1, TRIES + 1):
            try:
                self.run("git", "commit", "-q", "-m", "edited")
                return Commit(time.perf_counter() - began, tries)
            except BenchmarkFailed as error:
                said = str(error)
            self.run("git", "add", "-A")
        raise BenchmarkFailed(f"refused {TRIES} times: {said}")

    def check(self, scripts: list[Path]) -> None:
        """See that the last edit is in HEAD, in both files, as black has it.

        Raises:
            BenchmarkFailed: It is not.
        """
        line = f"threshold = {self._edits}\n"
        if left := self.run("git", "status", "--porcelain"):
            raise BenchmarkFailed(f"{self.root}: not committed:\n{left}")
        for script in scripts:
            if line not in script.read_text():
                raise BenchmarkFailed(f"{script} is not as black has it")
            if json.dumps(line) not in script.with_suffix(".ipynb").read_text():
                raise BenchmarkFailed(f"the notebook of {script} has not followed")

    def config(self, text: str) -> None:
        """Give it other hooks than the project's own: these, and no others."""
        shutil.rmtree(self.hooks)
        (self.root / ".pre-commit-config.yaml").write_text(text)
        self.run("git", "add", "-A")
        self.run("git", "commit", "-q", "-m", "other hooks")

    def copy(self, name: str) -> Repository:
        """The same once more, beside it."""
        root = self.root.with_name(name)
        subprocess.run(["cp", "-a", self.root, root], check=True)
        # git knows its files by their inodes, which are others now.
        other = Repository(root, self.env)
        other.run("git", "status")
        return other


def notebook(number: int, *, outputs: bool) -> str:
    """A notebook as JupyterLab writes it: prose, code, and a table as output."""
    table = [f"<td>{n * number}</td>\n" for n in range(40)]
    data = {"text/html": ["<table>\n", *table, "</table>"]}
    output = {"output_type": "display_data", "metadata": {}, "data": data}
    cells: list[dict[str, Any]] = []
    for cell in range(6):
        prose = [f"## Part {cell}\n", "\n", f"What *notebook {number}* does here."]
        code = [
            f"rows = [(n, n * {cell}) for n in range({number + 10})]\n",
            "threshold = 0\n" if cell == 3 else f"limit_{cell} = {cell}\n",
            "\n",
            "\n",
            f"def part_{cell}(rows):\n",
            '    """Keep those that are large."""\n',
            f"    return [row for row in rows if row[1] > {cell}]\n",
            "\n",
            "\n",
            f"part_{cell}(rows)[:10]",
        ]
        for kind, source in (("markdown", prose), ("code", code)):
            name = f"{number:04x}{cell}{kind}"
            common = {"cell_type": kind, "id": name, "metadata": {}, "source": source}
            cells.append(common)
        ran = {"execution_count": cell, "outputs": [output]} if outputs else UNRUN
        cells[-1] |= ran
    told = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(told, indent=1) + "\n"


def project(folder: Path, mode: str, env: Mapping[str, str]) -> Repository:
    """A generated project with its pairs in it, all accepted by our hook.

    Args:
        folder: Where; the project gets the mode's name.
        mode: The answer `notebooks_in_git`.
        env: The environment of all commands.
    """
    template = folder / "template"
    if not template.exists():
        released(template)
    root = render(
        template, folder / mode, project_name="Titanic", notebooks_in_git=mode
    )
    config = root / ".pre-commit-config.yaml"
    config.write_text(ours_alone(config.read_text()))
    for number in range(PAIRS):
        text = notebook(number, outputs=mode != "both-stripped")
        (root / f"notebooks/pair{number:03}.ipynb").write_text(text)
    made = Repository(root, env)
    made.run("git", "init", "-q")
    git_hooks.pin(root)
    git_hooks.follow_git(made.hooks)
    made.run("prek", "install", "-q", "--install-hooks")
    made.run("git", "add", "-A")
    made.commit()
    return made


def ours_alone(config: str) -> str:
    """The project's hooks without those that have to do with other files."""
    wanted = []
    for repo in yaml.safe_load(config)["repos"]:
        repo["hooks"] = [hook for hook in repo["hooks"] if hook["id"] == "notebooks"]
        wanted += [repo] if repo["hooks"] else []
    return yaml.safe_dump({"repos": wanted})


def environment() -> dict[str, str]:
    """Variables by which nobody's settings count, and hooks are kept for next time."""
    cache = Path.home() / ".cache/remote-lab-benchmarks"
    settings = {
        "gc.auto": "0",
        "maintenance.auto": "false",
        "init.defaultBranch": "main",
        "user.name": "b",
        "user.email": "b@b",
    }
    env = {
        **os.environ,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_COUNT": str(len(settings)),
        "PRE_COMMIT_HOME": str(cache / "pre-commit"),
        "PREK_HOME": str(cache / "prek"),
    }
    for number, (key, value) in enumerate(settings.items()):
        env |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return env


def pinned(text: str, package: str) -> str:
    """The version of a package that our hook has, as `name==version`."""
    found = re.search(rf"{package}==[\w.]+", text)
    assert found, f"the hook does not pin {package}"
    return found[0]
