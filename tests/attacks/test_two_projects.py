"""Two projects of one name are refused, on the laptop and on the remote, not mixed."""

import shlex
from pathlib import Path

import pytest
from laptop import Laptop
from loopback import Loopback
from project import Project
from render import released, render

IDS = {"mine": "0" * 16, "theirs": "1" * 16}


def project(laptop: Laptop, loopback: Loopback, whose: str) -> Project:
    answers = {
        "remote_host": "127.0.0.1",
        "remote_port": loopback.port,
        "project_id": IDS[whose],
    }
    return Project.rendered(laptop, answers, whose)


def advised(said: str, ends: str) -> list[str]:
    """The command in brackets that a message advises, after a colon."""
    text = " ".join(said.split())
    return shlex.split(text.partition(ends)[2].partition(")")[0])


def test_on_one_remote(laptop: Laptop, loopback: Loopback) -> None:
    with Laptop() as other:
        keys = loopback.home / ".ssh/authorized_keys"
        keys.parent.mkdir(mode=0o700, exist_ok=True)
        keys.write_text(other.key)
        mine = project(laptop, loopback, "mine")
        theirs = project(other, loopback, "theirs")
        for one in (mine, theirs):
            one.remote("install")
        mine.remote("push", "--only", "home,code")
        before = {
            path: path.read_bytes()
            for path in loopback.home.rglob("*")
            if path.is_file() and ".local/state" in str(path)
        }
        for words in (
            ["push", "--only", "home,code"],
            ["push", "--dry-run", "--only", "home"],
            ["push", "--only", "code"],
            ["undo"],
            ["remove"],
            ["save"],
            ["open", "--no-browser"],
            ["lab", "stop"],
        ):
            done = theirs.remote(*words, check=False)
            assert done.returncode == 1, words
            assert "Another project called titanic is on titanic" in done.stderr, words
            assert "Traceback" not in done.stderr
        after = {
            path: path.read_bytes()
            for path in loopback.home.rglob("*")
            if path.is_file() and ".local/state" in str(path)
        }
        assert after == before
        assert "nothing to do" in mine.remote("push", "--only", "home,code").stderr
        # The advice, for a project that is gone for good.
        other.run(*advised(done.stderr, "this one replace it:"))
        theirs.remote("push", "--only", "home")
        refused = mine.remote("push", "--only", "home", check=False)
        assert "Another project called titanic" in refused.stderr


def test_on_one_laptop(laptop: Laptop) -> None:
    mine = Project.rendered(laptop, {"project_id": IDS["mine"]}, "mine")
    theirs = Project.rendered(laptop, {"project_id": IDS["theirs"]}, "theirs")
    mine.remote("install")
    kept = (laptop.home / ".local/state/remote-lab/titanic/laptop/id").read_text()
    refused = theirs.remote("install", check=False)
    assert refused.returncode == 1
    assert f"is on this laptop, in {mine.root}" in refused.stderr
    assert (
        laptop.home / ".local/state/remote-lab/titanic/laptop/id"
    ).read_text() == kept
    # The advice.
    laptop.run("sh", "-c", f"cd {shlex.quote(str(mine.root))} && ./remote uninstall")
    theirs.remote("install")


def test_a_clone_is_the_same_project(laptop: Laptop) -> None:
    mine = Project.rendered(laptop)
    mine.remote("install")
    laptop.run("git", "clone", "-q", mine.root, laptop.home / "clone")
    Project(laptop, laptop.home / "clone").remote("install")


def test_one_that_was_deleted_is_in_nobodys_way(laptop: Laptop) -> None:
    mine = Project.rendered(laptop, {"project_id": IDS["mine"]}, "mine")
    mine.remote("install")
    laptop.run("rm", "-r", mine.root)
    theirs = Project.rendered(laptop, {"project_id": IDS["theirs"]}, "theirs")
    theirs.remote("install")


def test_each_project_has_an_id_that_stays(laptop: Laptop, tmp_path: Path) -> None:
    template = released(tmp_path / "template")
    one, two = (render(template, tmp_path / name) for name in ("one", "two"))
    lines = [
        next(line for line in (it / "remote.toml").open() if line.startswith("id = "))
        for it in (one, two)
    ]
    assert lines[0] != lines[1]
    laptop.run("git", "init", "-q", cwd=one)
    laptop.run("git", "add", "-A", cwd=one)
    laptop.run("git", "commit", "-qm", "as generated", cwd=one)
    update = ("copier", "update", "--trust", "--defaults", "--data")
    laptop.run(*update, "description=x", cwd=one)
    assert lines[0] in (one / "remote.toml").read_text()
    assert lines[0].split('"')[1] in (one / ".copier-answers.yml").read_text()


@pytest.mark.parametrize("id", ["", "0" * 15, "0" * 15 + "G", "0" * 16 + "\n"])
def test_an_odd_id_is_refused(laptop: Laptop, tmp_path: Path, id: str) -> None:
    with pytest.raises(ValueError, match="project_id"):
        render(released(tmp_path / "template"), tmp_path / "p", project_id=id)
