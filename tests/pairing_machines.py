"""A laptop and its remote, each with the pairs: what either of them must not lose.

The programs are the real ones: push and save in a process of their own, which can be
killed at any step, the remote's sh in a sandbox, and JupyterLab's own contents manager
with jupytext's.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from jupyter_server.services.contents.largefilemanager import LargeFileManager
from jupytext.sync_contentsmanager import (
    build_sync_jupytext_contents_manager_class as with_jupytext,
)
from pairing import ENVIRONMENT
from pairing_door import Door
from pairing_world import PAIRS, WORD, World, done, words
from tornado.web import HTTPError
from traitlets.config import Config

from remote_lab import settings
from remote_lab.errors import Problem
from remote_lab.laptop.notebooks import pairs
from remote_lab.pairs import command_line as program
from remote_lab.pairs import lab_note
from remote_lab.push import code, dotfiles
from remote_lab.push.save import save
from remote_lab.transport.connection import Connection

# What git and the remote's Python are, until they have been called often enough.
SHIM = """\
#!/bin/sh
if read -r left 2>/dev/null <{left}; then
    [ "$left" -gt 0 ] || kill -9 0
    echo $((left - 1)) >{left}
fi
"""
# Steps of a Python program that leave something behind.
STEPS = ("os.rename", "os.link", "os.remove", "subprocess.Popen")


class Machine(World):
    """One of the two, with a working tree."""

    def __init__(self, machines: Machines, name: str, root: Path) -> None:
        self.machines, self.name, self.root = machines, name, root
        self.mode, self.said, self._count = "scripts", "", 0
        self.agreed: dict[str, list[str]] = {}

    @property
    def alive(self) -> set[str]:
        return self.machines.alive

    @alive.setter
    def alive(self, words: set[str]) -> None:
        self.machines.alive = words

    def word(self) -> str:
        return self.machines.word()

    def nothing_is_lost(self) -> None:
        self.machines.nothing_is_lost()

    def sides(self, pair: str) -> tuple[list[str] | None, list[str] | None]:
        """The words in a pair's script and in its notebook, in their order."""
        paths = (self.path(pair, side) for side in (".py", ".ipynb"))
        script, notebook = (
            WORD.findall(path.read_text()) if path.exists() else None for path in paths
        )
        return script, notebook

    def look(self) -> None:
        """Note which pairs agree: from here on, either side may be edited."""
        for pair in PAIRS:
            script, notebook = self.sides(pair)
            if script is not None and script == notebook:
                self.agreed[pair] = script

    @contextlib.contextmanager
    def watched(self, git_moves: bool = False) -> Any:
        """See that a program does nothing to a pair that it must not.

        Args:
            git_moves: Whether git brings other scripts meanwhile.
        """
        self.look()
        before = {pair: self.sides(pair) for pair in PAIRS}
        told = len(self.said)
        yield
        said = self.said[told:]
        for pair, (script, notebook) in before.items():
            agreed = self.agreed.get(pair)
            script_now, notebook_now = self.sides(pair)
            if None in (script, notebook, script_now, notebook_now, agreed):
                continue
            if not script_now and not notebook_now:
                continue  # cells without words can't be told from no cells
            what = f"{self.name}, {pair}: {agreed} {before[pair]} {self.sides(pair)}"
            if script_now != script and not git_moves:
                assert script == agreed, f"reverted: {what}\n{said}"
            if notebook_now != notebook and notebook != agreed:
                assert notebook in self.committed(pair), f"lost: {what}\n{said}"
            if f"{pair}.ipynb: was edited, and so" in said or (
                f"{pair}.py and {pair}.ipynb: both" in said
            ):
                done["conflicts"] += 1
                edited = agreed not in (script_now, notebook)
                assert edited, f"no conflict: {what}\n{said}"
        self.look()

    def committed(self, pair: str) -> list[list[str]]:
        """The words of each version of a script that git has here."""
        commits = self.git("rev-list", "--all", "--reflog")[1].split()
        texts = [self.git("show", f"{commit}:{pair}.py") for commit in commits]
        return [WORD.findall(text) for status, text in texts if status == 0]

    def run(self, word: str, *files: str, whole: bool = True) -> tuple[int, str]:
        watched = contextlib.nullcontext() if files else self.watched()
        with watched:
            told = super().run(word, *files, whole=whole)
        self.look()
        return told

    def saves_in_lab(self, pair: str, change: Any) -> None:
        """Open a notebook in JupyterLab, change its cells, and save it."""
        with self.overwriting(), contextlib.suppress(HTTPError):
            model = self.machines.lab(self.root).get(f"{pair}.ipynb")
            change(model["content"]["cells"])
            self.machines.lab(self.root).save(model, f"{pair}.ipynb")
            done["saved in the lab"] += 1
        self.look()


