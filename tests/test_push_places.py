"""Places that are not what the push expects: files, folders, links, no permission."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from laptop import Laptop
from process import Completed
from project import Project, sees, snapshot
from pushing import BASHRC, SERVER, TMUX, ask, differences, visible

from remote_lab.errors import REMOTE_EDITED, Problem

OWN = ".config/remote-lab/titanic"


@pytest.fixture
def project(laptop: Laptop, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setenv("HOME", str(laptop.home))
    project = Project.rendered(laptop)
    project.home.mkdir(parents=True)
    return project


@pytest.fixture
def pushed(project: Project) -> Project:
    ask(project)
    return project


def refused(project: Project, *words: str, main: str = "push_home") -> Problem:
    """The verb is refused; nothing has changed, and it is said what to do."""
    before = snapshot(project.home)
    with pytest.raises(Problem) as caught:
        ask(project, main)
    problem = caught.value
    text = f"{problem.what}\n{problem.todo}"
    for word in words:
        assert word in text
    assert "as it was" in problem.unchanged
    assert problem.todo
    after = snapshot(project.home)
    changed = differences(before, after)
    # An empty folder of ours, and notes in it, may have come.
    state, folder = ".local/state/remote-lab/titanic", ".config/remote-lab"
    left = [path for path in changed if path not in state and path != folder]
    assert all(path.startswith(state) for path in left), left
    return problem


# Around the dotfiles


@pytest.mark.parametrize(
    "place",
    [
        ".config",
        ".config/systemd",
        ".local",
        ".local/state",
        ".local/state/remote-lab/titanic",
    ],
)
@pytest.mark.parametrize("what", ["file", "dangling"])
def test_a_file_or_a_link_to_nowhere_where_a_folder_should_be(
    project: Project, place: str, what: str
) -> None:
    at = project.home / place
    at.parent.mkdir(parents=True, exist_ok=True)
    if what == "file":
        at.write_text("mine\n")
    else:
        at.symlink_to("nowhere")
    problem = refused(project, place, "Move it away")
    assert "disk" not in problem.todo
    at.rename(project.home / "mine")
    ask(project)
    assert (project.home / TMUX).exists()
    ask(project, "remove_home")
    assert not sees(project.home)


@pytest.mark.parametrize("what", ["folder", "dangling"])
def test_something_else_in_the_place_of_a_dotfile(project: Project, what: str) -> None:
    (project.pieces / ".vimrc").write_text("set nu\n")
    at = project.home / ".vimrc"
    if what == "folder":
        at.mkdir()
    else:
        at.symlink_to("nowhere")
    refused(project, "~/.vimrc", "not ours", "mv .vimrc")
    at.rename(project.home / "mine")
    ask(project)
    assert at.read_text() == "set nu\n"


def test_a_config_folder_that_lives_elsewhere(project: Project) -> None:
    (project.home / "dotfiles/config").mkdir(parents=True)
    (project.home / ".config").symlink_to("dotfiles/config")
    ask(project)
    assert (project.home / TMUX).exists()
    ask(project, "remove_home")
    assert (project.home / ".config").is_symlink()
    assert not [*(project.home / "dotfiles/config").iterdir()]


@pytest.mark.parametrize("what", ["folder", "dangling", "nowhere at all"])
def test_a_bashrc_that_is_no_file(project: Project, what: str) -> None:
    bashrc = project.home / ".bashrc"
    if what == "folder":
        bashrc.mkdir()
        (bashrc / "mine").write_text("mine\n")
    elif what == "dangling":
        (project.home / "dotfiles").mkdir()
        bashrc.symlink_to("dotfiles/bashrc")
    else:
        bashrc.symlink_to("no/such/folder")
    before = snapshot(project.home)
    report = ask(project)
    assert (project.home / TMUX).exists()
    if what == "dangling":
        assert "titanic" in (project.home / "dotfiles/bashrc").read_text()
    else:
        assert "no aliases there" in report.notes[0]
    assert not [*project.home.glob(".bashrc.*")]
    ask(project, "remove_home")
    after = snapshot(project.home)
    assert not [path for path in differences(before, after) if path[:6] != ".local"]


# Among the dotfiles


def clash(project: Project, path: str) -> None:
    """A push with news for that path ends with exit code 3, and changes nothing."""
    before = snapshot(project.home)
    with pytest.raises(Problem) as caught:
        ask(project)
    assert caught.value.code == REMOTE_EDITED, caught.value.what
    assert path in caught.value.what
    assert snapshot(project.home) == before


def forced_and_undone(project: Project, path: str) -> None:
    """--force brings what is new; undo brings back what was there."""
    before = snapshot(project.home / f"{OWN}/")
    clash(project, path)
    ask(project, mode="force")
    assert (project.home / path).read_bytes() == (project.pieces / path).read_bytes()
    ask(project, "undo_home")
    assert snapshot(project.home / f"{OWN}/") == before


def test_a_folder_in_the_place_of_a_file(pushed: Project) -> None:
    at = pushed.home / TMUX
    at.unlink()
    at.mkdir()
    (at / "mine").write_text("mine\n")
    pushed.edit(BASHRC, "# new")
    assert ask(pushed).kept == [TMUX]
    assert (at / "mine").read_text() == "mine\n"
    pushed.edit(TMUX, "# new")
    forced_and_undone(pushed, TMUX)


def test_a_file_in_the_place_of_a_folder(pushed: Project) -> None:
    folder = (pushed.home / SERVER).parent
    subprocess.run(["rm", "-r", folder], check=True)
    folder.write_text("mine\n")
    pushed.edit(BASHRC, "# new")
    assert SERVER in ask(pushed).kept
    assert folder.read_text() == "mine\n"
    pushed.edit(SERVER, "# new")
    forced_and_undone(pushed, SERVER)


def test_a_new_folder_where_the_user_has_a_file(pushed: Project) -> None:
    (pushed.home / f"{OWN}/more").write_text("mine\n")
    (pushed.pieces / f"{OWN}/more").mkdir()
    (pushed.pieces / f"{OWN}/more/new").write_text("new\n")
    forced_and_undone(pushed, f"{OWN}/more/new")


def test_a_new_file_where_the_user_has_a_folder(pushed: Project) -> None:
    (pushed.home / f"{OWN}/more").mkdir()
    (pushed.home / f"{OWN}/more/mine").write_text("mine\n")
    (pushed.pieces / f"{OWN}/more").write_text("new\n")
    forced_and_undone(pushed, f"{OWN}/more")


def test_a_link_to_nowhere_in_the_place_of_a_file(pushed: Project) -> None:
    at = pushed.home / TMUX
    at.unlink()
    at.symlink_to("nowhere")
    pushed.edit(BASHRC, "# new")
    assert ask(pushed).kept == [TMUX]
    assert at.is_symlink()
    pushed.edit(TMUX, "# new")
    forced_and_undone(pushed, TMUX)


@pytest.mark.parametrize("first", ["file", "folder"])
def test_the_template_turns_a_file_into_a_folder_or_back(
    project: Project, first: str
) -> None:
    at = project.pieces / f"{OWN}/more"

    def be(what: str) -> None:
        subprocess.run(["rm", "-rf", at], check=True)
        if what == "folder":
            at.mkdir()
        (at / "x" if what == "folder" else at).write_text(what)

    be(first)
    ask(project)
    before = visible(project.home)
    be({"file": "folder", "folder": "file"}[first])
    ask(project)
    assert {*visible(project.home)} != {*before}
    assert not differences(
        {k: v for k, (_, v) in visible(project.home).items()},
        {
            str(p.relative_to(project.pieces)): p.read_bytes()
            for p in project.pieces.rglob("*")
            if p.is_file()
        },
    )
    ask(project, "undo_home")
    assert visible(project.home) == before


# Immutable, or not ours to write


@pytest.fixture
def immutable() -> Iterator[Callable[[Path], Path]]:
    """Makes a file immutable, until the test's end."""
    files: list[Path] = []

    def make(path: Path) -> Path:
        path = path.resolve()
        done = subprocess.run(["chattr", "+i", path], capture_output=True, check=False)
        if done.returncode:
            pytest.skip("this file system knows no immutable files")
        files.append(path)
        return path

    yield make
    for path in files:
        subprocess.run(["chattr", "-i", path], check=False)


