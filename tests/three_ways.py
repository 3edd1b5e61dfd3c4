"""The push in Python, as it is promised: what test_push_model.py holds the real one to.

A *tree* is what lies in a folder, a *manifest* what was pushed there; both name paths
below the home. The model knows nothing of how sh/apply.sh does it.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

KEPT = 5  # generations
OWN = ".config/remote-lab/titanic"  # all of it is one place of the home


@dataclass(frozen=True)
class Node:
    """A file (f), symbolic link (l) or folder (d)."""

    kind: str
    data: bytes = b""
    mode: int = 0

    @property
    def state(self) -> str:
        """What counts when two of them are compared."""
        if self.kind == "l":
            return f"l:{self.data.decode()}"
        if self.kind == "d":
            return "d:"
        kind = "x" if self.mode & 0o100 else "f"
        return f"{kind}:{hashlib.sha256(self.data).hexdigest()}"

    @property
    def private(self) -> Node:
        """As it lands: nobody else's business."""
        mode = {"l": 0, "d": 0o700}.get(self.kind, 0o600 | self.mode & 0o100)
        return replace(self, mode=mode)


Tree = dict[str, Node]
FOLDER = Node("d", mode=0o700)


def tree_of(root: Path) -> Tree:
    """What lies in a folder."""
    seen = {}
    for folder, folders, files in os.walk(root):
        for name in [*folders, *files]:
            path = Path(folder, name)
            mode = path.lstat().st_mode & 0o7777
            if path.is_symlink():
                node = Node("l", str(path.readlink()).encode())
            elif path.is_dir():
                node = Node("d", mode=mode)
            else:
                node = Node("f", path.read_bytes(), mode)
            seen[path.relative_to(root).as_posix()] = node
    return seen


def above(path: str) -> list[str]:
    """The folders that a path lies in, but for the home itself."""
    return [str(parent) for parent in PurePosixPath(path).parents][:-1]


def below(place: str, path: str) -> bool:
    """Whether a path is that place, or lies in it."""
    return path == place or place in above(path)


def cut(tree: Tree, path: str) -> None:
    """Take a path out, with what lies in it."""
    for other in [p for p in tree if below(path, p)]:
        del tree[other]


def put(tree: Tree, path: str, node: Node) -> None:
    """Put something in, whatever is in its way."""
    cut(tree, path)
    for parent in above(path):
        if parent in tree and tree[parent].kind != "d":
            cut(tree, parent)
    tree |= {parent: FOLDER for parent in above(path) if parent not in tree}
    tree[path] = node


def states(tree: Tree) -> dict[str, str]:
    """The state of each path that is no folder."""
    return {path: node.state for path, node in tree.items() if node.kind != "d"}


def places_of(manifest: dict[str, str]) -> set[str]:
    """The places of the home that lead to what was pushed."""
    return {OWN if path.startswith(f"{OWN}/") else path for path in manifest}


@dataclass
class Generation:
    """One that was pushed.

    Attributes:
        tree: What lies in it by now.
        manifest: What was pushed.
        previous: The one before.
    """

    tree: Tree
    manifest: dict[str, str]
    previous: int | None


@dataclass
class Told:
    """What a push, an undo or a remove says.

    Attributes:
        code: The exit code.
        words: take, drop, keep or clash, for each path.
        generation: The one in use now, where that is another.
    """

    code: int
    words: dict[str, str] = field(default_factory=dict)
    generation: int | None = None


@dataclass
class Model:
    """A remote's generations, and the one in use.

    Attributes:
        ever: Every place of the home that has led into one.
    """

    ever: set[str] = field(default_factory=set)
    generations: dict[int, Generation] = field(default_factory=dict)
    current: int | None = None

    @property
    def now(self) -> Generation:
        """The one in use; an empty one before the first push."""
        if self.current is None:
            return Generation({}, {}, None)
        return self.generations[self.current]

    @property
    def places(self) -> set[str]:
        """Where the home leads into it: where something of it is, pushed or not."""
        return {place for place in self.ever if place in self.now.tree}

    def push(self, new: Tree, mode: str) -> Told:
        """A push of some pieces; mode is apply, force or dry."""
        pieces = states(new)
        words = self._verdicts(pieces)
        clashes = "clash" in words.values()
        if clashes and mode != "force":
            return Told(3, words)
        tree = self._after(new, words)
        moved = set(words.values()) - {"keep"} or self.now.manifest != pieces
        if mode == "dry" or (self.current is not None and not moved):
            return Told(0, words)
        number = max(self.generations, default=0) + 1
        self.generations[number] = Generation(tree, pieces, self.current)
        self.ever |= places_of(pieces)
        # What can be gone back to is never pruned, however old it is.
        for old in set(self.generations) - {number, self.current}:
            if old <= number - KEPT:
                del self.generations[old]
        self.current = number
        return Told(0, words, number)

    def _after(self, new: Tree, words: dict[str, str]) -> Tree:
        tree = dict(self.now.tree)
        for path in words:
            if words[path] == "drop":
                cut(tree, path)
        for path in words:
            if words[path] in ("put", "clash"):
                put(tree, path, new[path].private)
        return tree

    def undo(self) -> Told:
        """Back to the generation before."""
        back = self.now.previous
        if back is None or back not in self.generations:
            return Told(1)
        self.current = back
        return Told(0, generation=back)

    def _verdicts(self, pieces: dict[str, str]) -> dict[str, str]:
        old = self.now.manifest
        words: dict[str, str] = {}
        for path in sorted({*old, *pieces}):
            now = self.now.tree[path].state if path in self.now.tree else ""
            was, new = old.get(path, ""), pieces.get(path, "")
            if any(
                parent in self.now.tree
                and self.now.tree[parent].kind == "l"
                and words.get(parent) != "drop"
                for parent in above(path)
            ):
                now = "l:"  # what is behind a link of the user's is his
            if now == "d:" and not was and self._goes(path, pieces):
                now = ""
            if now == new:
                continue
            if now == was:
                words[path] = "put" if new else "drop"
                if new and self._in_the_way(path, words):
                    words[path] = "clash"
            else:
                words[path] = "keep" if new in (was, "") else "clash"
        return words

    def _goes(self, folder: str, pieces: dict[str, str]) -> bool:
        """Whether nothing would be left in a folder but what this push drops."""
        inside = states({p: n for p, n in self.now.tree.items() if folder in above(p)})
        return all(
            self.now.manifest.get(path) == state and path not in pieces
            for path, state in inside.items()
        )

    def _in_the_way(self, path: str, words: dict[str, str]) -> bool:
        """Whether the user has something where a folder for this piece has to be."""
        return any(
            parent in self.now.tree
            and self.now.tree[parent].kind != "d"
            and words.get(parent) != "drop"
            for parent in above(path)
        )
