"""The code outside the home, as on clusters, whose homes are small: /scratch/ada/x."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp

import pytest
from checks import STAND_IN, reaches, told
from laptop import Laptop
from live import Live
from loopback import Loopback
from project import Project, snapshot

WORK = "src/titanic/example.py"


@pytest.fixture
def scratch() -> Iterator[Path]:
    """A folder outside of each home; on another disk, where the machine has one."""
    disk = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    folder = Path(mkdtemp(prefix="scratch-", dir=disk))
    yield folder
    shutil.rmtree(folder)


@pytest.mark.needs("nss_wrapper", "sshd", "ssh", "uv")
def test_all_commands_find_it(
    laptop: Laptop, loopback: Loopback, scratch: Path
) -> None:
    code = scratch / "ada/titanic"
    answers = {**reaches(loopback), "remote_dir": str(code), "service": "tmux"}
    project = Project.rendered(laptop, answers)
    project.remote("push", "--only", "home,code")
    assert (code / "remote.toml").read_text() == (
        project.root / "remote.toml"
    ).read_text()
    assert not (loopback.home / "titanic").exists()
    assert [path.name for path in code.parent.iterdir()] == ["titanic"]
    assert "nothing to do" in project.remote("push", "--only", "home,code").stderr

    # An edit there: the push refuses, save brings it home.
    (code / WORK).write_text("x = 1\n")
    done = project.remote("push", "--only", "code", check=False)
    told(done, 3, f"changes in {code} that are in no commit")
    project.remote("save")
    assert (project.root / WORK).read_text() == "x = 1\n"

    subprocess.run(["sh", "-c", STAND_IN], cwd=code.parent, check=True)
    project.remote("lab", "start")
    row = json.loads(project.remote("status", "--json").stdout)[0]
    assert row["lab"] == "running"
    free = shutil.disk_usage(scratch).free / 2**30
    assert row["disk_free_gib"] == pytest.approx(free, abs=2)
    found = project.remote("doctor", "titanic", check=False).stdout
    assert f"All changes in {code} are committed." in found
    assert f"MiB are free in {code}." in found
    said = project.remote("remove", "--yes").stderr
    assert f"were kept, in {code}." in said
    assert (code / WORK).exists()


@pytest.mark.needs("nss_wrapper", "sshd", "ssh", "uv")
def test_what_a_push_left_half_made_is_replaced(
    laptop: Laptop, loopback: Loopback, scratch: Path
) -> None:
    answers = {**reaches(loopback), "remote_dir": f"{scratch}/titanic"}
    project = Project.rendered(laptop, answers)
    left = scratch / ".remote-lab-0123456789abcdef"
    (left / ".git/objects").mkdir(parents=True)
    project.remote("push", "--only", "home,code")
    assert [path.name for path in scratch.iterdir()] == ["titanic"]


@pytest.mark.needs("nss_wrapper", "sshd", "ssh", "uv")
def test_a_folder_of_others_is_refused(
    laptop: Laptop, loopback: Loopback, scratch: Path
) -> None:
    """One that has something, and one that this account can not make."""
    (scratch / "theirs").mkdir()
    (scratch / "theirs/file").write_text("")
    before = snapshot(scratch)
    for place, why in [
        (f"{scratch}/theirs", "has something that is not this project"),
        ("/proc/ada/titanic", "can't write to /proc/ada/titanic"),
    ]:
        answers = {**reaches(loopback), "remote_dir": place}
        project = Project.rendered(laptop, answers, folder=Path(place).name)
        told(project.remote("push", "--only", "home,code", check=False), 1, why)
    assert snapshot(scratch) == before


@pytest.mark.xdist_group("box")
@pytest.mark.timeout(300)
def test_an_environment_and_a_lab_there(live: Live) -> None:
    """On the test VM, under systemd."""
    with Laptop() as laptop:
        account = live.box.add_user("eve", laptop.key)
        answers = {
            "remote_host": live.box.address,
            "remote_user": "eve",
            "remote_dir": "/var/tmp/scratch/eve/titanic",
        }
        project = live.another(laptop, answers)
        project.remote("push", timeout=240)
        lab = account.sh("systemctl --user show -P MainPID jupyter-titanic").stdout
        assert account.sh(f"readlink /proc/{lab.strip()}/cwd").stdout == (
            "/var/tmp/scratch/eve/titanic\n"
        )
        assert "nothing to do" in project.remote("push").stderr
        project.remote("remove", "--yes")
        assert account.sh("ls /var/tmp/scratch/eve/titanic/uv.lock").stdout