def mutable(path: Path) -> None:
    subprocess.run(["chattr", "-i", path], check=True)


@pytest.mark.needs("root", "chattr")
def test_an_immutable_bashrc(
    project: Project, immutable: Callable[[Path], Path]
) -> None:
    bashrc = project.home / ".bashrc"
    bashrc.write_text("mine\n")
    immutable(bashrc)
    assert "no aliases there" in ask(project).notes[0]
    assert (project.home / TMUX).exists()
    assert bashrc.read_text() == "mine\n"
    mutable(bashrc)
    assert not ask(project).notes
    assert "titanic" in bashrc.read_text()
    immutable(bashrc)
    with pytest.raises(Problem) as caught:
        ask(project, "remove_home")
    assert ".bashrc" in caught.value.what
    assert "Operation not permitted" in caught.value.what
    assert "in use there any more" in caught.value.unchanged
    assert not sees(project.home)
    mutable(bashrc)
    ask(project, "remove_home")
    assert bashrc.read_text() == "mine\n"
    assert not sees(project.home)


@pytest.mark.needs("root", "chattr")
def test_immutable_dotfile(pushed: Project, immutable: Callable[[Path], Path]) -> None:
    old = immutable(pushed.home / TMUX)
    pushed.edit(TMUX, "# new")
    ask(pushed)
    assert (pushed.home / TMUX).read_text().endswith("# new\n")
    ask(pushed, "undo_home")
    assert (pushed.home / TMUX).resolve() == old
    with pytest.raises(Problem) as caught:
        ask(pushed, "remove_home")
    assert "Operation not permitted" in caught.value.what
    assert "Nothing of the project is in use" in caught.value.unchanged
    assert not sees(pushed.home)
    assert not (pushed.home / OWN).is_symlink()
    mutable(old)
    ask(pushed, "remove_home")
    assert not (pushed.home / ".local/state/remote-lab/titanic").exists()


