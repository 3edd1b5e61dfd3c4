"""Save takes commits from a remote: that one, merged as git does, and nothing else."""

from __future__ import annotations

import base64
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from checks import told
from hostile import Hostile, called, outside
from laptop import Laptop
from project import Project


@pytest.fixture
def project(laptop: Laptop) -> Project:
    return Project.rendered(laptop, {"remote_host": "far.example.org"})


@pytest.fixture
def hostile(laptop: Laptop, tmp_path: Path) -> Hostile:
    return Hostile(laptop, tmp_path)


def git(folder: Path, *words: str, data: bytes = b"") -> str:
    """Run git, and give back what it says."""
    identity = ("-c", "user.name=E", "-c", "user.email=e@example.org")
    argv = ["git", *identity, "-C", str(folder), *words]
    return (
        subprocess.run(argv, input=data, check=True, capture_output=True)
        .stdout.decode()
        .strip()
    )


def tree(folder: Path, *entries: tuple[str, str, str]) -> str:
    """A tree object of any entries, such as git itself would never make."""
    raw = b"".join(
        f"{mode} {name}\0".encode() + bytes.fromhex(sha) for mode, name, sha in entries
    )
    words = ("hash-object", "-t", "tree", "-w", "--literally", "--stdin")
    return git(folder, *words, data=raw)


TREES: dict[str, Callable[[Path, str, str], str]] = {
    "hooks": lambda at, blob, sub: tree(at, ("40000", ".git", sub)),
    "climbs": lambda at, blob, sub: tree(at, ("40000", "..", sub)),
    "slash": lambda at, blob, sub: tree(at, ("100644", "../../evil", blob)),
    "absolute": lambda at, blob, sub: tree(at, ("100644", "/tmp/evil", blob)),
    "HFS+": lambda at, blob, sub: tree(at, ("40000", ".g\u200cit", sub)),
    "NTFS": lambda at, blob, sub: tree(at, ("40000", "GIT~1", sub)),
    "a link and a folder": lambda at, blob, sub: tree(
        at, ("120000", "x", git(at, "hash-object", "-w", "--stdin", data=b"../../..")),
        ("40000", "x", sub),
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", TREES)
def test_save_writes_nothing_outside(
    project: Project, hostile: Hostile, tmp_path: Path, kind: str
) -> None:
    there = tmp_path / "there"
    project.laptop.run("git", "clone", "-q", project.root, there)
    evil = git(there, "hash-object", "-w", "--stdin", data=b"#!/bin/sh\ntouch PWNED\n")
    inner = tree(there, ("100755", "post-merge", evil), ("100755", "evil", evil))
    sub = tree(there, ("40000", "hooks", inner), ("100755", "evil", evil))
    head = git(there, "rev-parse", "HEAD")
    bad = TREES[kind](there, evil, sub)
    commit = git(there, "commit-tree", "-m", "x", "-p", head, bad)
    told_so = bundled(there, commit, head)
    own: tuple[str, ...] = (
        "titanic/.git/objects",
        "titanic/.git/refs",
        "titanic/.git/logs",
    )
    own += tuple(
        f"titanic/.git/{name}" for name in ("FETCH_HEAD", "ORIG_HEAD", "index")
    )
    before = outside(project, *own)
    hostile.says(f"commit\t{commit}\tmain", *told_so)
    done = called(project, "save")
    assert done.returncode in (0, 1)
    after = outside(project, *own)
    if done.returncode == 0:  # git took it for a tree like any other
        after = {path: what for path, what in after.items() if path in before}
        before = {path: what for path, what in before.items() if path in after}
        assert {p for p in before if "/.git/" in p or not p.startswith("titanic/")}
        left = {*outside(project, *own)} - {*after}
        assert all(p.startswith("titanic/") and "/.git/" not in p for p in left), left
    assert after == before


def bundled(there: Path, commit: str, known: str, *refs: str) -> list[str]:
    """The records by which a remote sends a commit."""
    git(there, "update-ref", "--no-deref", "HEAD", commit)
    file = there.parent / "made.bundle"
    git(there, "bundle", "create", "-q", str(file), "HEAD", *refs, f"^{known}")
    data = base64.b64encode(file.read_bytes()).decode()
    return [f"bundle\t{data[at:at + 76]}" for at in range(0, len(data), 76)]


def test_save_takes_the_commit_that_it_was_told_and_no_other(
    project: Project, hostile: Hostile, tmp_path: Path, counted: Callable[[str], None]
) -> None:
    """No option, no other branch of the laptop's, no tag, and no hook of git's."""
    there = tmp_path / "there"
    project.laptop.run("git", "clone", "-q", project.root, there)
    head = git(there, "rev-parse", "HEAD")
    commit = git(there, "commit-tree", "-m", "\x1b[2J", "-p", head, f"{head}^{{tree}}")
    git(there, "update-ref", "refs/tags/-x", commit)
    git(there, "update-ref", "refs/tags/main", commit)
    said = bundled(there, commit, head, "refs/tags/-x", "refs/tags/main")
    git(project.root, "branch", "own")
    git(project.root, "checkout", "-q", "own")
    git(project.root, "commit", "-q", "--allow-empty", "-m", "own")
    git(project.root, "checkout", "-q", "main")
    commits = ["own", "--strategy=x", "-sx", "--abort", "HEAD~0", "", "\0", "a" * 40]
    commits += [head, git(project.root, "rev-parse", "own"), "main", "-F/etc/passwd"]
    for other in commits:
        hostile.says(f"commit\t{other}\tmain", *said)
        told(called(project, "save"), 1)
        assert git(project.root, "rev-parse", "main") == head
    bundles = [
        ["bundle"],
        ["bundle\t!!!!"],
        ["bundle\tUEFDSw=="],
        ["bundle\té"],
        said[:2],
    ]
    for odd in bundles:
        hostile.says(f"commit\t{commit}\tmain", *odd)
        told(called(project, "save"), 1)
    for branch in ("mainx", "", "--", "../../x", "\x1b[2J"):
        hostile.says(f"commit\t{commit}\t{branch}", *said)
        assert called(project, "save").returncode == 1
        assert git(project.root, "rev-parse", "main") == head
    assert git(project.root, "tag") == ""
    hostile.says(f"commit\t{commit}\tmain", *said)
    assert called(project, "save").returncode == 0
    assert git(project.root, "rev-parse", "main") == commit
    counted(
        f"{len(TREES)} trees, {len(commits) + len(bundles) + 5} commits and bundles"
    )
