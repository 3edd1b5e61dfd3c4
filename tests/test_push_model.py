"""The push's second and third promise, three ways and undo, against a model in Python.

What is searched is the same on every run; HYPOTHESIS_PROFILE=deep goes on for long, and
elsewhere each time.
"""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)
from laptop import Laptop
from project import Project, snapshot
from pushing import stream
from three_ways import (
    OWN,
    Model,
    Node,
    Told,
    Tree,
    above,
    below,
    cut,
    places_of,
    put,
    states,
    tree_of,
)

DEEP = os.environ.get("HYPOTHESIS_PROFILE") == "deep"
QUICK = (Phase.generate,) if os.environ.get("NOSHRINK") else ()
SLOW = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]


def searched(examples: int, steps: int = 1) -> settings:
    """How long to search."""
    return settings(
        max_examples=examples * (40 if DEEP else 1),
        stateful_step_count=steps,
        derandomize=not DEEP,
        database=None,
        deadline=None,
        print_blob=True,
        report_multiple_bugs=False,
        suppress_health_check=SLOW,
        phases=QUICK or tuple(Phase),
    )


# What has been done, for the figures; and what a user can do through one link.
done: Counter[str] = Counter()
STATE = ".local/state/titanic"
Snapshot = dict[str, tuple[Any, ...]]
OUTSIDE = ("write", "chmod")


