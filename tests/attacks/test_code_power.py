"""The power fails while code is pushed, or soon after it was.

The worst moment that a file system allows: what it counts as done is on the disk, and
of no file the content. After the next push everything is as it was to be.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from effort import rounds
from hostile import called
from laptop import Laptop
from power import Disk
from project import Project
from test_code_cut import Remote

PUSH = ("push", "--only", "home,code")


@pytest.fixture(
    params=["ext4", pytest.param("xfs", marks=pytest.mark.needs("mkfs.xfs"))]
)
def disk(request: pytest.FixtureRequest) -> Iterator[Disk]:
    with Disk(request.param) as disk:
        yield disk


@pytest.fixture
def remote(laptop: Laptop, disk: Disk, tmp_path: Path) -> Remote:
    """Its home is on the disk that fails, and what it has was pushed long ago."""

    def mount(project: Project) -> None:
        disk.mount(project.home)

    remote = Remote(laptop, tmp_path, mount)
    subprocess.run(["sync", "-f", disk.mount_point], check=True)
    return remote


@pytest.mark.needs("root", "loop", "mkfs.ext4")
def test_code_that_was_pushed_outlives_a_power_cut(
    remote: Remote, disk: Disk, counted: Callable[[str], None]
) -> None:
    tries = rounds(1, 8)
    for _ in range(tries):
        remote.write()
        assert remote.push().returncode == 0
        disk.commit()
        cut = disk.cut()
        with cut.mounted():
            remote.assert_new()
            done = remote.push()
            assert "nothing to do" in done.stderr, done.stderr
        cut.delete()
    counted(f"{tries} power cuts right after a push")


@pytest.mark.needs("root", "loop", "mkfs.ext4")
def test_a_checkout_that_a_power_cut_ends_is_completed(
    remote: Remote, disk: Disk, counted: Callable[[str], None]
) -> None:
    tries = rounds(2, 20)
    for number in range(tries):
        remote.write()
        changed = remote.changed()
        remote.kill_at(changed[number * len(changed) // tries], whole=True)
        assert remote.push().returncode in (1, 4)
        remote.free()
        disk.commit()
        cut = disk.cut()
        with cut.mounted():
            done = remote.push()
            assert done.returncode == 0, done.stderr
            remote.assert_new()
        cut.delete()
        assert remote.push().returncode == 0
    counted(f"{tries} power cuts in a checkout")


@pytest.mark.needs("root", "loop", "mkfs.ext4")
def test_what_save_commits_there_outlives_a_power_cut(
    remote: Remote, disk: Disk
) -> None:
    (remote.code / "src/titanic/edit.py").write_text("x = 1\n")
    assert called(remote.project, "save").returncode == 0
    disk.commit()
    cut = disk.cut()
    with cut.mounted():
        assert remote.git("fsck", "--no-dangling") == ""
        assert remote.git("status", "--porcelain") == ""
        assert "nothing to do" in remote.push().stderr
        assert remote.seen() == remote.wanted()


@pytest.mark.needs("root", "loop", "mkfs.ext4")
def test_a_first_push_that_a_power_cut_ends(
    laptop: Laptop, disk: Disk, counted: Callable[[str], None]
) -> None:
    """At each of git's commands."""
    project = Project.rendered(laptop)
    disk.mount(project.home)
    words = ("checkout", "fetch", "update-ref", "config")
    for word in words:
        stub = laptop.home / "bin" / "git"
        stub.parent.mkdir(exist_ok=True)
        real = shutil.which("git")
        stub.write_text(f"""#!/bin/sh
case " $* " in *" {word} "*"titanic"*) kill -9 $PPID; exit 1 ;; esac
exec {real} "$@"
""")
        stub.chmod(0o755)
        path = laptop.env["PATH"]
        laptop.env["PATH"] = f"{stub.parent}:{path}"
        called(project, "push", "--only", "code")
        laptop.env["PATH"] = path
        disk.commit()
        cut = disk.cut()
        with cut.mounted():
            done = called(project, "push", "--only", "code")
            assert done.returncode == 0, (word, done.stderr)
            there = project.home / "titanic"
            status = ["git", "-C", str(there), "status", "--porcelain"]
            run = subprocess.run(status, check=True, capture_output=True)
            assert run.stdout == b""
            assert (there / "README.md").read_bytes()
        cut.delete()
        for left in project.home.iterdir():
            shutil.rmtree(left)
    counted(f"{len(words)} power cuts in a first push")
