"""A project with a pair, under git with its hooks, and all who edit it.

    repo.edit(SCRIPT, "x = 1", "x = 2")
    repo.git("add", "-A")
    assert repo.commit() == "second try"

The pair at the start is the same in every mode: notebooks/a.py and notebooks/a.ipynb
with the cells of CELLS, each code cell with an output, committed and in sync.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Self

import jupytext
import pytest
import yaml
from pairing_door import Door
from process import Completed, run
from project import rendered

SCRIPT, NOTEBOOK = "notebooks/a.py", "notebooks/a.ipynb"
MODES = ("scripts", "both-stripped", "both")
# In the latter two, git has the notebook as well.
BOTH = MODES[1:]
CELLS = (("markdown", "# Title"), ("code", "x = 1"), ("code", "y = 2"), ("code", "x"))
HOOKS = ("post-commit", "post-checkout", "post-merge", "post-rewrite")
# What git is to find of the machine and of its user: nothing.
ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "LANG": "C.UTF-8",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    **{
        f"GIT_{who}_{what}": value
        for who in ("AUTHOR", "COMMITTER")
        for what, value in (("NAME", "Ada"), ("EMAIL", "ada@example.org"))
    },
    "GIT_EDITOR": "true",
    "GIT_MERGE_AUTOEDIT": "no",
}
# What a message tells the reader to type stands at the end of a line.
ADD = re.compile(r"(?:^|: )(git add .+)$", re.MULTILINE)
WAY = re.compile(r": +((?:\./remote pairs|git (?!add|show)\w+|rm) .*)$", re.MULTILINE)
Cells = list[tuple[str, str]]
Notebook = dict[str, Any]


class Repo:
    """A project under git, its hooks installed."""

    def __init__(self, root: Path, mode: str, door: Door, home: Path) -> None:
        self.root = root
        self.mode = mode
        self.door = door
        self.env = {**ENVIRONMENT, "HOME": str(home)}
        self.said = ""

    # The project.

    @classmethod
    def made(cls, folder: Path, mode: str, door: Door) -> Self:
        """Render and commit one, with the pair.

        Args:
            folder: Where; made new.
            mode: The answer to `notebooks_in_git`.
            door: What runs the program.
        """
        answers = (("notebooks_in_git", mode), ("project_name", "Titanic"))
        shutil.copytree(rendered(answers), folder, symlinks=True)
        (folder.parent / "home").mkdir(exist_ok=True)
        repo = cls(folder, mode, door, folder.parent / "home")
        repo.git("init", "-q", "-b", "main")
        repo.use_hooks()
        repo.save(NOTEBOOK, CELLS)
        repo.program("sync", check=True)
        repo.git("add", "-A")
        repo.commit()
        assert not repo.git("status", "--porcelain").stdout
        assert repo.cells(SCRIPT) == repo.cells(NOTEBOOK) == list(CELLS)
        return repo

    def copy(self, folder: Path) -> Repo:
        """The same project once more."""
        (folder / "home").mkdir(parents=True, exist_ok=True)
        shutil.copytree(self.root, folder / "titanic", symlinks=True)
        copy = type(self)(folder / "titanic", self.mode, self.door, folder / "home")
        # As far as stats tell, each file of a copy may have changed.
        copy.program("sync")
        return copy

    def at(self, root: Path) -> Repo:
        """Another working tree with the same hooks: a clone, or a worktree."""
        return type(self)(root, self.mode, self.door, Path(self.env["HOME"]))

    def use_hooks(self, tool: str = "") -> None:
        """Install git's hooks.

        Args:
            tool: "pre-commit" or "prek", to have it between git and our hook: then what
                is not staged is stashed away while the hook runs.
        """
        command = f"{self.door.command} commit"
        if tool:
            hook = {"id": "pairs", "name": "pairs", "language": "system"}
            often = {"always_run": True, "pass_filenames": False, "verbose": True}
            repos = [{"repo": "local", "hooks": [{**hook, **often, "entry": command}]}]
            config = Path(self.env["HOME"], "hooks.yaml")
            config.write_text(yaml.safe_dump({"repos": repos}))
            self.env["PRE_COMMIT_HOME"] = str(config.parent / "store")
            self.env["PREK_HOME"] = str(config.parent / "prek")
            python = Path(self.env["PATH"].split(os.pathsep)[0])
            command = f"{shutil.which(tool) or python / tool} run --config {config}"
        where = self.root / self.git("rev-parse", "--git-path", "hooks").stdout.strip()
        where.mkdir(parents=True, exist_ok=True)
        for name in HOOKS:
            # As ours: pre-commit checks out what is staged, and then takes it back.
            unless = '[ -n "$_PRE_COMMIT_SKIP_POST_CHECKOUT" ] ||'
            _executable(where / name, f"{unless} exec {self.door.command} refresh")
        _executable(where / "pre-commit", f"exec {command}")

    # What is typed.

    def git(self, *words: str | Path, check: bool = True) -> Completed:
        """Run git."""
        return self.call("git", *map(str, words), check=check)

    def program(self, word: str, *files: str, check: bool = False) -> Completed:
        """Run the pairs program."""
        return self.call(*self.door.argv, word, *files, check=check)

    def type(self, line: str) -> Completed:
        """Type a line that the program printed; it must do what it says."""
        words = shlex.split(line)
        if words[:2] != ["./remote", "pairs"]:
            return self.call("sh", "-c", line)
        match words[2:]:
            case ["--from", side, *files]:
                return self.program(f"from-{side}", *files, check=True)
            case ["--check", *files]:
                return self.program("check", *files, check=True)
            case files:
                return self.program("sync", *files, check=True)

    def commit(self, *words: str) -> str:
        """Type `git commit`; if refused, the `git add` that it names, and again.

        Args:
            words: Further words for git commit.

        Returns:
            "at once", "second try", or "refused" where no `git add` is named. All that
            was said is in `said`.
        """
        command = ["commit", "-q", "-m", "work", *words]
        self.said = ""
        for outcome in ("at once", "second try"):
            before = self.git("ls-files", "-s").stdout
            done = self.git(*command, check=False)
            self.said += done.stdout + done.stderr
            assert "Traceback" not in self.said, self.said
            if done.returncode == 0:
                return outcome
            assert self.git("ls-files", "-s").stdout == before, "a hook ran git add"
            adds = ADD.findall(done.stdout + done.stderr)
            if not adds:
                return "refused"
            for line in adds:
                self.type(line)
        raise AssertionError(f"no commit in two tries:\n{self.said}")

    def accepts(self, *words: str) -> bool:
        """Type `git commit` once; whether it is done."""
        done = self.git("commit", "-q", "-m", "work", *words, check=False)
        self.said = done.stdout + done.stderr
        return done.returncode == 0

    def each_way_out(self) -> Iterator[tuple[str, Repo]]:
        """Go each way that the last refusal names, each in a project of its own.

        Yields:
            The command, and the project, in which the commit was then accepted.
        """
        assert re.search(r"notebooks/.+\.(py|ipynb)", self.said), self.said
        ways = list(dict.fromkeys(WAY.findall(self.said)))
        assert ways, self.said
        for number, way in enumerate(ways):
            copy = self.copy(self.root.parent / f"way{number}")
            done = copy.type(way)
            copy.more()
            assert copy.commit() != "refused", f"{self.said}\n{way}\n{copy.said}"
            copy.said = f"{done.stdout}{done.stderr}{copy.said}"
            yield way, copy

    def shown(self) -> str:
        """What the `git show` commands show that were printed."""
        found = set(re.findall(r"git show ([0-9a-f]{7,})", self.said))
        return "".join(self.git("show", name).stdout for name in sorted(found))

    def logs(self) -> str:
        """What a failed test shows."""
        return self.said

    def call(self, *argv: str, check: bool = True) -> Completed:
        """Run a command in the project's folder."""
        return run(argv, cwd=self.root, env=self.env, check=check)

    # What is in the files.

    def path(self, name: str) -> Path:
        return self.root / name

    def read(self, name: str) -> str:
        return self.path(name).read_bytes().decode()

    def write(self, name: str, text: str) -> None:
        """Write as an editor does."""
        self.path(name).parent.mkdir(parents=True, exist_ok=True)
        self.path(name).write_bytes(text.encode())

    def notebook(self, name: str = NOTEBOOK) -> Notebook:
        """A notebook as it lies there, but with each source in one piece."""
        notebook: Notebook = json.loads(self.read(name))
        for cell in notebook["cells"]:
            cell["source"] = "".join(cell["source"])
        return notebook

    def cells(self, name: str) -> Cells:
        """The kinds and sources of a script's or a notebook's cells."""
        return cells_of(self.read(name), name)

    def in_git(self, name: str, of: str = "HEAD") -> Cells:
        """The same of what is committed; "" as *of* stands for the index."""
        return cells_of(self.git("show", f"{of}:{name}").stdout, name)

    def outputs(self, name: str = NOTEBOOK) -> dict[str, str]:
        """The text of the outputs that a notebook holds, by the cells' sources."""
        return {
            cell["source"]: "".join("".join(out["text"]) for out in cell["outputs"])
            for cell in self.notebook(name)["cells"]
            if cell.get("outputs")
        }

    def in_step(self) -> Cells:
        """The cells of the pair, which must be the same on both sides, and in git."""
        cells = self.cells(SCRIPT)
        assert cells == self.cells(NOTEBOOK)
        assert cells == self.in_git(SCRIPT)
        if self.mode in BOTH:
            assert cells == self.in_git(NOTEBOOK)
        return cells

    # Who edits.

    def save(self, name: str, cells: Iterable[tuple[str, str]]) -> None:
        """Save a new notebook that has run, as Jupyter does that knows no pairs."""
        notebook = {
            "cells": [
                cell_of(kind, source, f"cell-{number}", output=f"{source!r} ran\n")
                for number, (kind, source) in enumerate(cells)
            ],
            "metadata": {
                "kernelspec": {
                    "display_name": "Python 3 (ipykernel)",
                    "language": "python",
                    "name": "python3",
                },
                "language_info": {"name": "python", "version": "3.11.2"},
            },
            "nbformat": 4,
            "nbformat_minor": 5,
        }
        self.keep(name, notebook)

    def keep(self, name: str, notebook: Notebook) -> None:
        """Write a notebook as Jupyter does."""
        cells = [
            {**cell, "source": cell["source"].splitlines(keepends=True)}
            for cell in notebook["cells"]
        ]
        whole = {**notebook, "cells": cells}
        self.write(name, json.dumps(whole, indent=1, ensure_ascii=False) + "\n")

    def edit(self, name: str, old: str, new: str) -> None:
        """Change a text in a script, or in the cells of a notebook."""
        if name.endswith(".py"):
            text = self.read(name)
            assert old in text
            self.write(name, text.replace(old, new))
            return
        notebook = self.notebook(name)
        assert any(old in cell["source"] for cell in notebook["cells"])
        for cell in notebook["cells"]:
            cell["source"] = cell["source"].replace(old, new)
        self.keep(name, notebook)

    def append(self, name: str, source: str, kind: str = "code") -> None:
        """Add a last cell to a script or a notebook."""
        if name.endswith(".py"):
            head = "# %%" if kind == "code" else f"# %% [{kind}]"
            self.write(name, f"{self.read(name).rstrip()}\n\n{head}\n{source}\n")
            return
        notebook = self.notebook(name)
        number = len(notebook["cells"])
        notebook["cells"].append(cell_of(kind, source, f"more-{number}"))
        self.keep(name, notebook)

    def more(self) -> None:
        """Stage all, and a change that has nothing to do with notebooks."""
        with self.path("results/README.md").open("a") as file:
            file.write("More.\n")
        self.git("add", "-A")

    def touch(self, name: str, seconds: float) -> None:
        """Move a file's times by so many seconds."""
        info = self.path(name).stat()
        os.utime(self.path(name), (info.st_atime, info.st_mtime + seconds))


