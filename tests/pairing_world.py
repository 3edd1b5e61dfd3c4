"""A project with pairs, and what must not be lost of it: each cell has its own word.

A word lives from when the user types it until he himself takes it out of a file. Until
then it is in the working tree, or in what git can find, or in what the program said it
has kept.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shutil
import subprocess
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from pairing import ADD, ENVIRONMENT, cell_of
from project import rendered

from remote_lab.pairs import command_line as program

WORD = re.compile(r"w\d+w")  # in JSON, the n of a \n may stand before it
PAIRS = ("notebooks/a", "notebooks/b", "notebooks/sub/c")
NEEDED = ("remote.toml", "jupytext.toml", "pyproject.toml", ".gitignore")
HEAD = """\
# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---
"""
MARKS = re.compile(r"^(<<<<<<< |=======$|>>>>>>> ).*\n?", re.MULTILINE)
done: Counter[str] = Counter()


class World:
    """A repository in a folder of its own, and the words that are alive in it."""

    def __init__(self, mode: str) -> None:
        self.mode = mode
        self.root = Path(tempfile.mkdtemp(prefix="pairs-"))
        self.alive: set[str] = set()
        self.said = ""
        self._count = 0
        source = rendered((("notebooks_in_git", mode), ("project_name", "Titanic")))
        for name in NEEDED:
            shutil.copy(source / name, self.root / name)
        (self.root / "notebooks").mkdir()
        self.git("init", "-q", "-b", "main")
        self.git("add", "-A")
        self.git("commit", "-qm", "empty")

    def close(self) -> None:
        """See a last time that nothing is lost, and take it away."""
        self.nothing_is_lost()
        shutil.rmtree(self.root)

    # Files.

    def path(self, pair: str, side: str) -> Path:
        return self.root / f"{pair}{side}"

    def files(self) -> dict[str, str]:
        """The text of each script and notebook in the tree."""
        return {
            str(path.relative_to(self.root)): path.read_bytes().decode()
            for path in sorted(self.root.glob("notebooks/**/*.*"))
            if path.is_file()
        }

    def word(self) -> str:
        """A new word."""
        self._count += 1
        self.alive.add(f"w{self._count}w")
        return f"w{self._count}w"

    @contextlib.contextmanager
    def overwriting(self) -> Any:
        """What a file loses meanwhile, the user himself has taken out."""
        before, known = self.files(), set(self.alive)
        yield
        after = self.files()
        self.alive &= known | words("".join(after.values()))
        for name, text in before.items():
            lost = words(text) - words(after.get(name, ""))
            if name not in after:  # who deletes one side may count on the other
                lost -= words("".join(after.values()))
            self.alive -= lost

    def write(self, path: Path, text: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())

    def edit_script(self, pair: str, change: Any) -> None:
        """Change the cells of a script, as texts that begin with their # %% lines."""
        path = self.path(pair, ".py")
        text = path.read_bytes().decode() if path.exists() else HEAD
        head, *cells = re.split(r"^(?=# %%)", text, flags=re.MULTILINE)
        with self.overwriting():
            change(cells)
            kept = [f"{cell.rstrip()}\n\n" for cell in cells]
            self.write(path, f"{head.rstrip()}\n\n{''.join(kept).rstrip()}\n")

    def edit_notebook(self, pair: str, change: Any) -> None:
        """Change the cells of a notebook, as Jupyter has them."""
        path = self.path(pair, ".ipynb")
        empty = {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
        try:
            notebook = json.loads(path.read_bytes()) if path.exists() else empty
        except ValueError:
            return  # no Jupyter opens that
        with self.overwriting():
            change(notebook["cells"])
            self.write(path, json.dumps(notebook, indent=1) + "\n")

    def new_cell(self, kind: str, source: str) -> dict[str, Any]:
        number = f"id-{self._count}-{len(self.said)}"
        return cell_of(kind, source, number, output="ran\n")

    # Git, without its hooks: the program is called by us.

    def git(self, *given: str, input: str | None = None) -> tuple[int, str]:
        """Run git; its exit code and output."""
        ran = subprocess.run(
            ["git", "-c", "core.hooksPath=/dev/null", *given],
            cwd=self.root,
            env=ENVIRONMENT,
            input=input,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        return ran.returncode, ran.stdout

    def is_merging(self) -> bool:
        return bool(self.git("ls-files", "-u")[1])

    def commit(self, *options: str, tool: bool) -> None:
        """`git commit` with its hooks, as a user does it: twice, if told to add.

        Args:
            options: For git commit.
            tool: pre-commit calls the hook, so what is not staged is put away.
        """
        taken_back = False
        for number in (1, 2, 3):
            code, said, mended = self._hook(tool)
            adds = ADD.findall(said)
            if code == 0:
                self._accepted(options)
                return
            if not adds:
                done["refused"] += 1
                assert re.search(r"notebooks/.+\.(py|ipynb)", said), said
                return
            # What pre-commit took back has to be asked for once more.
            taken_back = taken_back or not mended
            assert number == 1 or taken_back, f"third try: {said}"
            for line in adds:
                subprocess.run(["sh", "-c", line], cwd=self.root, check=False)
        raise AssertionError(f"fourth try: {self.said}")

    def _hook(self, tool: bool) -> tuple[int, str, bool]:
        """The hook as pre-commit calls it; and whether what it changed is there."""
        patch = self.git("diff", "--binary", "--no-color")[1] if tool else ""
        with tempfile.NamedTemporaryFile("w", newline="") as kept:
            kept.write(patch)
            kept.flush()
            apply = ("apply", "--whitespace=nowarn", kept.name)
            if patch:
                self.git("checkout", "--", ".")
            os.environ.update({"PRE_COMMIT": "1"} if tool else {})
            try:
                code, said = self.run("commit", whole=not patch)
            finally:
                os.environ.pop("PRE_COMMIT", None)
            mended = True
            if patch and self.git(*apply)[0]:
                mended = False
                self.git("checkout", "--", ".")
                assert self.git(*apply)[0] == 0
        self.nothing_is_lost()
        return code, said, mended

    def _accepted(self, options: tuple[str, ...]) -> None:
        if self.git("commit", "-qm", "work", *options)[0] == 0:
            done["commits"] += 1
            if self.mode != "scripts":
                self._both_sides_agree()
        self.run("refresh")

    def _both_sides_agree(self) -> None:
        changed = self.git("diff", "--name-only", "HEAD~1", "HEAD")[1].split()
        for pair in {name.rpartition(".")[0] for name in changed}:
            sides = [self.git("show", f"HEAD:{pair}{s}")[1] for s in (".py", ".ipynb")]
            assert WORD.findall(sides[0]) == WORD.findall(sides[1]), sides

    # The program.

    def run(self, word: str, *files: str, whole: bool = True) -> tuple[int, str]:
        """Call the program, and see that it does not do what it never does.

        Args:
            word: What it is to do.
            files: Its arguments.
            whole: Whether all is in the tree, and nothing is put away.

        Returns:
            Its exit code, and what it said.
        """
        done[word] += 1
        before, index = self.files(), self.git("ls-files", "-s")[1]
        said = io.StringIO()
        with (
            contextlib.chdir(self.root),
            contextlib.redirect_stderr(said),
            contextlib.redirect_stdout(said),
        ):
            code = program.main([word, *files])
        self.said += said.getvalue()
        after = self.files()
        assert self.git("ls-files", "-s")[1] == index
        changed = {
            name for name in before | after if before.get(name) != after.get(name)
        }
        if word == "refresh":
            assert code == 0
            assert not [name for name in changed if name.endswith(".py")]
        if word == "check":
            assert not changed
        if word == "commit" and code == 0:
            tracked = self.git("ls-files", "notebooks")[1].split()
            assert not changed & set(tracked), said.getvalue()
        if word == "sync" and code == 0:
            for pair in PAIRS:
                sides = [after.get(f"{pair}{side}") for side in (".py", ".ipynb")]
                if None not in sides:
                    script, notebook = (WORD.findall(str(side)) for side in sides)
                    assert script == notebook, (sides, said.getvalue())
        if whole:
            self.nothing_is_lost()
        return code, said.getvalue()

    def nothing_is_lost(self) -> None:
        """See that every word that is alive can be found."""
        missing = self.alive - words("".join(self.files().values()))
        if missing:
            missing -= self.in_git()
        assert not missing, f"lost: {missing}\n{self.said}"

    def in_git(self) -> set[str]:
        """The words in all that git has, and in what it was told to keep."""
        everything = ("--all", "--reflog", "--indexed-objects")
        listed = self.git("rev-list", "--objects", *everything)[1]
        told = re.findall(r"git show ([0-9a-f]{7,})", self.said + self._kept())
        names = [line[:40] for line in listed.splitlines()] + told
        ask = "".join(f"{name}\n" for name in names)
        return words(self.git("cat-file", "--batch", input=ask)[1])

    def _kept(self) -> str:
        kept = self.root / ".git" / "remote-lab-kept"
        return kept.read_text() if kept.exists() else ""


def words(text: str) -> set[str]:
    """The words in a text."""
    return set(WORD.findall(text))