def powerless(project: Project, *words: str) -> Completed:
    """Run ./remote with no more rights than anybody; root may else write anywhere."""
    drop = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search,-fowner"]
    return project.laptop.run(*drop, "./remote", *words, cwd=project.root, check=False)


@pytest.mark.needs("root", "setpriv")
@pytest.mark.parametrize(
    "place", ["", ".config", ".config/systemd", ".local/state/remote-lab/titanic", OWN]
)
def test_a_folder_that_may_not_be_written(project: Project, place: str) -> None:
    (project.home / ".bashrc").write_text("mine\n")
    if place == OWN or "state" in place:
        ask(project)
    at = project.home / place
    at.mkdir(parents=True, exist_ok=True)
    project.edit(TMUX, "# new")
    before = sees(project.home)
    at.resolve().chmod(0o500)
    done = powerless(project, "push", "--only", "home")
    at.resolve().chmod(0o700)
    assert "Traceback" not in done.stderr
    assert done.returncode == 1, done.stderr
    assert "Permission denied" in done.stderr
    assert "is as it was" in done.stderr
    assert sees(project.home) == before
    done = powerless(project, "push", "--only", "home")
    assert done.returncode == 0, done.stderr
    assert sees(project.home)[TMUX].endswith(b"# new\n")
    left = {path.name for path in (project.state / "generations").iterdir()}
    assert all(name.isdigit() for name in left), left


@pytest.mark.needs("root", "setpriv")
def test_generations_that_hold_a_folder_of_the_users_that_is_not_to_be_written(
    pushed: Project,
) -> None:
    own = pushed.home / f"{OWN}/own"
    own.mkdir()
    (own / "mine").write_text("mine\n")
    own.chmod(0o500)
    for number in range(7):
        pushed.edit(TMUX, f"# {number}")
        done = powerless(pushed, "push", "--only", "home")
        assert done.returncode == 0, done.stderr
    kept = sorted(int(p.name) for p in (pushed.state / "generations").iterdir())
    assert kept == [4, 5, 6, 7, 8]
    done = powerless(pushed, "remove")
    assert done.returncode == 0, done.stderr
    assert not pushed.state.exists()
