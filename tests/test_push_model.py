"""The push's second and third promise, three ways and undo, against a model."""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Callable
from typing import ClassVar

import pytest
from hypothesis import assume, example, given
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
from searching import LIMIT, searched
from three_ways import OWN, Node, Tree, cut, put
from world import World, build, done

from remote_lab.errors import Problem
from remote_lab.push import manifest as pieces_here
from remote_lab.settings import load

# What there is to choose from. A name may be odd, and still be one.

ODD = (
    *("a b", "-rf", "$(touch oops)", "`id`", "*", "[a-z]?", "it's", 'a"b', "#", "&;|"),
    *("ünï", "日本", "%s%n", "!!", ".hidden", "x" * 80, "é" * 15, "{a,b}", "=", "a:b"),
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


@pytest.mark.timeout(LIMIT)
def test_three_ways(project: Project, counted: Callable[[str], None]) -> None:
    """Any (last pushed, there now, new): as the model says; and undo is exact."""
    tried = 0

    @searched(30, 600)
    @example(  # an empty file that the user made executable
        name=["a", "b", "c", "d"],
        old=[(5, Node("f", b"", 0o644)), (1, Node("f", b"", 0o644))],
        now=[(5, "chmod", b"", 0o755)],
        new=[(5, Node("l", b"nowhere 1"))],
        force=True,
    )
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


parts = st.one_of(
    st.sampled_from(ODD),
    st.text(min_size=1, max_size=60),
    st.binary(min_size=1, max_size=120).map(os.fsdecode),
    st.sampled_from(["x" * 100, "x" * 101, "é" * 51, "a\nb", "a\tb", "a\\b", " "]),
).filter(lambda part: not {"/", "\0"} & set(part) and part not in (".", ".."))


@pytest.mark.timeout(LIMIT)
def test_any_name_arrives_or_is_refused(
    project: Project, counted: Callable[[str], None]
) -> None:
    """Of a piece, and of what a link leads to."""
    read = load(project.root)
    world = World(project)
    tried, refused = 0, 0

    @searched(80, 2000)
    @given(st.lists(parts, min_size=1, max_size=4).map("/".join), st.booleans())
    def check(name: str, is_link: bool) -> None:
        nonlocal tried, refused
        path = f"{OWN}/{f'link {tried}' if is_link else name}"
        node = Node("l", os.fsencode(name)) if is_link else Node("f", b"", 0o644)
        shutil.rmtree(project.pieces, ignore_errors=True)
        try:
            build(project.pieces, {path: node})
        except (OSError, UnicodeError):  # no file system has such a name
            assume(False)
        tried += 1
        try:
            found = pieces_here.read(read, "")
        except Problem:
            refused += 1
        else:
            if found:  # else it is an editor's litter
                put(world.pieces, path, node)

    check()
    world.push()
    counted(f"{tried} names, {refused} of them refused")


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


@pytest.mark.timeout(LIMIT)
@pytest.mark.parametrize("whole", [False, True], ids=["program", "command"])
def test_stories(project: Project, counted: Callable[[str], None], whole: bool) -> None:
    """Any order of edits, pushes, undos and removes is as the model says."""
    told = type("Told", (Story,), {"project": project, "whole": whole})
    size = (2, 10, 8) if whole else (5, 100, 20)
    run_state_machine_as_test(told, settings=searched(*size))
    counted(figures())
