"""What is ours lies below one name, and nothing that lies elsewhere is ever deleted."""

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from effort import rounds
from laptop import Laptop
from project import TEMPLATE, Project
from pushing import push, stream
from render import ROOT, render
from test_push_atomic import stubs

__all__ = ["stubs"]  # a fixture

FIRST_RELEASE = "df382f1"  # kept all of a project under the project's bare name
OTHERS = {
    ".cache/titanic/model.bin": b"a model of 3 GB\n",
    ".local/share/titanic/library.db": b"a library\n",
    ".local/state/titanic/history": b"of another program\n",
    ".config/titanic/settings.ini": b"[settings]\n",
}


def put_others(home: Path) -> None:
    for path, content in OTHERS.items():
        (home / path).parent.mkdir(parents=True, exist_ok=True)
        (home / path).write_bytes(content)


def others(home: Path) -> dict[str, bytes]:
    return {path: (home / path).read_bytes() for path in OTHERS}


def test_remove_leaves_the_folders_of_a_program_of_that_name(laptop: Laptop) -> None:
    project = Project.rendered(laptop)
    put_others(project.home)
    push(project)
    project.remote("remove")
    assert others(project.home) == OTHERS
    assert not [*project.home.rglob("remote-lab")]


def test_uninstall_leaves_them_too(laptop: Laptop) -> None:
    project = Project.rendered(laptop)
    put_others(laptop.home)
    project.remote("install")
    project.remote("uninstall")
    assert others(laptop.home) == OTHERS
    assert not [*laptop.home.glob(".*/**/remote-lab")]


@pytest.fixture
def former(laptop: Laptop, tmp_path: Path) -> Project:
    """A project that the first release made, pushed by its own program."""
    template = tmp_path / "template"
    template.mkdir()
    archive = subprocess.run(
        ["git", "archive", FIRST_RELEASE], cwd=ROOT, check=True, capture_output=True
    ).stdout
    subprocess.run(["tar", "xf", "-"], cwd=template, input=archive, check=True)
    project = Project(laptop, laptop.home / "titanic")
    render(template, project.root, project_name="Titanic")
    laptop.run("git", "init", "-q", cwd=project.root)
    project.commit("as generated")
    (project.home).mkdir(parents=True)
    (project.home / ".bashrc").write_text("mine\n")
    project.remote("install")
    push(project)
    return project


def renewed(project: Project, tmp_path: Path) -> None:
    """Have the project's files be today's, as `copier update` leaves them."""
    fresh = render(TEMPLATE, tmp_path / "fresh", project_name="Titanic")
    for old in ("home", "remote_lab"):
        project.laptop.run("rm", "-r", project.root / old)
    project.laptop.run("cp", "-a", f"{fresh}/.", project.root)
    project.commit("updated")


def test_an_installation_of_the_first_release_moves(
    former: Project, tmp_path: Path
) -> None:
    home = former.home
    old = home / ".local/state/titanic"
    (old / "token").write_text("secret")
    mine = home / ".local/share/titanic/jupyter/mine"
    mine.parent.mkdir(parents=True)
    mine.write_text("settings\n")
    tmux = Path(".config/titanic/tmux.conf")
    with (home / tmux).open("a") as file:
        file.write("# edited there\n")
    (home / ".cache/titanic").mkdir(parents=True)
    (home / ".cache/titanic/model.bin").write_text("a model\n")
    renewed(former, tmp_path)
    said = push(former)
    assert "generation" in said
    state = former.state
    assert (state / "token").read_text() == "secret"
    assert (home / ".config/remote-lab/titanic/lab").is_file()
    assert (home / ".config/systemd/user/jupyter-titanic.service").is_file()
    moved = home / ".local/share/remote-lab/titanic/jupyter/mine"
    assert moved.read_text() == "settings\n"
    assert (home / ".cache/titanic/model.bin").read_text() == "a model\n"
    left = {p for p in home.rglob("titanic") if "remote-lab" not in str(p)}
    # What the user edited there stays where it was.
    assert left == {home / ".cache/titanic", home / ".config/titanic"}
    files = [p.name for p in (home / ".config/titanic").rglob("*") if p.is_file()]
    assert files == ["tmux.conf"]
    assert "# edited there" in (home / tmux).read_text()
    bashrc = (home / ".bashrc").read_text()
    assert bashrc.count("titanic/bashrc") == 2
    assert "~/.config/remote-lab/titanic/bashrc" in bashrc
    assert "nothing to do" in push(former)
    former.remote("remove")
    assert (home / ".bashrc").read_text() == "mine\n"


def test_a_laptop_of_the_first_release_moves(former: Project, tmp_path: Path) -> None:
    home = former.laptop.home
    put_others(home)
    renewed(former, tmp_path)
    former.remote("install")
    (rc,) = (path for path in home.glob(".*rc") if "titanic" in path.read_text())
    assert "~/.config/titanic/" not in rc.read_text()
    assert (home / ".config/remote-lab/titanic/aliases.sh").is_file()
    assert not (home / ".config/titanic/aliases.sh").exists()
    assert not (home / ".local/state/titanic/laptop").exists()
    former.remote("uninstall")
    assert others(home) == OTHERS
    left = [p for p in home.glob(".*/**/*") if "remote-lab" in p.name]
    assert left == []
    assert "titanic" not in (rc.read_text() if rc.exists() else "")


def test_a_move_that_is_killed_at_any_step_goes_on(
    former: Project, tmp_path: Path, stubs: Path, counted: Callable[[str], None]
) -> None:
    renewed(former, tmp_path)
    home, saved, counter = former.home, tmp_path / "saved", tmp_path / "counter"
    shutil.copytree(home, saved, symlinks=True)
    argv, env, data = stream(former)
    env |= {"PATH": str(stubs), "COUNTER": str(counter), "HOW": "before"}
    step = rounds(5, 1)
    for victim in range(1, 400, step):
        shutil.rmtree(counter, ignore_errors=True)
        counter.mkdir()
        (counter / "hint").write_text("1\n")
        subprocess.run(
            argv,
            env={**env, "VICTIM": str(victim)},
            input=data,
            capture_output=True,
            start_new_session=True,
        )
        unit = (home / ".config/systemd/user/jupyter-titanic.service").read_text()
        (launcher,) = re.findall("^ExecStart=%h/(.*)", unit, re.MULTILINE)
        assert (home / launcher).is_file(), (victim, launcher)
        killed = (counter / "victim").exists()
        push(former)
        old = home / ".local/state/titanic"  # an empty folder may stay
        assert not old.exists() or not [*old.iterdir()], victim
        # One that was whole, and not yet in use, may stay until it is pruned.
        kept = len([*(former.state / "generations").iterdir()])
        assert kept in (2, 3), victim
        if not killed:
            break
        shutil.rmtree(home)
        shutil.copytree(saved, home, symlinks=True)
    assert victim > 40
    counted(f"{victim // step} kills of a move from the first release")


def test_a_removal_takes_the_first_release_away_as_well(
    former: Project, tmp_path: Path
) -> None:
    renewed(former, tmp_path)
    former.remote("remove")
    assert (former.home / ".bashrc").read_text() == "mine\n"
    left = [p for p in former.home.rglob("*titanic*") if ".kept." not in str(p)]
    assert left == []
