"""Several laptops push at once: the parts of one push stay together.

Each part is one connection. In whatever order those of several pushes come, the remote
is not left with the dotfiles of one and the code of another while both tell of success.
"""

from __future__ import annotations

import itertools
import os
import random
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest import mock

import pytest
from effort import rounds
from env_lab import Lab
from laptop import Laptop
from project import Project

from remote_lab import settings
from remote_lab.env import build, stamp
from remote_lab.errors import Problem
from remote_lab.push import code, dotfiles, manifest
from remote_lab.transport.connection import Connection

PIECE = "whose"


class Pusher:
    """One laptop's push, a part at a time."""

    def __init__(self, name: str, project: Project) -> None:
        self.name, self.project = name, project
        self.again()

    def again(self) -> None:
        """Begin another push."""
        self.problem: Problem | None = None
        self.parts = [self._home, self._code]
        read = settings.load(self.project.root)
        self._connection = Connection(read, read.pick(None))

    def step(self) -> None:
        """Do its next part, unless it has failed."""
        part = self.parts.pop(0)
        if self.problem is None:
            try:
                part()
            except Problem as error:
                self.problem = error

    def _home(self) -> None:
        pieces = manifest.read(self._connection.project, "")
        self._there = dotfiles.push(self._connection, pieces).state

    def _code(self) -> None:
        code.push(self._connection, self._there.code, self._there.current)


@pytest.fixture
def pushers(laptop: Laptop) -> Iterator[list[Pusher]]:
    """Three of them, each with dotfiles and a commit of its own, and one remote."""
    first = Project.rendered(laptop)
    made = []
    for name in "abc":
        project = Project(laptop, laptop.home / name)
        shutil.copytree(first.root, project.root, symlinks=True)
        (project.root / ".sandbox").symlink_to(first.root / ".sandbox")
        (project.root / "home/remote" / PIECE).write_text(name)
        (project.root / PIECE).write_text(name)
        project.commit(name)
        made.append(Pusher(name, project))
    with mock.patch.dict(os.environ, laptop.env, clear=True):
        (first.root / "home/remote" / PIECE).write_text("-")
        (first.root / PIECE).write_text("-")
        first.root.joinpath(".sandbox").mkdir()
        base = Pusher("-", first)
        base.step()
        base.step()
        assert base.problem is None
        yield made


def test_in_any_order_the_parts_of_one_push_stay_together(
    pushers: list[Pusher], tmp_path: Path, counted: Callable[[str], None]
) -> None:
    sandbox = pushers[0].project.home
    shutil.copytree(sandbox, tmp_path / "copy", symlinks=True)
    two = {*itertools.permutations([0, 0, 1, 1])}
    three = sorted({*itertools.permutations([0, 0, 1, 1, 2, 2])})
    orders = [*sorted(two), *random.Random(8).sample(three, rounds(12, 90))]
    both = 0
    for order in orders:
        shutil.rmtree(sandbox)
        shutil.copytree(tmp_path / "copy", sandbox, symlinks=True)
        for pusher in pushers:
            pusher.again()
        for number in order:
            pushers[number].step()
        well = {pusher.name for pusher in pushers if not pusher.problem}
        dotfiles = (sandbox / PIECE).read_text()
        working = sandbox / "titanic" / PIECE
        its_code = working.read_text()
        if {dotfiles, its_code} <= well:
            assert dotfiles == its_code, order
            both += 1
        for pusher in pushers:
            if pusher.problem and pusher.parts == []:
                assert pusher.problem.code in (1, 3)
                assert "./remote" in pusher.problem.todo
    assert both > len(orders) // 4
    counted(f"{len(orders)} orders of the parts of two and three pushes")


def test_who_was_overtaken_is_told_what_to_type(pushers: list[Pusher]) -> None:
    one, other = pushers[:2]
    one.step()
    other.step()
    one.step()
    assert one.problem
    assert "came in between" in one.problem.what
    assert "Nothing of the code was changed" in one.problem.unchanged
    other.step()
    assert other.problem is None
    # One whose code has moved on meanwhile, under the same dotfiles.
    shutil.copy(
        other.project.root / "home/remote" / PIECE, one.project.root / "home/remote"
    )
    other.again()
    other.step()
    one.again()
    one.step()
    (other.project.root / PIECE).write_text("more")
    other.project.commit("more")
    other.step()
    assert other.problem is None
    one.step()
    assert one.problem


def test_an_undo_in_between_is_noticed(pushers: list[Pusher]) -> None:
    one = pushers[0]
    one.step()
    read = settings.load(one.project.root)
    dotfiles.undo(Connection(read, read.pick(None)))
    one.step()
    assert one.problem
    assert "or an undo" in one.problem.what


@pytest.mark.needs("uv")
def test_the_environment_is_built_for_the_same_push(lab: Lab) -> None:
    wanted = stamp.stamp(lab.connection.project, "")
    with pytest.raises(Problem, match="came in between") as raised:
        build.build(lab.connection, wanted, "of another push")
    assert "Nothing of the environment was changed" in raised.value.unchanged


def test_a_full_push_that_another_comes_between(
    pushers: list[Pusher], tmp_path: Path
) -> None:
    """The commands themselves, one begun in the midst of the other."""
    one, other = (pusher.project for pusher in pushers[:2])
    git = shutil.which("git")
    (tmp_path / "git").write_text(f"""#!/bin/sh
case " $* " in
*" bundle "*) PATH=$OLD; export PATH
    cd {other.root} && ./remote push --only home,code >&2 ;;
esac
exec {git} "$@"
""")
    (tmp_path / "git").chmod(0o755)
    path = one.laptop.env["PATH"]
    done = one.remote(
        *("push", "--only", "home,code"),
        check=False,
        env={"OLD": path, "PATH": f"{tmp_path}:{path}"},
    )
    assert done.returncode == 1
    assert "came in between" in done.stderr
    assert (one.home / PIECE).read_text() == "b"
    assert (one.home / "titanic" / PIECE).read_text() == "b"
    status = ["git", "-C", str(one.home / "titanic"), "status", "--porcelain"]
    assert not subprocess.run(status, check=True, capture_output=True).stdout
