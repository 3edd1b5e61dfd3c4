"""`make release`: all of a release, or nothing of it. A stand-in plays the suite."""

from __future__ import annotations

import datetime
import os
import sys
from pathlib import Path

import pytest
from process import Completed, run
from render import ROOT, snapshot

pytestmark = pytest.mark.needs("uv", "network")

SUITE = '#!/bin/sh\n[ "$REMOTE_LAB_NO_SKIP" = 1 ] || exit 9\n'
WHO = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "t"), ("EMAIL", "t@example.org"))
}


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """This repository with what is here committed, and a suite that passes."""
    folder = tmp_path / "clone"
    run(["git", "clone", "-q", "--no-tags", str(ROOT), str(folder)])
    snapshot(folder)
    suite(folder, "")
    return folder


def suite(clone: Path, does: str) -> None:
    """Have the suite do something, and commit that."""
    (clone / "tools/test").write_text(f"{SUITE}{does}\n")
    git(clone, "add", "-A")
    git(clone, "commit", "-q", "-m", "ready")


def git(clone: Path, *words: str) -> str:
    return run(["git", *words], cwd=clone, env={**os.environ, **WHO}).stdout


def release(clone: Path, version: str) -> Completed:
    command = [sys.executable, "tools/release.py", version]
    return run(command, cwd=clone, env={**os.environ, **WHO}, check=False)


def state(clone: Path) -> tuple[str, ...]:
    """What a release that fails leaves as it was: commit, tags and files."""
    looks = (["rev-parse", "HEAD"], ["tag"], ["status", "--porcelain"])
    return tuple(git(clone, *look) for look in looks)


def test_a_release_is_a_commit_with_its_tag(clone: Path) -> None:
    done = release(clone, "98.7.6")
    assert done.returncode == 0, done.stderr
    assert git(clone, "status", "--porcelain") == ""
    assert git(clone, "tag").split() == ["v0.1.0", "v98.7.6"]
    assert git(clone, "describe") == "v98.7.6\n"
    assert git(clone, "log", "-1", "--format=%s") == "Release 98.7.6\n"
    changed = git(clone, "diff", "--name-only", "HEAD~").split()
    assert changed == ["CHANGELOG.md", "pyproject.toml", "uv.lock"]
    today = datetime.date.today()
    text = (clone / "CHANGELOG.md").read_text()
    assert f"## Unreleased\n\n## 98.7.6 ({today})\n\n" in text
    run(["uv", "lock", "--check", "-q"], cwd=clone)
    assert "git push" in done.stdout


def test_the_command_is_that_of_make(clone: Path) -> None:
    # `make test` may have called this make: then it names its folder.
    make = ["make", "--no-print-directory", "-n", "release", "VERSION=98.7.6"]
    look = run(make, cwd=clone)
    assert look.stdout.endswith("tools/release.py '98.7.6'\n")


def test_a_version_that_can_not_be_is_refused(clone: Path) -> None:
    git(clone, "tag", "v97.0.0")
    before = state(clone)
    for version, why in {
        "": "make release VERSION=0.2.0",
        "v98.7.6": "is no version",
        "98.7": "is no version",
        "0.1.0": "is not newer than",
        "0.0.9": "is not newer than",
        "97.0.0": "The tag v97.0.0 exists",
    }.items():
        done = release(clone, version)
        assert (done.returncode, done.stdout) == (1, ""), version
        assert why in done.stderr
        assert "Nothing was changed." in done.stderr
    assert state(clone) == before


def test_what_is_not_committed_is_refused(clone: Path) -> None:
    (clone / "notes").write_text("mine\n")
    before = state(clone)
    assert "not committed" in release(clone, "98.7.6").stderr
    assert state(clone) == before


def test_a_release_with_nothing_new_is_refused(clone: Path) -> None:
    release(clone, "98.7.6")
    before = state(clone)
    assert "what is new?" in release(clone, "98.7.7").stderr
    assert state(clone) == before


@pytest.mark.parametrize(
    ("does", "why"),
    [
        ("exit 1", "tools/test"),
        ("kill -INT $PPID; exec sleep 60", "It was interrupted."),
        ("echo more >>README.md", "Something was changed while the suite ran."),
    ],
)
def test_nothing_is_left_of_a_release_that_fails(
    clone: Path, does: str, why: str
) -> None:
    suite(clone, does)
    before = state(clone)
    done = release(clone, "98.7.6")
    assert done.returncode == 1
    assert why in done.stderr
    assert "There is no release" in done.stderr
    git(clone, "checkout", "-q", "README.md")  # by the stand-in, and not by the release
    assert state(clone) == before


def test_nothing_is_left_where_git_refuses_the_tag(clone: Path) -> None:
    git(clone, "config", "tag.gpgSign", "true")
    git(clone, "config", "gpg.program", "false")
    before = state(clone)
    assert release(clone, "98.7.6").returncode == 1
    assert state(clone) == before
