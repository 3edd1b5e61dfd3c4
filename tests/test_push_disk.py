"""The push's first promise on a full disk: sizes from none to just enough.

The home is a small tmpfs whose limits are moved. A quota takes the same path: the
program asks of every write whether it was done, and not why it was not.
"""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from effort import FULL
from laptop import Laptop
from pushing import VERBS, Scene

from remote_lab.errors import Problem

pytestmark = pytest.mark.needs("root")
PAGE = 4096


class Disk:
    """A tmpfs on a home."""

    def __init__(self) -> None:
        self._home: Path | None = None

    def mount(self, home: Path) -> None:
        home.mkdir(parents=True)
        self._mount("-t", "tmpfs", "-o", "size=64m,nr_inodes=9000", "tmpfs", home)
        self._home = home

    def leave(self, what: str, number: int) -> None:
        """Leave so many free pages, or inodes, and no more."""
        assert self._home
        now = os.statvfs(self._home)
        if what == "pages":
            used = now.f_blocks - now.f_bfree
            self._mount("-o", f"remount,size={(used + number) * PAGE}", self._home)
        else:
            used = now.f_files - now.f_ffree
            self._mount("-o", f"remount,nr_inodes={used + number}", self._home)

    def free(self) -> None:
        """Make room again."""
        assert self._home
        self._mount("-o", "remount,rw,size=64m,nr_inodes=9000", self._home)

    def lock(self) -> None:
        """Make it read-only."""
        assert self._home
        self._mount("-o", "remount,ro", self._home)

    def umount(self) -> None:
        if self._home:
            subprocess.run(["umount", "-l", self._home], check=True)

    def _mount(self, *words: str | Path) -> None:
        subprocess.run(["mount", *words], check=True, capture_output=True)


@pytest.fixture
def disk(laptop: Laptop, monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    monkeypatch.setenv("HOME", str(laptop.home))
    disk = Disk()
    yield disk
    disk.umount()


def assert_refused(scene: Scene, words: str) -> bool:
    """It is done, or refused with the home as it was and words that help.

    Returns:
        Whether it is done.
    """
    problem = None
    try:
        scene.ask()
    except Problem as error:
        problem = error
    new = scene.assert_whole()
    assert new == (problem is None), problem
    if problem:
        # What a shell writes itself, dash calls an I/O error, and does not say why.
        assert words in problem.what or "can't write to" in problem.what
        assert "as it was" in problem.unchanged
        assert "df" in problem.todo or "make room" in problem.todo, problem.what
        assert problem.code == 1
    return new


@pytest.mark.parametrize("what", ["pages", "inodes"])
@pytest.mark.parametrize("verb", VERBS)
def test_a_full_disk_leaves_old_or_new(
    laptop: Laptop, disk: Disk, counted: Callable[[str], None], verb: str, what: str
) -> None:
    """`make attack` tries each size, `make test` looks for the one that is enough."""
    scene = Scene(laptop, verb, disk.mount)

    def is_enough(number: int) -> bool:
        disk.leave(what, number)
        done = assert_refused(scene, "No space left on device")
        disk.free()
        scene.assert_mended(again=number % 2 == 1)
        scene.restore()
        return done

    fills = 1
    if FULL:
        enough = next(number for number in range(300) if is_enough(number))
        fills += enough
    else:
        less, enough = 0, 300
        assert not is_enough(less)
        while enough - less > 1:
            middle = (less + enough) // 2
            less, enough = (less, middle) if is_enough(middle) else (middle, enough)
            fills += 1
    assert 10 < enough < 300
    counted(f"{fills} fills, 0 to {enough} {what} left")


@pytest.mark.parametrize("verb", VERBS)
def test_a_read_only_home_is_as_it_was(laptop: Laptop, disk: Disk, verb: str) -> None:
    scene = Scene(laptop, verb, disk.mount)
    disk.lock()
    assert not assert_refused(scene, "Read-only file system")
    disk.free()
    scene.assert_mended(again=True)