class World:
    """A laptop with pieces, a remote that the user works on, and the model of both.

    Each verb is done for real, and compared with what the model says of it.
    """

    def __init__(self, project: Project, whole: bool = False) -> None:
        """Empty both.

        Args:
            project: Whose home pieces and whose sandbox.
            whole: Type ./remote, where else the program is sent by hand.
        """
        self.project, self.whole = project, whole
        self.home, self.state = project.home, project.state
        self.pieces: Tree = {}
        self.model = Model()
        self.own: dict[str, bytes] = {}  # files of the user's where places were
        self.elsewhere = project.laptop.home / "elsewhere"
        for folder in (project.pieces, self.home, self.elsewhere):
            shutil.rmtree(folder, ignore_errors=True)
        self.home.mkdir(parents=True)
        self.elsewhere.mkdir()

    # The user

    def at(self, path: str) -> Path | None:
        """Where the user reaches a path of the home, if he does."""
        for place in self.model.places - set(self.own):
            if below(place, path):
                return self.home / path
        return None

    def edits(
        self, paths: list[str], number: int, how: str, data: bytes, mode: int
    ) -> bool:
        """Have the user do something on the remote; whether he could.

        Args:
            paths: Of the home; those where something is come first.
            number: Which of them.
            how: write, chmod, link, link to folder, mkdir or delete.
            data: What he writes, or where the link leads.
            mode: Of what he writes.
        """
        there = [path for path in paths if path in states(self.model.now.tree)]
        path = [*there, *there, *there, *paths][number]
        at = self.at(path)
        if not at:
            return False
        if not below(OWN, path):  # one link, to one file
            behind = self.state / "current" / "home" / path
            if behind.is_symlink() or not behind.is_file() or how not in OUTSIDE:
                return False
        for parent in [self.home / p for p in reversed(above(path))][2:]:
            if parent.is_symlink() or parent.is_file():
                if how in ("chmod", "delete"):
                    return False
                parent.unlink()
            if how not in ("chmod", "delete") and not parent.is_dir():
                parent.mkdir()
                parent.chmod(0o750)
        if how == "chmod":
            if not at.is_file() or (at.is_symlink() and below(OWN, path)):
                return False
            at.chmod(mode)
        elif below(OWN, path):
            if at.is_dir() and not at.is_symlink():
                shutil.rmtree(at)
            at.unlink(missing_ok=True)
        if how == "write":
            at.write_bytes(data)
            at.chmod(mode)
        elif how == "link":
            at.symlink_to(f"nowhere {data.decode()}")
        elif how == "link to folder":
            at.symlink_to(self.elsewhere)
        elif how == "mkdir":
            at.mkdir()
            at.chmod(0o750)
        self.model.now.tree = tree_of(self.state / "current" / "home")
        done["edit there"] += 1
        return True

    def usurps(self, path: str, data: bytes) -> None:
        """Have the user put a file of his own where a place was."""
        (self.home / path).unlink()
        (self.home / path).write_bytes(data)
        self.own[path] = data
        done["edit there"] += 1

    def yields(self, path: str) -> None:
        """Have him put back the link that was there, if one should be."""
        (self.home / path).unlink()
        if path in self.model.places:
            (self.home / path).symlink_to(self.state / "current" / "home" / path)
        del self.own[path]
        done["edit there"] += 1

    # The verbs

    def push(self, mode: str = "apply") -> Told:
        """Push, and compare."""
        shutil.rmtree(self.project.pieces, ignore_errors=True)
        build(self.project.pieces, self.pieces)
        before = snapshot(self.home, times=True)
        former = self.model.current
        in_the_way = set(self.own) & set(states(self.pieces))
        expected = self.model.push(self.pieces, "dry" if in_the_way else mode)
        if in_the_way and (mode != "apply" or expected.code != 3):
            expected.code = 1
        lines = self._do("push_home", expected, mode)
        if not expected.generation:
            assert not changed(before, snapshot(self.home, times=True))
        elif former is not None:  # nothing that the user wrote there is lost
            assert self.model.now.previous == former
            assert former in self.model.generations
        if not self.whole:
            words = {"kept": "keep", **{w: w for w in ("take", "drop", "clash")}}
            told = {line[1]: words[line[0]] for line in lines if line[0] in words}
            assert told == expected.words
        self.check()
        done[f"push {mode} {expected.code}"] += 1
        return expected

    def undo(self) -> Told:
        """Undo, and compare."""
        before, was = snapshot(self.home, times=True), self.model.current
        expected = self.model.undo()
        if expected.generation and places_of(self.model.now.manifest) & set(self.own):
            self.model.current = was
            expected = Told(1)
        self._do("undo_home", expected)
        if expected.code:
            assert not changed(before, snapshot(self.home, times=True))
        self.check()
        done[f"undo {expected.code}"] += 1
        return expected

    def remove(self) -> None:
        """Remove, and compare: the home is as it was, but for what is the user's."""
        before, now = snapshot(self.home, times=True), self.model.now
        ever = (self.state / "links").exists()
        self._do("remove_home", Told(0 if ever else 1))
        done[f"remove {0 if ever else 1}"] += 1
        if not ever:
            assert not changed(before, snapshot(self.home, times=True))
            return
        kept = [*self.home.glob("titanic.kept.*")]
        assert len(kept) == (states(now.tree) != now.manifest)
        for copy in kept:
            assert tree_of(copy) == now.tree
            shutil.rmtree(copy)
        left = {p: n.data for p, n in tree_of(self.home).items() if n.kind != "d"}
        assert left == self.own
        self.model = Model()

    def _do(self, main: str, expected: Told, mode: str = "apply") -> list[list[str]]:
        """Run it, check its exit code and its word on the generation."""
        if self.whole:
            self._type(main.removesuffix("_home"), expected, mode)
            return []
        argv, env, data = stream(self.project, main, mode)
        run = subprocess.run(
            argv, env=env, input=data, capture_output=True, check=False
        )
        said = run.stdout.decode()
        assert run.returncode == expected.code, said + run.stderr.decode()
        assert run.stderr == b""
        lines = [line.split("\t") for line in said.splitlines()]
        turned = [int(line[1]) for line in lines if line[0] == "generation"]
        assert turned == ([expected.generation] if expected.generation else []), said
        return lines

    def _type(self, verb: str, expected: Told, mode: str) -> None:
        flags = {"dry": ["--dry-run"], "force": ["--force"], "apply": []}[mode]
        words = [verb, *(["--only", "home", *flags] if verb == "push" else [])]
        run = self.project.remote(*words, check=False)
        assert run.returncode == expected.code, run.stderr
        kept = [path for path, word in expected.words.items() if word == "keep"]
        if expected.code == 0 and kept:
            assert run.stderr.count("left alone") == len(kept)
        if expected.code == 3:
            assert "Edited on" in run.stderr

    # What must be so

    def check(self) -> None:
        """All generations are as the model has them, and the home leads to one."""
        folder = self.state / "generations"
        there = sorted(int(p.name) for p in folder.iterdir()) if folder.exists() else []
        assert there == sorted(self.model.generations)
        for number, generation in self.model.generations.items():
            assert tree_of(folder / str(number) / "home") == generation.tree
        if self.model.current is None:
            return
        switch = (self.state / "current").readlink()
        assert str(switch) == f"generations/{self.model.current}"
        for place in self.model.ever - set(self.own):
            assert (self.home / place).is_symlink() == (place in self.model.places)
        for path, data in self.own.items():
            assert (self.home / path).read_bytes() == data
        assert not [*self.elsewhere.iterdir()]
        assert not [
            p
            for p in self.state.iterdir()
            if p.name.startswith(("in.", "lock", "claim"))
        ]


