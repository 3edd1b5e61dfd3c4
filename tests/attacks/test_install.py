"""`install` with files of somebody else's branch, and with what a cut has left."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from checks import asked, home_of, told, wrote
from effort import rounds
from laptop import Laptop
from loopback import free_port
from project import Project

pytestmark = pytest.mark.needs("ssh", "uv")

PLACES = [
    ".bash_login",
    ".config/autostart/x.desktop",
    ".ssh/authorized_keys",
    ".ssh/config.d/other.conf",
    "Library/LaunchAgents/x.plist",
]


@pytest.fixture
def project(laptop: Laptop) -> Project:
    assert laptop.key
    answers = {"remote_host": "127.0.0.1", "remote_port": free_port()}
    return Project.rendered(laptop, answers)


def test_other_places_are_not_written_to_unasked(project: Project) -> None:
    before = home_of(project.laptop)
    for place in PLACES[: rounds(2, 5)]:
        file = project.root / "home/laptop" / place
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("touch PWNED\n")
        done = project.remote("install", check=False)
        told(done, 1, f"~/{place}", "Nothing was installed", "./remote install")
        said = project.remote("install", check=False, tty=True, input="n\n").stdout
        assert f"~/{place}" in said
        assert home_of(project.laptop) == before
        file.unlink()


def test_other_places_are_written_to_once_confirmed(project: Project) -> None:
    before = home_of(project.laptop)
    file = project.root / "home/laptop/.config/other/settings"
    file.parent.mkdir(parents=True)
    file.write_text("one\n")
    project.remote("install", tty=True, input="y\n")
    at = project.laptop.home / ".config/other/settings"
    assert at.read_text() == "one\n"
    assert "To be written" not in project.remote("install").stderr
    file.write_text("two\n")
    told(project.remote("install", check=False), 1, "~/.config/other/settings")
    assert at.read_text() == "one\n"
    project.remote("uninstall")
    assert home_of(project.laptop) == before


def test_what_is_written_is_listed_and_a_changed_ssh_file_is_shown(
    project: Project,
) -> None:
    said = project.remote("install").stderr
    assert "~/.ssh/config.d/titanic.conf" in said
    hosts = project.root / "home/laptop/.ssh/config.d/titanic.conf"
    hosts.write_text(hosts.read_text() + "    ProxyCommand evil\n")
    done = project.remote("install")
    assert "+    ProxyCommand evil" in done.stdout


@pytest.mark.parametrize("where", ["file", "folder"])
def test_no_link_is_followed(project: Project, tmp_path: Path, where: str) -> None:
    laptop = project.laptop
    (tmp_path / "secret").write_text("secret\n")
    link = project.root / "home/laptop/.config/remote-lab/titanic/linked"
    link.symlink_to(tmp_path / "secret" if where == "file" else tmp_path)
    before = home_of(laptop)
    told(project.remote("install", check=False), 1, "leads out of the project")
    assert home_of(laptop) == before
    link.unlink()
    target = laptop.home / "target"
    target.write_text("mine\n")
    at = laptop.home / ".ssh/config.d/titanic.conf"
    at.parent.mkdir(parents=True)
    at.symlink_to(target)
    told(project.remote("install", check=False), 1, "is there already")
    assert target.read_text() == "mine\n"


BROKEN = ["", "[]", "null", "{}", '{"files": 3', '"x"', '{"lines": []}', "\0" * 50]


@pytest.mark.parametrize("text", BROKEN[: rounds(2, 8)])
def test_a_record_that_is_lost_is_made_anew(project: Project, text: str) -> None:
    laptop = project.laptop
    wrote(".ssh/config", b"Host old\n", 0o600)(laptop.home)
    wrote(".bashrc", b"export A=1\n")(laptop.home)
    before = home_of(laptop)
    project.remote("install")
    (record,) = (laptop.home / ".local/state").rglob("installed.json")
    whole = json.loads(record.read_text())
    record.write_text(text)
    if text == "[]":  # also where install comes first
        project.remote("install")
        assert json.loads(record.read_text())["files"] == whole["files"]
        assert not asked(laptop, "old").get("localforward")
        record.write_text(text)
    done = project.remote("uninstall")
    assert "can't be read" in done.stderr
    after = home_of(laptop)
    assert {path: after[path] for path in before} == before
    folders = {path for path, (mode, *_) in after.items() if mode & 0o40000}
    assert set(after) - set(before) <= folders