def cell_of(kind: str, source: str, id: str, output: str = "") -> dict[str, Any]:
    """A notebook's cell; one with code has run if there is an output."""
    cell: dict[str, Any] = {
        "cell_type": kind,
        "id": id,
        "metadata": {},
        "source": source,
    }
    if kind == "code":
        printed = {"name": "stdout", "output_type": "stream", "text": [output]}
        cell["execution_count"] = 1 if output else None
        cell["outputs"] = [printed] if output else []
    return cell


def cells_of(text: str, name: str) -> Cells:
    """The kinds and sources of the cells in a script's or a notebook's text."""
    kind = "ipynb" if name.endswith(".ipynb") else "py:percent"
    notebook = jupytext.reads(text, kind)
    return [(cell.cell_type, cell.source) for cell in notebook.cells]


def _executable(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def scenario(title: str, **endings: str) -> Callable[[Any], Any]:
    """Make a test a row of the table in docs/notebooks.md.

    The test's docstring tells what happens. It gets `repo`, in each mode named here,
    and `ending`, which it must see come true.

    Args:
        title: What the user did.
        endings: By mode, with _ for -: "at once", "second try" or "refused"; or `all`
            for the three of them, or `with_notebooks` for those where git has both.
    """
    if "all" in endings:
        endings = dict.fromkeys(MODES, endings["all"])
    if "with_notebooks" in endings:
        endings |= dict.fromkeys(BOTH, endings.pop("with_notebooks"))
    rows = [(mode.replace("_", "-"), ending) for mode, ending in endings.items()]

    def mark(test: Any) -> Any:
        test.scenario = (title, dict(rows))
        by_mode = pytest.mark.parametrize(
            ("repo", "ending"), rows, indirect=["repo"], ids=[row[0] for row in rows]
        )
        return by_mode(test)

    return mark