def changed(before: Snapshot, after: Snapshot) -> list[str]:
    """The paths that are not as they were, but for the folder that parcels come to."""
    paths = {*before, *after} - {STATE, *above(STATE)}
    return [path for path in paths if before.get(path) != after.get(path)]


def build(root: Path, tree: Tree) -> None:
    """Make a tree on the disk."""
    for path, node in sorted(tree.items()):
        at = root / path
        at.parent.mkdir(parents=True, exist_ok=True)
        if node.kind == "d":
            at.mkdir(exist_ok=True)
        elif node.kind == "l":
            at.symlink_to(node.data.decode())
        else:
            at.write_bytes(node.data)
            at.chmod(node.mode)


# What there is to choose from. A name may be odd, and still be one.

ODD = (
    *("a b", "-rf", "$(touch oops)", "`id`", "*", "[a-z]?", "it's", 'a"b', "#", "&;|"),
    *("ünï", "日本", "%s%n", "!!", ".hidden", "x" * 99, "é" * 49, "{a,b}", "=", "a:b"),
    *("\u202eabc", "a\x7fb", "...", "-", "--", "~root", "new", "old", "manifest", "d:"),
)
MODES = (0o600, 0o644, 0o640, 0o700, 0o755, 0o444, 0o400)
numbers = itertools.count(1)

names = st.lists(st.sampled_from(ODD), min_size=4, max_size=4, unique=True)


def places(name: list[str]) -> list[str]:
    """Paths to push to and to edit: a file here is a folder there."""
    return [
        f"{OWN}/{name[0]}",
        f"{OWN}/{name[0]}/{name[1]}",
        f"{OWN}/{name[0]}/{name[1]}/{name[2]}",
        f"{OWN}/{name[1]}",
        f"{OWN}/{name[2]}/{name[3]}/{name[0]}/{name[1]}/deep",
        f".config/side/{name[3]}",
        f".{name[0]}",
        name[3],
    ]


def fresh() -> bytes:
    """Bytes that are nowhere else."""
    return f"# {next(numbers)}\n".encode()


# A piece: a file, an executable one, a link that leads nowhere or to a neighbour; some
# have contents in common, so that two sides can come to the same.
contents = st.one_of(st.builds(fresh), st.sampled_from([b"", b"same\n", b"no end"]))
pieces = st.one_of(
    st.builds(Node, st.just("f"), contents, st.sampled_from([0o644, 0o755])),
    st.builds(Node, st.just("l"), st.sampled_from([b"nowhere 1", b"nowhere 2", b".."])),
)
which = st.integers(0, 7)
changes = st.tuples(which, st.one_of(st.none(), pieces, pieces))
tasks = st.lists(changes, max_size=5)
hows = st.sampled_from(
    ["write", "write", "chmod", "link", "link to folder", "mkdir", "delete"]
)
edits = st.tuples(which, hows, contents, st.sampled_from(MODES))


def rewrite(tree: Tree, paths: list[str], tasks: list[tuple[int, Node | None]]) -> None:
    """Change the template's side."""
    for number, node in tasks:
        if node:
            put(tree, paths[number], node)
        else:
            cut(tree, paths[number])
    done["edit here"] += len(tasks)


@pytest.fixture
def project(laptop: Laptop) -> Project:
    return Project.rendered(laptop)


