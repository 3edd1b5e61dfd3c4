"""Nothing is told as done that the remote has not reported as done.

A program that was lost or cut short on its way ends with status 0, as a good one does.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from checks import told
from effort import rounds
from hostile import Hostile, called
from laptop import Laptop
from power import Disk
from project import Project
from pushing import TMUX

# tar, as it is on a disk where not all had room: (what becomes of the program, and
# tar's status).
TAR = '#!/bin/sh\n{tar} "$@" || exit\n{then}\n'
LOST = {
    "the program is empty": ": >run; exit 0",
    "the program is empty, and tar says so": ": >run; exit 2",
    "the program is cut short": "head -n 30 run >r; mv r run; exit 0",
    "a file is missing, and tar says so": "exit 2",
}
PUSH = ("push", "--only", "home,code")


@pytest.mark.parametrize("kind", LOST)
def test_a_program_that_is_lost_is_not_taken_for_done(
    laptop: Laptop, tmp_path: Path, kind: str
) -> None:
    project = Project.rendered(laptop)
    assert called(project, *PUSH).returncode == 0
    assert called(project, *PUSH).returncode == 0
    project.edit(TMUX, "# new")
    project.commit("new")
    tar = tmp_path / "tar"
    tar.write_text(TAR.format(tar=shutil.which("tar"), then=LOST[kind]))
    tar.chmod(0o755)
    path = laptop.env["PATH"]
    for words in (("push", "--only", "home"), ("push", "--only", "code"), ("undo",)):
        laptop.env["PATH"] = f"{tmp_path}:{path}"
        done = called(project, *words)
        told(done, 1)
        assert "✓" not in done.stderr
        assert "did not report" in done.stderr or "as it was" in done.stderr
        laptop.env["PATH"] = path
    assert called(project, *PUSH).returncode == 0
    laptop.env["PATH"] = f"{tmp_path}:{path}"
    told(called(project, "remove"), 1)
    laptop.env["PATH"] = path
    assert called(project, "remove").returncode == 0


COMMIT = "a" * 40
ANSWERS = {
    "push --only home": ["take\tx", "generation\t7", "lab\ttmux\trunning\t0"],
    "push --only code": ["code\tours\tnone\tmain", f"switched\t{COMMIT}"],
    "undo": ["generation\t1\t2", "lab\ttmux\trunning\t0"],
    "remove": ["removed"],
    "save": [f"commit\t{COMMIT}\tmain"],
    "lab start": ["lab\ttmux\trunning\t0"],
    "lab stop": ["lab\ttmux\tstopped\t0"],
    "lab restart": ["lab\ttmux\trunning\t0"],
    "lab password": [],
    "tunnel up": ["pid\t7", "socket\t/tmp/x.sock", "token\tx"],
    "open --no-browser": ["socket\t/tmp/x.sock", "token\tx", "lab\ttmux\trunning\t0"],
}


@pytest.mark.parametrize("verb", ANSWERS)
def test_no_answer_counts_without_its_end(
    laptop: Laptop, tmp_path: Path, verb: str
) -> None:
    project = Project.rendered(laptop, {"remote_host": "far.example.org"})
    hostile = Hostile(laptop, tmp_path)
    hostile.says(*ANSWERS[verb], ends=False)
    done = called(project, *verb.split())
    told(done, 1, "did not report what it did", "ssh titanic df -h .")
    assert "✓" not in done.stderr


def test_code_is_not_at_a_commit_that_was_not_switched_to(
    laptop: Laptop, tmp_path: Path
) -> None:
    project = Project.rendered(laptop, {"remote_host": "far.example.org"})
    Hostile(laptop, tmp_path).says("code\tours\tnone\tmain")
    done = called(project, "push", "--only", "code")
    told(done, 1)
    assert "✓" not in done.stderr


@pytest.fixture
def disk() -> Iterator[Disk]:
    with Disk("ext4") as disk:
        yield disk


@pytest.mark.needs("root", "loop", "mkfs.ext4")
def test_code_on_a_disk_that_is_nearly_full(
    laptop: Laptop, disk: Disk, counted: Callable[[str], None]
) -> None:
    """Blocks of 1 kB: the end mark fits where the program does not."""
    project = Project.rendered(laptop)
    disk.mount(project.home)
    assert os.statvfs(project.home).f_bsize == 1024
    assert called(project, *PUSH).returncode == 0
    there, filler = project.home / "titanic", project.home / "filler"
    ends, tries = [], rounds(14, 120)
    for number in range(tries):
        for name in "ab":
            text = f"{number}\n" * 3000
            (project.root / f"src/titanic/{name}.py").write_text(text)
        project.commit(f"version {number}")
        fill(filler, number * 45 // tries)
        done = called(project, "push", "--only", "code")
        assert "Traceback" not in done.stderr
        moved = head(project.root) == head(there)
        if done.returncode == 0:
            assert moved
            assert (there / "src/titanic/a.py").read_text() == text
        else:
            assert "✓" not in done.stderr
            told(done, 1)
        ends.append(done.returncode)
        filler.unlink()
        done = called(project, "push", "--only", "code")
        assert done.returncode == 0, done.stderr
        assert head(project.root) == head(there)
        status = laptop.run("git", "status", "--porcelain", cwd=there).stdout
        assert status == ""
    assert {*ends} == {0, 1}
    counted(f"{tries} fills, {ends.count(0)} of them with room enough")


def fill(path: Path, left: int) -> None:
    """Take all of a disk but some blocks of 1 kB."""
    with path.open("wb") as file:
        size = 0
        for step in (1 << 20, 1 << 10):
            with suppress(OSError):  # no more of this size
                while True:
                    os.posix_fallocate(file.fileno(), size, step)
                    size += step
        file.truncate(size - (left << 10))


def head(root: Path) -> str:
    """The commit that a clone is on."""
    git = root / ".git"
    ref = (git / "HEAD").read_text().strip().removeprefix("ref: ")
    return (git / ref).read_text().strip()
