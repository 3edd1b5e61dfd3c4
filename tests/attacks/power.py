"""Power cuts: a file system of its own, and what the disk holds of it at a moment.

The file system lies on a loop device. What programs have written, but the kernel has
not yet brought to the disk, is not in the device's backing file: a copy of that file
is the disk as a power cut leaves it. Mounting the copy replays its journal, as the
machine does when it comes up again.

    with Disk("ext4") as disk:
        disk.mount(home)
        ...                       # what is attacked
        disk.commit()             # the journal is written, and no file's data
        snapshot = disk.cut()
        with snapshot.mounted():  # at the same place, so that absolute links hold
            ...                   # what the machine has after the cut

Each test that uses it needs("root", "loop", "mkfs.ext4") or "mkfs.xfs".
"""

from __future__ import annotations

import fcntl
import itertools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

from needs import SYSTEM_PATH
from process import wait_until

PREFIX = "power-"
MAKE = {
    "ext4": ("mkfs.ext4", "-q", "-F"),
    "xfs": ("mkfs.xfs", "-q", "-f"),
}
# A copy has the same UUID as the disk itself, which is still mounted.
OPTIONS = {"ext4": "loop", "xfs": "loop,nouuid"}
# Less than this, mkfs.xfs refuses; the backing file is sparse.
MEGABYTES = {"ext4": 64, "xfs": 320}


class Disk:
    """A file system on a loop device; use it as a context manager.

    Attributes:
        mount_point: Where it is mounted.
    """

    def __init__(self, kind: str, megabytes: int = 0, options: str = "") -> None:
        """Make the file system; `mount` mounts it.

        Args:
            kind: "ext4" or "xfs".
            megabytes: Its size; as small as it can be by default.
            options: Further mount options, such as "commit=1".
        """
        sweep()
        # In memory, if that can be had: the host's own disk is not under attack.
        shm = "/dev/shm"
        self._folder = Path(
            tempfile.mkdtemp(
                prefix=PREFIX, dir=shm if os.access(shm, os.W_OK) else None
            )
        )
        self._lock = (self._folder / "lock.new").open("w")
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        # Locked before another test's `sweep` can see it.
        (self._folder / "lock.new").rename(self._folder / "lock")
        self._kind = kind
        self._options = f"{OPTIONS[kind]},{options}" if options else OPTIONS[kind]
        self._image = self._folder / "image"
        self._numbers = itertools.count(1)
        self.mount_point = self._folder / "mounted"
        self.mount_point.mkdir()
        with self._image.open("wb") as file:
            file.truncate((megabytes or MEGABYTES[kind]) << 20)
        _run(*MAKE[kind], self._image)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def mount(self, at: Path | None = None) -> None:
        """Mount it.

        Args:
            at: Where, made if it is missing; `mount_point` as it stands by default.
        """
        self.mount_point = at or self.mount_point
        self.mount_point.mkdir(parents=True, exist_ok=True)
        _mount(self._image, self.mount_point, self._options)
        # What mkfs has made must not count among what the test looks at.
        if (found := self.mount_point / "lost+found").exists():
            found.rmdir()
        _run("sync", "-f", self.mount_point)

    def commit(self) -> None:
        """Have the journal written now, as any other program's fsync does.

        Renames and new files are then on the disk; the data of files that nobody has
        synced is not. Without it, ext4 does this within 5 s and xfs within 30 s.
        """
        folder = os.open(self.mount_point, os.O_RDONLY)
        try:
            os.utime(folder)
            os.fsync(folder)
        finally:
            os.close(folder)

    def cut(self) -> Snapshot:
        """Take the disk as it is at this moment; what is mounted runs on."""
        copy = self._folder / f"cut{next(self._numbers)}"
        activity = self._device() / "stat"

        def still() -> bool:
            """Whether nothing was written while the copy was made: else, once more."""
            writes, under_way = _writes(activity)
            _run("cp", "--sparse=always", self._image, copy)
            return under_way == 0 and _writes(activity) == (writes, 0)

        wait_until(still, "the disk to be still for as long as it is copied")
        return Snapshot(copy, self.mount_point, self._options)

    def close(self) -> None:
        """Unmount everything, and delete the disk and its snapshots."""
        _unmount(self._folder)
        shutil.rmtree(self._folder)
        self._lock.close()  # last: `sweep` deletes what nobody has locked

    def _device(self) -> Path:
        found = _run("losetup", "-n", "-O", "NAME", "-j", self._image).split()
        return Path("/sys/block") / Path(found[0]).name


class Snapshot:
    """A disk as a power cut has left it."""

    def __init__(self, image: Path, mount_point: Path, options: str) -> None:
        self._image = image
        self._mount_point = mount_point
        self._options = options

    @contextmanager
    def mounted(self) -> Iterator[Path]:
        """Mount it in place of the disk, which comes to light again afterwards.

        Yields:
            Where; what is changed there stays in the snapshot.
        """
        _mount(self._image, self._mount_point, self._options)
        try:
            yield self._mount_point
        finally:
            _run("umount", "-l", self._mount_point)

    def delete(self) -> None:
        """Give its space back before the disk is closed."""
        self._image.unlink()


def sweep() -> None:
    """Unmount and delete what runs that were killed have left."""
    for parent in {"/dev/shm", tempfile.gettempdir()}:
        for folder in Path(parent).glob(PREFIX + "*"):
            # Who has it keeps it locked until he ends, however that is.
            with suppress(OSError), (folder / "lock").open() as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _unmount(folder)
                shutil.rmtree(folder)


def _writes(activity: Path) -> tuple[int, int]:
    """How many writes a device has done, and how many requests are under way."""
    fields = activity.read_text().split()
    return int(fields[4]), int(fields[8])


def _mount(image: Path, at: Path, options: str) -> None:
    _run("mount", "-o", options, image, at)


def _unmount(folder: Path) -> None:
    """Unmount all that is mounted from images in *folder*."""
    for line in _run("losetup", "-n", "-O", "NAME,BACK-FILE").splitlines():
        device, image = line.split(None, 1)
        if not image.startswith(f"{folder}/"):
            continue
        mounts = Path("/proc/self/mounts").read_text().splitlines()
        for mount in mounts:
            source, at = mount.split()[:2]
            if source == device:
                _run("umount", "-l", at.encode().decode("unicode_escape"))


def _run(*words: str | Path) -> str:
    path = f"{os.environ['PATH']}:{SYSTEM_PATH}"
    done = subprocess.run(
        words,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