@pytest.mark.timeout(20000 if DEEP else 600)
def test_three_ways(project: Project, counted: Callable[[str], None]) -> None:
    """Any (last pushed, there now, new): as the model says; and undo is exact."""
    tried = 0

    @searched(220)
    @given(
        names,
        st.lists(st.tuples(which, pieces), min_size=2, max_size=6),
        st.lists(edits, min_size=1, max_size=5),
        st.lists(changes, min_size=1, max_size=5),
        st.booleans(),
    )
    def check(
        name: list[str],
        old: list[tuple[int, Node | None]],
        now: list[tuple[int, str, bytes, int]],
        new: list[tuple[int, Node | None]],
        force: bool,
    ) -> None:
        nonlocal tried
        tried += 1
        world, paths = World(project), places(name)
        rewrite(world.pieces, paths, old)
        world.push()
        for edit in now:
            world.edits(paths, *edit)
        before = snapshot(world.state / "current" / "home")
        rewrite(world.pieces, paths, new)
        if force:
            world.push("dry")
        told = world.push()
        if told.code == 3 and force:
            told = world.push("force")
        if told.generation:
            world.undo()
            assert snapshot(world.state / "current" / "home") == before

    check()
    counted(f"{tried} triples of last pushed, there now and new: {figures()}")


class Story(RuleBasedStateMachine):
    """A laptop and a remote that go on and on."""

    project: ClassVar[Project]
    whole: ClassVar[bool]

    def __init__(self) -> None:
        super().__init__()
        self.world = World(self.project, self.whole)
        self.paths: list[str] = []
        done["stories"] += 1

    @initialize(name=names, first=tasks)
    def begin(self, name: list[str], first: list[tuple[int, Node | None]]) -> None:
        self.paths = places(name)
        rewrite(self.world.pieces, self.paths, first)
        self.world.push()

    @rule(some=st.lists(changes, min_size=1, max_size=4))
    def template_changes(self, some: list[tuple[int, Node | None]]) -> None:
        rewrite(self.world.pieces, self.paths, some)

    @rule(some=st.lists(edits, min_size=1, max_size=4))
    def user_edits(self, some: list[tuple[int, str, bytes, int]]) -> None:
        for edit in some:
            self.world.edits(self.paths, *edit)

    @rule(name=st.sampled_from(["mine", "more/mine", "it's * mine"]), data=contents)
    def user_adds(self, name: str, data: bytes) -> None:
        self.world.edits([f"{OWN}/{name}"], 0, "write", data, 0o640)

    @precondition(lambda self: self.world.model.places - set(self.world.own))
    @rule(data=st.data())
    def user_puts_a_file_where_a_place_was(self, data: st.DataObject) -> None:
        found = self.world.model.places - set(self.world.own) - {OWN}
        if found and data.draw(st.integers(0, 3)) == 0:
            self.world.usurps(data.draw(st.sampled_from(sorted(found))), fresh())

    @precondition(lambda self: self.world.own)
    @rule()
    def user_puts_the_link_back(self) -> None:
        self.world.yields(min(self.world.own))

    @rule(some=st.lists(edits, max_size=3), dry=st.booleans(), force=st.booleans())
    def push(
        self, some: list[tuple[int, str, bytes, int]], dry: bool, force: bool
    ) -> None:
        self.user_edits(some)
        if dry:
            self.world.push("dry")
        told = self.world.push()
        if told.code == 3 and force:
            self.world.push("force")

    @rule(some=st.lists(changes, min_size=1, max_size=3))
    def force(self, some: list[tuple[int, Node | None]]) -> None:
        rewrite(self.world.pieces, self.paths, some)
        self.world.push("force")

    @rule(times=st.integers(1, 4))
    def push_news(self, times: int) -> None:
        for _ in range(times):
            put(self.world.pieces, f"{OWN}/news", Node("f", fresh(), 0o644))
            self.world.push()

    @rule(times=st.integers(1, 5))
    def undo(self, times: int) -> None:
        for _ in range(times):
            if self.world.undo().code:
                break

    @precondition(lambda self: self.world.model.current)
    @rule(sure=st.integers(0, 7))
    def remove(self, sure: int) -> None:
        if not sure:
            self.world.remove()


def figures() -> str:
    """What was done."""
    text = ", ".join(f"{count} x {what}" for what, count in sorted(done.items()))
    done.clear()
    return text


@pytest.mark.timeout(20000 if DEEP else 600)
@pytest.mark.parametrize("whole", [False, True], ids=["program", "command"])
def test_stories(project: Project, counted: Callable[[str], None], whole: bool) -> None:
    """Any order of edits, pushes, undos and removes is as the model says."""
    told = type("Told", (Story,), {"project": project, "whole": whole})
    size = (2, 8) if whole else (30, 30)
    run_state_machine_as_test(told, settings=searched(*size))
    counted(figures())
