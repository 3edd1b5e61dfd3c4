"""The harness of the power cuts shows what is known of them, and leaves nothing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from power import Disk, sweep

pytestmark = pytest.mark.needs("root", "loop", "mkfs.ext4", "mkfs.xfs")

KILLED = """
import os, sys
from pathlib import Path
from power import Disk
Disk("ext4").mount(Path(sys.argv[1]))
os.kill(os.getpid(), 9)
"""


@pytest.mark.parametrize("kind", ["ext4", "xfs"])
def test_a_cut_shows_what_was_not_synced(tmp_path: Path, kind: str) -> None:
    at = tmp_path / "home"
    with Disk(kind) as disk:
        disk.mount(at)
        (at / "new").write_text("whole\n")
        (at / "new").rename(at / "renamed")
        before = disk.cut()
        with (at / "synced").open("w") as file:
            file.write("whole\n")
            file.flush()
            os.fsync(file.fileno())
        after = disk.cut()
        (at / "late").mkdir()
        disk.commit()
        last = disk.cut()
        with before.mounted():
            assert list(at.iterdir()) == []
        with after.mounted():
            assert {path.name: path.read_text() for path in at.iterdir()} == {
                "renamed": "",
                "synced": "whole\n",
            }
        with last.mounted():
            assert (at / "late").is_dir()
        assert (at / "renamed").read_text() == "whole\n"
    assert list(at.iterdir()) == []


def test_what_a_killed_run_left_is_swept_away(tmp_path: Path) -> None:
    at = tmp_path / "home"
    command = [sys.executable, "-c", KILLED, str(at)]
    subprocess.run(command, env={**os.environ, "PYTHONPATH": ":".join(sys.path)})
    assert os.path.ismount(at)
    sweep()
    assert not os.path.ismount(at)
    assert list(at.iterdir()) == []
