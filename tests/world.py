"""A laptop with dotfiles, a remote that its user works on, and the model of both."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

from project import Project, snapshot
from pushing import stream
from three_ways import OWN, Model, Told, Tree, above, below, places_of, states, tree_of

# What has been done, for the figures; and what a user can do through one link.
done: Counter[str] = Counter()
STATE = ".local/state/remote-lab/titanic"
Snapshot = dict[str, tuple[Any, ...]]
OUTSIDE = ("write", "chmod")


class World:
    """A laptop with pieces, a remote that the user works on, and the model of both.

    Each verb is done for real, and compared with what the model says of it.
    """

    def __init__(self, project: Project, whole: bool = False) -> None:
        """Empty both.

        Args:
            project: Whose dotfiles and whose sandbox.
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
        for parent in [self.home / p for p in reversed(above(path))][3:]:
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
            words = {"kept": "keep", **{w: w for w in ("put", "drop", "clash")}}
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
        lines = [line.split("\t") for line in said.split("\n")]
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
            assert "Changed on" in run.stderr

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
    """The paths that are not as they were, but for the folder that bundles come to."""
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
            at.symlink_to(os.fsdecode(node.data))
        else:
            at.write_bytes(node.data)
            at.chmod(node.mode)
