"""The remote's checkout is cut off: killed at any file, twice, and edited meanwhile.

After the next push everything is as it was to be, and real edits are as they were made.
"""

from __future__ import annotations

import random
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from checks import told
from effort import rounds
from hostile import called
from laptop import Laptop
from process import Completed
from project import Project

FILES = 120
PUSH = ("push", "--only", "code")
# git, which is killed where it comes to a file: a filter, of the clone alone, does so.
GIT = """#!/bin/sh
case " $* " in
*" checkout "* | *" checkout-index "*) printf '%s\\n' $$ $PPID >{folder}/pids ;;
esac
exec {git} "$@"
"""


MERGE = "git -c core.hooksPath=/dev/null merge titanic/saved"


class Remote:
    """A sandbox's code, whose git can be killed at a file."""

    def __init__(
        self,
        laptop: Laptop,
        folder: Path,
        prepare: Callable[[Project], object] = lambda project: None,
    ) -> None:
        """Make a project, and push it once.

        Args:
            laptop: Whose.
            folder: For its own files; empty.
            prepare: Makes the sandbox, if it is to be a special one.
        """
        self.project = Project.rendered(laptop)
        prepare(self.project)
        self.folder = folder
        git = shutil.which("git")
        assert git
        (folder / "git").write_text(GIT.format(folder=folder, git=git))
        (folder / "git").chmod(0o755)
        laptop.env["PATH"] = f"{folder}:{laptop.env['PATH']}"
        self.code = self.project.home / "titanic"
        self.number = 0
        self.write()
        assert called(self.project, *PUSH).returncode == 0

    def write(self) -> None:
        """A commit on the laptop that changes, adds and deletes files."""
        self.number += 1
        many = self.project.root / "many"
        shutil.rmtree(many, ignore_errors=True)
        for number in range(FILES):
            # Some come and go, some turn from a file into a folder and back.
            if (number + self.number) % 7 == 0:
                continue
            path = many / f"{number:03} ü"
            if number % 11 == 0 and self.number % 2:
                path = path / "inner"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{number} {self.number}\n" * (1 + 400 * (number % 3)))
            path.chmod(0o755 if (number + self.number) % 5 == 0 else 0o644)
        self.project.commit(f"version {self.number}")

    def kill_at(self, path: str, whole: bool) -> None:
        """Have git be killed when it comes to a file.

        Args:
            path: The file.
            whole: Whether the push ends with it, too, without a word.
        """
        whom = "$(cat pids)" if whole else "$(head -n 1 pids)"
        smudge = f"sh -c 'cd {self.folder} && kill -9 {whom}; sleep 5'"
        self.git("config", "filter.kills.smudge", smudge)
        attributes = self.code / ".git/info/attributes"
        attributes.parent.mkdir(exist_ok=True)
        attributes.write_text(f'"{path}" filter=kills\n')

    def free(self) -> None:
        """Kill no more."""
        (self.code / ".git/info/attributes").unlink()

    def git(self, *words: str) -> str:
        """Run git there."""
        argv = ["git", "-C", str(self.code), *words]
        return subprocess.run(argv, check=True, capture_output=True, text=True).stdout

    def push(self) -> Completed:
        return called(self.project, *PUSH)

    def seen(self) -> dict[str, tuple[bytes, bool]]:
        """The working tree there."""
        return contents(self.code)

    def wanted(self) -> dict[str, tuple[bytes, bool]]:
        """What the laptop's commit holds."""
        names = self.project.laptop.run("git", "ls-files", "-z", cwd=self.project.root)
        every = contents(self.project.root)
        return {name: every[name] for name in names.stdout.split("\0") if name}

    def assert_new(self) -> None:
        """Everything there is the laptop's commit, and git finds nothing amiss."""
        assert self.seen() == self.wanted()
        assert self.git("status", "--porcelain") == ""
        root = self.project.root
        head = self.project.laptop.run("git", "rev-parse", "HEAD", cwd=root)
        assert self.git("rev-parse", "HEAD") == head.stdout
        assert self.git("rev-parse", "refs/remote-lab/main") == head.stdout
        assert self.git("symbolic-ref", "HEAD") == "refs/heads/main\n"
        assert not [*(self.code / ".git").rglob("*.lock")]
        assert not (self.code / ".git/remote-lab-switching").exists()

    def changed(self) -> list[str]:
        """Files that the laptop's commit writes, in git's order."""
        words = ("diff", "--name-only", "--diff-filter=d", "-z", "HEAD~", "HEAD")
        done = self.project.laptop.run("git", *words, cwd=self.project.root)
        return [name for name in done.stdout.split("\0") if name]


def contents(root: Path) -> dict[str, tuple[bytes, bool]]:
    """Each file with its content, and whether it can be run; not what git ignores."""
    seen = {}
    for path in root.rglob("*"):
        name = str(path.relative_to(root))
        ours = name.startswith((".git/", ".sandbox/")) or "__pycache__" in name
        if path.is_file() and not ours:
            seen[name] = (path.read_bytes(), bool(path.stat().st_mode & 0o100))
    return seen


@pytest.fixture
def remote(laptop: Laptop, tmp_path: Path) -> Remote:
    return Remote(laptop, tmp_path)