class Machines:
    """Both of them."""

    def __init__(self, door: Door) -> None:
        """Make a project, and push it.

        Args:
            door: What runs the program pairs on the remote.
        """
        self.alive: set[str] = set()
        self._count = 0
        seed = World("scripts")
        self.folder = seed.root.parent / f"{seed.root.name}-bin"
        self.laptop = Machine(self, "laptop", seed.root)
        there = seed.root / ".sandbox/titanic/titanic"
        self.remote = Machine(self, "remote", there)
        self._tools(door)
        assert self.push() == ""
        python = there / ".venv/bin/python"
        python.parent.mkdir(parents=True)
        python.write_text(f'{self._shim}shift 2\nexec {door.command} "$@"\n')
        python.chmod(0o755)

    def _tools(self, door: Door) -> None:
        self.folder.mkdir()
        self._left = self.folder / "left"
        self._shim = SHIM.format(left=self._left)
        uv = f'#!/bin/sh\ncd "$8" && shift 8 && exec {door.command} "$@"\n'
        git = f'{self._shim}exec {shutil.which("git")} "$@"\n'
        for name, text in {"git": git, "uv": uv}.items():
            (self.folder / name).write_text(text)
            (self.folder / name).chmod(0o755)

    def close(self) -> None:
        """See a last time that nothing is lost, and delete all."""
        self.nothing_is_lost()
        shutil.rmtree(self.laptop.root)
        shutil.rmtree(self.folder)

    def both(self) -> tuple[Machine, Machine]:
        return self.laptop, self.remote

    def word(self) -> str:
        """A new word."""
        self._count += 1
        self.alive.add(f"w{self._count}w")
        return f"w{self._count}w"

    def nothing_is_lost(self) -> None:
        """See that every word that is alive can be found on one of them."""
        missing = set(self.alive)
        for machine in self.both():
            missing -= words("".join(machine.files().values()))
        for machine in self.both() if missing else ():
            missing -= machine.in_git()
        assert not missing, f"lost: {missing}\n{self.laptop.said}\n{self.remote.said}"

    def lab(self, root: Path) -> Any:
        """JupyterLab's contents manager, as the project's environment sets it up."""
        config = Config()
        config.ContentsManager.post_save_hook = lab_note.leave_note
        manager = with_jupytext(LargeFileManager)
        return manager(root_dir=str(root), config=config, allow_hidden=True)

    # What is typed; without a kill, what is reported if it fails.

    def push(self, kill: int = -1, steps: bool = False) -> str:
        """./remote push, of the code alone."""
        return self._typed(_push, kill, steps)

    def save(self, kill: int = -1, steps: bool = False) -> str:
        """./remote save."""
        return self._typed(_save, kill, steps)

    def _typed(
        self, run: Callable[[Connection], object], kill: int, steps: bool
    ) -> str:
        def typed() -> str:
            project = settings.load(self.laptop.root)
            try:
                run(Connection(project, project.pick(None)))
            except Problem as problem:
                return f"{problem.what}\n{problem.todo}\n"
            return ""

        with (
            self.laptop.watched(git_moves=True),
            self.remote.watched(git_moves=run is _push),
        ):
            told, said = self.apart(typed, kill, steps)
            for line in said.splitlines(keepends=True):
                there = "titanic: " in line
                machine = self.remote if there else self.laptop
                machine.said += line
        self.nothing_is_lost()
        return told

    def pairs(self, machine: Machine, word: str, kill: int) -> None:
        """The program pairs, killed at a step of its own."""
        with machine.watched():
            run = partial(program.main, ["--root", str(machine.root), word])
            machine.said += self.apart(lambda: str(run()), kill, True)[1]
        self.nothing_is_lost()

    def apart(self, run: Callable[[], str], kill: int, steps: bool) -> tuple[str, str]:
        """Run something in a process of its own.

        Args:
            run: What to run.
            kill: How many steps it may do; negative is no kill.
            steps: Count its own, instead of the calls of git and of pairs.

        Returns:
            What it returns, "killed" if it was, and what it printed.
        """
        if kill >= 0 and not steps:
            self._left.write_text(f"{kill}\n")
        answer, printed = self.folder / "answer", self.folder / "printed"
        answer.unlink(missing_ok=True)
        child = os.fork()
        if not child:
            _become(self.folder, printed)
            try:
                if kill >= 0 and steps:
                    _kill_at(kill)
                answer.write_text(run())
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        self._left.unlink(missing_ok=True)
        said = printed.read_text()
        assert "Traceback" not in said, said
        if answer.exists():
            return answer.read_text(), said
        done["killed"] += 1
        assert kill >= 0, said
        return "killed", said


def _save(connection: Connection) -> None:
    """What ./remote save does."""
    if save(connection):
        pairs(connection.project, "refresh")


def _push(connection: Connection) -> None:
    """Push's part that brings the code, and has the notebooks follow."""
    there = dotfiles.query(connection).code
    code.push(connection, there)
    for text in code.refresh_notebooks(connection):
        print(f"titanic: {text}", file=sys.stderr)


def _become(folder: Path, printed: Path) -> None:
    """What a command of its own has: a session, an environment, its output."""
    os.setsid()
    path = f"{folder}{os.pathsep}{ENVIRONMENT['PATH']}"
    os.environ.clear()
    own = {"PATH": path, "HOME": str(folder), "UV": str(folder / "uv")}
    os.environ.update({**ENVIRONMENT, **own})
    output = os.open(printed, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(output, 1)
    os.dup2(output, 2)
    sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
    sys.stdout.reconfigure(line_buffering=True)
    sys.stderr.reconfigure(line_buffering=True)


def _kill_at(count: int) -> None:
    left = [count]

    def watch(event: str, arguments: Any) -> None:
        if event in STEPS or (event == "open" and arguments[2] & os.O_WRONLY):
            left[0] -= 1
            if left[0] < 0:
                os.killpg(0, signal.SIGKILL)

    sys.addaudithook(watch)
