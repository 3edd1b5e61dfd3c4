"""Git deletes and replaces notebooks that it ignores: their former content is kept."""

from __future__ import annotations

import os
import re
import shutil
import time
from pathlib import Path

import pytest
from pairing import NOTEBOOK, SCRIPT, Repo, cell_of
from process import Completed

from remote_lab.laptop import git_hooks
from remote_lab.pairs.sync_state import SyncState

COPY = re.compile(r"^  (cp -R .+)$", re.MULTILINE)
STORE = ".git/remote-lab/notebooks"


def use_hooks(repo: Repo) -> None:
    """As setup installs them."""
    for name in git_hooks.AFTER:
        hook = repo.root / ".git/hooks" / name
        hook.write_text(f"#!/bin/sh\nexec {repo.door.command} refresh\n")


@pytest.fixture
def mine(repo: Repo) -> Repo:
    """A project with the hooks, and an output that was saved since they ran."""
    use_hooks(repo)
    save(repo)
    return repo


def save(repo: Repo, text: str = "hours of work\n") -> None:
    """Save an output, into the file that is there, as JupyterLab and VS Code do."""
    notebook = repo.notebook()
    (cell,) = [cell for cell in notebook["cells"] if cell["source"] == "x = 1"]
    cell["outputs"] = cell_of("code", "x = 1", "", output=text)["outputs"]
    number = repo.path(NOTEBOOK).stat().st_ino
    repo.keep(NOTEBOOK, notebook)
    assert repo.path(NOTEBOOK).stat().st_ino == number


def track_notebooks(repo: Repo) -> None:
    """On the branch `both`, a teammate changes the answer."""
    repo.git("branch", "both")
    repo.git("worktree", "add", "-q", repo.root.parent / "theirs", "both")
    theirs = repo.at(repo.root.parent / "theirs")
    for name in ("remote.toml", ".gitignore"):
        text = theirs.read(name).replace("/notebooks/**/*.ipynb", "")
        theirs.write(name, text.replace('_git = "scripts"', '_git = "both"'))
    theirs.save(NOTEBOOK, [("code", "x = 1")])
    theirs.git("add", "-A")
    theirs.git("commit", "-q", "--no-verify", "-m", "both")
    repo.git("worktree", "remove", "--force", theirs.root)
    # The teammate has it in another repository.
    shutil.rmtree(repo.path(STORE) / "worktrees", ignore_errors=True)


def copied_back(repo: Repo, done: Completed) -> bool:
    """Whether the printed command brings the outputs back."""
    (command,) = COPY.findall(done.stderr)
    repo.call("sh", "-c", command)
    return repo.outputs()["x = 1"] == "hours of work\n"


@pytest.mark.parametrize("command", ["merge", "checkout", "rebase"])
def test_a_commit_begins_to_track_them(mine: Repo, command: str) -> None:
    track_notebooks(mine)
    done = mine.git(command, "-q", "both")
    assert "hours of work" not in mine.read(NOTEBOOK)
    assert NOTEBOOK in done.stderr
    assert copied_back(mine, done)
    # It is printed once, and the hooks have nothing more to do.
    assert not mine.path(f"{STORE}/main").exists()
    assert not mine.git("commit", "-q", "--allow-empty", "-m", "x").stderr


def test_back_again(mine: Repo) -> None:
    """The next content under that name does not replace the former one."""
    track_notebooks(mine)
    first = mine.git("checkout", "-q", "both")
    mine.git("checkout", "-q", "main")
    save(mine, "more\n")
    mine.git("checkout", "-q", "both")
    assert copied_back(mine, first)


def test_a_worktree_is_removed(mine: Repo) -> None:
    mine.git("worktree", "add", "-q", mine.root.parent / "more", "-b", "more")
    more = mine.at(mine.root.parent / "more")
    save(more)
    mine.git("worktree", "remove", more.root)  # git does not even ask for --force
    assert not more.root.exists()
    done = mine.program("sync", check=True)
    (command,) = COPY.findall(done.stderr)
    mine.call("sh", "-c", command)
    assert "hours of work" in mine.read(f"notebooks-of-more/{NOTEBOOK}")
    assert not COPY.findall(mine.program("sync", check=True).stderr)


def leave_out_notebooks(repo: Repo) -> None:
    repo.git("status")  # of a copy, git would think that all was edited
    repo.git("sparse-checkout", "set", "remote_lab")
    assert not repo.path(NOTEBOOK).exists()


def test_a_sparse_checkout_deletes_them(mine: Repo) -> None:
    leave_out_notebooks(mine)  # this calls no hook
    done = mine.git("commit", "-q", "--allow-empty", "-m", "x")
    mine.git("sparse-checkout", "disable")
    assert copied_back(mine, done)


def test_a_rename_and_a_save_by_rename_are_no_loss(mine: Repo) -> None:
    for suffix in (".py", ".ipynb"):
        mine.path(f"notebooks/a{suffix}").rename(mine.path(f"notebooks/b{suffix}"))
    assert not COPY.findall(mine.program("sync", check=True).stderr)
    fresh, path = mine.path("fresh"), mine.path("notebooks/b.ipynb")
    shutil.copyfile(path, fresh)
    fresh.replace(path)
    assert not COPY.findall(mine.program("sync", check=True).stderr)
    kept = [it for it in mine.path(STORE).rglob("*") if it.is_file()]
    assert [it.name for it in kept if it.samefile(path)] == ["b.ipynb"]
    assert len([it for it in kept if it.name in ("a.ipynb", "b.ipynb")]) == 1


def test_links_leave_the_pairs_in_sync(mine: Repo) -> None:
    """A link changes the time of a file's status, and that is no edit."""
    mine.program("sync", check=True)
    time.sleep(0.05)  # older than a tick, see TICK
    mine.program("sync", check=True)
    shutil.rmtree(mine.path(STORE))
    mine.program("sync", check=True)
    assert mine.path(f"{STORE}/main/{NOTEBOOK}").samefile(mine.path(NOTEBOOK))
    state = SyncState(str(mine.root))
    assert state.is_in_sync()


def test_what_is_kept_is_bounded(mine: Repo) -> None:
    track_notebooks(mine)
    mine.git("checkout", "-q", "both")
    (former,) = mine.path(f"{STORE}/former").iterdir()
    old = time.time() - 15 * 86400
    os.utime(former, (old, old))
    mine.program("sync", check=True)
    assert not former.exists()


@pytest.mark.parametrize("lost", [False, True])
def test_uninstall_leaves_what_git_deleted(mine: Repo, lost: bool) -> None:
    if lost:
        leave_out_notebooks(mine)
    folder: Path | None = git_hooks.kept_notebooks(mine.root)
    assert (folder is not None) == mine.path(STORE).exists() == lost
    if folder:
        assert "hours of work" in (folder / "main" / NOTEBOOK).read_text()
    else:
        assert "hours of work" in mine.read(NOTEBOOK)
    assert mine.path(SCRIPT).exists() != lost