def assert_cut(remote: Remote) -> None:
    """It is part old, part new, and neither save nor doctor takes that for edits."""
    assert (remote.code / ".git/index.lock").exists()
    assert remote.git("--no-optional-locks", "status", "--porcelain")
    told(called(remote.project, "save"), 1, "Nothing was changed", "./remote push")
    said = called(remote.project, "doctor").stdout
    assert "All changes in ~/titanic are committed" in said
    assert "cut off" in said


def test_a_checkout_that_is_killed_is_completed(
    remote: Remote, counted: Callable[[str], None]
) -> None:
    tries = rounds(5, 60)
    for number in range(tries):
        remote.write()
        changed = remote.changed()
        # The second kill comes in the completion of the first.
        for at in (number * len(changed) // tries, len(changed) - 1)[: 1 + number % 2]:
            remote.kill_at(changed[at], whole=number % 3 > 0)
            done = remote.push()
            assert done.returncode in (1, 4), done.stderr
            assert_cut(remote)
            remote.free()
        done = remote.push()
        assert done.returncode == 0, done.stderr
        assert "completed it" in done.stderr
        assert "code at commit" in done.stderr
        remote.assert_new()
        assert "nothing to do" in remote.push().stderr
    counted(f"{tries} checkouts killed, {tries // 2} of them twice")


def test_edits_made_in_what_was_cut_off_are_kept(
    remote: Remote, counted: Callable[[str], None]
) -> None:
    chance = random.Random(8)
    tries = rounds(4, 40)
    for number in range(tries):
        remote.write()
        changed = remote.changed()
        remote.kill_at(changed[number * len(changed) // tries], whole=True)
        assert remote.push().returncode in (1, 4)
        remote.free()
        there = sorted(path for path in remote.seen() if path.startswith("many/"))
        mine = {path: f"mine {number}\n".encode() for path in chance.sample(there, 4)}
        for path, content in mine.items():
            (remote.code / path).write_bytes(content)
        empty = chance.choice([path for path in there if path not in mine])
        (remote.code / empty).write_bytes(b"")
        (remote.code / "own").write_bytes(b"not in git\n")
        done = remote.push()
        told(done, 3, "in no commit", "./remote save")
        wanted, seen = remote.wanted(), remote.seen()
        for path, content in mine.items():
            assert seen[path][0] == content
            assert path in done.stderr, (done.stderr, mine.keys())
        for path in wanted.keys() - mine.keys():
            if not any(path.startswith(f"{edit}/") for edit in mine):
                assert seen[path] == wanted[path], path
        assert seen["own"][0] == b"not in git\n"
        # As any edits, from here on.
        for path in mine:
            (remote.code / path).unlink()
        shutil.rmtree(remote.code / "many")
        (remote.code / "own").unlink()
        remote.git("reset", "-q", "--hard")
        assert "nothing to do" in remote.push().stderr
        remote.assert_new()
    counted(f"{tries} checkouts killed, with edits made before the next push")


EMPTIED = ["index", "HEAD", "refs/heads/main", "refs/remote-lab/main"]


@pytest.mark.parametrize("name", EMPTIED)
def test_what_a_power_cut_empties_is_made_anew(remote: Remote, name: str) -> None:
    remote.write()
    remote.kill_at(remote.changed()[20], whole=True)
    assert remote.push().returncode in (1, 4)
    remote.free()
    (remote.code / ".git" / name).write_bytes(b"")
    assert remote.push().returncode == 0
    remote.assert_new()


def test_a_git_that_outlived_its_push_is_waited_for(remote: Remote) -> None:
    """Its lock is not taken from it."""
    remote.write()
    remote.kill_at(remote.changed()[20], whole=True)
    assert remote.push().returncode in (1, 4)
    remote.free()
    with subprocess.Popen(
        [shutil.which("git") or "git", "cat-file", "--batch"],
        cwd=remote.code,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
    ) as process:
        told(remote.push(), 1, "git is running", "./remote push")
        assert (remote.code / ".git/index.lock").exists()
        assert process.stdin
        process.stdin.close()
    assert remote.push().returncode == 0
    remote.assert_new()


def test_who_takes_over_by_hand_loses_no_commit(remote: Remote) -> None:
    remote.write()
    remote.kill_at(remote.changed()[20], whole=True)
    assert remote.push().returncode in (1, 4)
    remote.free()
    (remote.code / ".git/index.lock").unlink()
    remote.git("add", "-A")
    author = ("-c", "user.name=E", "-c", "user.email=e@example.org")
    remote.git(*author, "commit", "-qm", "By hand")
    mine = remote.git("rev-parse", "HEAD")
    told(remote.push(), 3, "commits that this laptop does not have", "./remote save")
    assert remote.git("rev-parse", "HEAD") == mine


def test_another_laptop_completes_it_too(remote: Remote, laptop: Laptop) -> None:
    """One that does not have the commit that was coming."""
    root = remote.project.root
    other = Project(laptop, laptop.home / "other")
    shutil.copytree(root, other.root, symlinks=True)
    shutil.rmtree(other.root / ".sandbox")
    (other.root / ".sandbox").symlink_to(root / ".sandbox")
    remote.write()
    remote.kill_at(remote.changed()[20], whole=True)
    assert remote.push().returncode in (1, 4)
    remote.free()
    done = called(other, *PUSH)
    told(done, 3, "completed it", "commits that this laptop does not have")
    remote.assert_new()
    told(called(other, "save"), 1, "can be executed", MERGE)
    laptop.run("sh", "-c", MERGE, cwd=other.root)
    assert called(other, *PUSH).returncode == 0
    assert other.home.samefile(remote.project.home)
