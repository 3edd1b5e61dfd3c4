"""A dotfile that the user made a link of, to a file of his own: the link stays.

As people do who keep their settings in a repository of dotfiles. The three ways look at
what is behind the link, and a push that brings news writes there.
"""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from laptop import Laptop
from project import Project, snapshot
from pushing import BASHRC, TMUX, ask, differences, stream

from remote_lab.errors import REMOTE_EDITED, Problem

VIMRC = ".vimrc"


@pytest.fixture
def project(laptop: Laptop, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setenv("HOME", str(laptop.home))
    project = Project.rendered(laptop)
    (project.pieces / VIMRC).write_text("set nu\n")
    project.home.mkdir(parents=True)
    (project.home / "dotfiles").mkdir()
    return project


@pytest.fixture(params=[TMUX, VIMRC], ids=["inside", "outside"])
def path(request: pytest.FixtureRequest) -> str:
    """A dotfile in the project's own folder, or one that has a link of its own."""
    return str(request.param)


@pytest.fixture
def linked(project: Project, path: str) -> Path:
    """The file behind the user's link, in a home that was pushed to."""
    ask(project)
    return link(project, path, (project.home / path).read_bytes())


def link(project: Project, path: str, content: bytes) -> Path:
    """Put the user's link in a dotfile's place; the file that it leads to."""
    behind = project.home / "dotfiles" / Path(path).name
    behind.write_bytes(content)
    behind.chmod(0o640)
    (project.home / path).unlink(missing_ok=True)
    (project.home / path).symlink_to(behind)
    return behind


def assert_linked(project: Project, path: str, behind: Path) -> None:
    """The link is there as the user made it, and its file has kept its mode."""
    assert (project.home / path).is_symlink()
    assert (project.home / path).readlink() == behind
    assert behind.stat().st_mode & 0o777 == 0o640
    assert [p.name for p in behind.parent.iterdir()] == [behind.name]


def clash(project: Project) -> Problem:
    before = snapshot(project.home)
    with pytest.raises(Problem) as caught:
        ask(project)
    assert caught.value.code == REMOTE_EDITED, caught.value.what
    changed = differences(snapshot(project.home), before)
    # Of a first push that is refused, a folder stays, with the note of whose it is.
    made = [".local", ".local/state", ".local/state/remote-lab"]
    assert changed in (
        [],
        [*made, f"{made[-1]}/titanic", f"{made[-1]}/titanic/project"],
    )
    return caught.value


def test_the_link_stays_and_its_file_is_written(
    project: Project, path: str, linked: Path
) -> None:
    assert not ask(project).changed
    former = linked.read_bytes()
    project.edit(path, "# new")
    report = ask(project)
    assert report.linked == {path: str(linked)}
    assert linked.read_bytes() == (project.pieces / path).read_bytes()
    assert_linked(project, path, linked)
    assert not ask(project).changed
    ask(project, "undo_home")
    assert linked.read_bytes() == former
    assert_linked(project, path, linked)


def test_the_diff_names_the_file(project: Project, path: str, linked: Path) -> None:
    project.edit(path, "# new")
    before = snapshot(project.home, times=True)
    header = ask(project, mode="dry").diff[0]
    assert header.startswith(f"--- there/{path}")
    assert str(linked) in header
    assert snapshot(project.home, times=True) == before


def test_what_was_edited_behind_the_link_is_never_overwritten_unasked(
    project: Project, path: str, linked: Path
) -> None:
    linked.write_text("mine\n")
    project.edit(BASHRC, "# new")
    assert ask(project).kept == [path]
    project.edit(path, "# new")
    problem = clash(project)
    assert path in problem.what
    assert "-mine" in problem.diff
    assert str(linked) in problem.diff[0]
    ask(project, mode="force")
    assert linked.read_bytes() == (project.pieces / path).read_bytes()
    assert_linked(project, path, linked)
    ask(project, "undo_home")
    assert linked.read_text() == "mine\n"
    assert_linked(project, path, linked)


@pytest.mark.parametrize("same", [True, False], ids=["same", "other"])
def test_a_link_that_was_there_before_the_first_push(
    project: Project, same: bool
) -> None:
    news = (project.pieces / VIMRC).read_bytes()
    behind = link(project, VIMRC, news if same else b"mine\n")
    if same:
        ask(project)
    else:
        assert str(behind) in clash(project).diff[0]
        ask(project, mode="force")
    assert behind.read_bytes() == news
    assert_linked(project, VIMRC, behind)
    project.edit(VIMRC, "set list")
    ask(project)
    assert behind.read_bytes() == (project.pieces / VIMRC).read_bytes()
    assert_linked(project, VIMRC, behind)


def test_remove_leaves_the_file(project: Project, path: str, linked: Path) -> None:
    content = linked.read_bytes()
    ask(project, "remove_home")
    assert linked.read_bytes() == content
    if path == VIMRC:
        assert_linked(project, path, linked)


def test_a_dotfile_that_is_dropped_leaves_the_file(
    project: Project, path: str, linked: Path
) -> None:
    content = linked.read_bytes()
    (project.pieces / path).unlink()
    ask(project)
    assert linked.read_bytes() == content


@pytest.mark.parametrize("news", ["edit", "drop", "add"])
def test_a_folder_that_is_the_users_link_is_his(project: Project, news: str) -> None:
    """Nothing is written through it, or deleted; --force puts a folder in its place."""
    ask(project)
    ours = project.home / ".config/remote-lab/titanic/jupyter"
    his = project.home / "dotfiles/jupyter"
    subprocess.run(["cp", "-R", f"{ours}/.", his], check=True)
    subprocess.run(["rm", "-r", ours], check=True)
    ours.symlink_to(his)
    before = snapshot(his)
    project.edit(TMUX, "# new")
    ask(project)
    assert ours.readlink() == his
    assert snapshot(his) == before
    piece = ".config/remote-lab/titanic/jupyter/jupyter_server_config.py"
    if news == "drop":
        (project.pieces / piece).unlink()
        ask(project)
        assert snapshot(his) == before
        return
    if news == "add":
        piece = ".config/remote-lab/titanic/jupyter/new"
    project.edit(piece, "# new")
    clash(project)
    ask(project, mode="force")
    assert not ours.is_symlink()
    assert (project.home / piece).read_bytes() == (project.pieces / piece).read_bytes()
    assert snapshot(his) == before
    ask(project, "undo_home")
    assert ours.readlink() == his
    assert snapshot(his) == before


KILL = """#!/bin/sh
case $* in *titanic-new*) kill -9 $PPID; exit 1 ;; esac
exec /usr/bin/{name} "$@"
"""


def killed(project: Project, main: str, stubs: Path, name: str) -> None:
    """Run a verb that is killed by that command, while it writes behind a link."""
    (stubs / name).write_text(KILL.format(name=name))
    (stubs / name).chmod(0o755)
    argv, env, data = stream(project, main)
    env["PATH"] = f"{stubs}:{env['PATH']}"
    done = subprocess.run(argv, env=env, input=data, capture_output=True, check=False)
    assert done.returncode == -9, done


@pytest.mark.parametrize("name", ["cp", "chmod", "mv"])
@pytest.mark.parametrize("main", ["push_home", "undo_home"])
def test_killed_behind_the_switch_the_next_push_writes_the_file(
    project: Project,
    path: str,
    linked: Path,
    tmp_path: Path,
    counted: Callable[[str], None],
    main: str,
    name: str,
) -> None:
    """The one place that no switch can cover; each file is whole all the same."""
    former = linked.read_bytes()
    project.edit(path, "# new")
    project.edit(BASHRC, "# new")
    if main == "undo_home":
        ask(project)
    latest = (project.pieces / path).read_bytes()
    killed(project, main, tmp_path, name)
    assert linked.read_bytes() in (former, latest)
    ask(project)
    assert linked.read_bytes() == latest
    assert (project.home / BASHRC).read_bytes() == (
        project.pieces / BASHRC
    ).read_bytes()
    assert_linked(project, path, linked)
    counted("1 kill")


def test_what_was_edited_since_it_was_cut_off_is_not_written_over(
    project: Project, path: str, linked: Path, tmp_path: Path
) -> None:
    project.edit(path, "# new")
    killed(project, "push_home", tmp_path, "mv")
    linked.write_text("mine\n")
    assert ask(project).kept == [path]
    assert linked.read_text() == "mine\n"
    assert_linked(project, path, linked)


@pytest.mark.needs("root", "chattr")
def test_a_file_behind_a_link_that_cannot_be_written(
    project: Project, path: str, linked: Path
) -> None:
    """It is told that the rest is in place; when it can be written, it is."""
    project.edit(path, "# new")
    project.edit(BASHRC, "# new")
    done = subprocess.run(["chattr", "+i", linked], capture_output=True, check=False)
    if done.returncode:
        pytest.skip("this file system knows no immutable files")
    try:
        with pytest.raises(Problem) as caught:
            ask(project)
    finally:
        subprocess.run(["chattr", "-i", linked], check=True)
    assert str(linked) in caught.value.what
    assert "Operation not permitted" in caught.value.what
    assert "All else is in place" in caught.value.unchanged
    assert (project.home / BASHRC).read_text().endswith("# new\n")
    ask(project)
    assert linked.read_bytes() == (project.pieces / path).read_bytes()
    assert_linked(project, path, linked)
