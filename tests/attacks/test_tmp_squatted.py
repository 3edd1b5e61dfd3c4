"""Another account is first in /tmp, with a folder, a file, a link or a fifo."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from checks import STAND_IN, reaches
from laptop import Laptop
from loopback import Loopback
from project import Project, rendered
from test_launcher import Home

from remote_lab.remote_programs import LAB

SH = Path(__file__).parents[2] / "src/remote_lab/sh"
NOBODY = 65534


def others_folder(at: Path) -> None:
    """A folder of another account, which only root can make."""
    if os.getuid():
        pytest.skip("only root can make another account's folder")
    at.mkdir(mode=0o777)
    os.chown(at, NOBODY, NOBODY)


def link_to_ours(at: Path) -> None:
    """A link to a folder that is this account's, but where the link's owner likes."""
    (at.parent / f"{at.name}.to").mkdir()
    at.symlink_to(at.parent / f"{at.name}.to")


WAYS: list[Callable[[Path], object]] = [
    others_folder,
    link_to_ours,
    lambda at: at.touch(),
    lambda at: at.symlink_to(at.parent / "nowhere"),
    lambda at: os.mkfifo(at),
]
squats = pytest.mark.parametrize(
    "squat", WAYS, ids=["folder", "link", "file", "dangling", "fifo"]
)


def away(at: Path) -> None:
    """Delete what lies there, whatever it is."""
    shutil.rmtree(f"{at}.to", ignore_errors=True)
    if at.is_dir() and not at.is_symlink():
        shutil.rmtree(at)
    else:
        at.unlink(missing_ok=True)


@pytest.fixture(params=["socket", "port"])
def home(request: pytest.FixtureRequest) -> Iterator[Home]:
    """A home whose path is too long for sockets."""
    folder = Path(tempfile.mkdtemp(prefix="a-home-", dir="/tmp"))
    answers = {"project_name": "My Lab", "lab_listen": request.param}
    project = rendered(tuple(sorted(answers.items())))
    home = Home(folder / ("long" * 10), project, ["dash"])
    yield home
    for process in home.started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    shutil.rmtree(folder)


def folder_of(home: Home) -> Path:
    """Where a lab that was just started has its sockets."""
    (run,) = [word for word in home.said().splitlines() if "RUNTIME_DIR=" in word]
    return Path(run.partition("=")[2])


@squats
def test_the_lab_starts_all_the_same(home: Home, squat: Callable[[Path], None]) -> None:
    digest = hashlib.sha256(bytes(home.state)).hexdigest()[:8]
    taken = Path(f"/tmp/remote-lab-{os.getuid()}-{digest}")
    try:
        squat(taken)
        first = home.start("lab")
        run = folder_of(home)
        info = run.lstat()
        assert (info.st_mode, info.st_uid) == (0o40700, os.getuid())
        assert run.parent == Path("/tmp")
        assert run != taken
        assert f"{taken} is no folder of yours" in home.log()
        # The next start has the same one: they do not pile up.
        first.kill()
        first.wait()
        (home.root / "said").unlink()
        home.start("lab")
        assert folder_of(home) == run
        shell(home.root, "sockets_away", slug="my-lab")
        assert not run.exists()
        assert os.path.lexists(taken)
    finally:
        away(taken)


@squats
def test_a_remove_deletes_no_other_than_ours(
    tmp_path: Path, squat: Callable[[Path], None]
) -> None:
    at = Path(tempfile.mkdtemp(prefix="remote-lab-", dir="/tmp"))
    at.rmdir()
    state = tmp_path / ".local/state/remote-lab/titanic"
    state.mkdir(parents=True)
    (state / "lab.addr").write_text(f"pid=1\nsocket={at}/lab.sock\n")
    try:
        squat(at)
        shell(tmp_path, "sockets_away")
        assert os.path.lexists(at)
    finally:
        away(at)


def shell(home: Path, main: str, slug: str = "titanic", **env: str) -> str:
    """What the remote's programs say, for an account with no systemd."""
    parts = [(SH / f"{name}.sh").read_text() for name in ("state", *LAB, "back")]
    lines = [f"slug={slug} dir=lab service=auto", *parts]
    lines += ["user_manager() { return 1; }", main]
    done = subprocess.run(
        ["dash", "-c", "\n".join(lines)],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "HOME": str(home), **env},
    )
    assert not done.stderr
    return done.stdout


@pytest.mark.needs("tmux")
@squats
def test_tmux_is_not_chosen_where_its_folder_is_anothers(
    tmp_path: Path, squat: Callable[[Path], None]
) -> None:
    at, pick = tmp_path / f"tmux-{os.getuid()}", "backend_pick; say picked $backend"
    env = {"TMUX_TMPDIR": str(tmp_path)}
    assert shell(tmp_path, pick, **env) == "picked\ttmux\n"
    squat(at)
    assert shell(tmp_path, pick, **env) == f"tmuxless\t{at}\npicked\tprocess\n"
    assert shell(tmp_path, "backend_do tmux ready", **env) == f"noroom\t{at}\n"


@pytest.mark.needs("uv", "nss_wrapper", "git", "tmux", "sshd")
def test_auto_says_why_it_is_not_tmux(
    laptop: Laptop, loopback: Loopback, tmp_path: Path
) -> None:
    at = tmp_path / f"tmux-{os.getuid()}"
    at.touch()
    (loopback.home / ".bashrc").write_text(f"export TMUX_TMPDIR={tmp_path}\n")
    project = Project.rendered(laptop, reaches(loopback))
    project.remote("push", "--only", "home")
    subprocess.run(["sh", "-c", STAND_IN], cwd=loopback.home, check=True)
    said = project.remote("lab", "start").stderr
    assert f"tmux can't make its socket in {at}" in said
    assert "managed by process" in said
    # Once, when it is decided.
    assert "tmux" not in project.remote("lab", "restart").stderr
    project.remote("lab", "stop")
