"""A branch that is merged or checked out: nothing of it runs by git's hooks."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from image import cache_folder
from laptop import PASSED_ON
from pairing import NOTEBOOK, SCRIPT, Repo

from remote_lab.errors import Problem
from remote_lab.laptop import git_hooks
from remote_lab.push import pairs_program

pytestmark = pytest.mark.needs("uv", "network")

# Each leaves a mark where it is run, or imported.
PYTHON = "open({mark!r}, 'a').write(__file__ + chr(10))\n"
SHELL = "echo \"$0\" >>'{mark}'\n"
HOSTILE = {
    "remote_lab/pairs/hook.sh": SHELL,  # which former versions ran
    "remote_lab/pairs/__main__.py": PYTHON,
    "remote_lab/pairs/__init__.py": PYTHON,
    "remote_lab/__init__.py": PYTHON,
    "remote": PYTHON,
    "json.py": PYTHON,
    "black.py": PYTHON,
    "jupytext.py": PYTHON,
    "pre_commit/__main__.py": PYTHON,
    "pre_commit/__init__.py": PYTHON,
    "yaml.py": PYTHON,
    "sitecustomize.py": PYTHON,
    "notebooks/json.py": PYTHON,
    "notebooks/black.py": PYTHON,
    "notebooks/jupytext.py": PYTHON,
    ".pythonrc": PYTHON,
    ".python-version": "3.99\n",
    "uv.toml": '[[index]]\nurl = "http://127.0.0.1:9/"\ndefault = true\n',
}


@pytest.fixture
def hooked(repo: Repo) -> Repo:
    """A project with the hooks that setup installs."""
    passed = {name: os.environ[name] for name in os.environ if PASSED_ON.match(name)}
    cache = os.environ.get("UV_CACHE_DIR") or str(Path.home() / ".cache" / "uv")
    repo.env |= passed | {"UV_CACHE_DIR": cache, "UV_PYTHON_DOWNLOADS": "never"}
    repo.env["PRE_COMMIT_HOME"] = str(cache_folder() / "pre-commit")
    for hook in (repo.root / ".git/hooks").iterdir():
        hook.unlink()
    git_hooks.install(repo.root)
    return repo


def hostile_branch(repo: Repo) -> Path:
    """A branch with files that would leave a mark; where the mark would be."""
    mark = repo.root.parent / "mark"
    repo.git("branch", "hostile")
    repo.git("worktree", "add", "-q", repo.root.parent / "theirs", "hostile")
    theirs = repo.at(repo.root.parent / "theirs")
    for name, text in HOSTILE.items():
        theirs.write(name, text.format(mark=str(mark)))
    script = theirs.read(SCRIPT).replace("x = 1", "x = 3")
    theirs.write(SCRIPT, script)
    theirs.git("add", "-f", *HOSTILE, SCRIPT)
    theirs.git("commit", "-q", "--no-verify", "-m", "hostile")
    repo.git("worktree", "remove", "--force", theirs.root)
    mark.unlink(missing_ok=True)
    return mark


def merged(repo: Repo) -> Repo:
    repo.git("merge", "-q", "hostile")
    return repo


def checked_out(repo: Repo) -> Repo:
    repo.git("checkout", "-q", "hostile")
    return repo


def in_a_worktree(repo: Repo) -> Repo:
    other = repo.root.parent / "other"
    repo.git("worktree", "add", "-q", other, "hostile")
    return repo.at(other)


def rebased(repo: Repo) -> Repo:
    repo.write("results/README.md", "mine\n")
    repo.git("commit", "-qam", "mine", "--no-verify")
    repo.git("rebase", "-q", "hostile")
    return repo


@pytest.mark.parametrize("arrive", [merged, checked_out, in_a_worktree, rebased])
def test_nothing_of_a_branch_runs(hooked: Repo, arrive: Callable[[Repo], Repo]) -> None:
    mark = hostile_branch(hooked)
    # As many have it set, for src/ or for the folder that they are in.
    hooked.env["PYTHONPATH"] = "."
    here = arrive(hooked)
    assert not mark.exists(), mark.read_text()
    assert ("code", "x = 3") in here.cells(NOTEBOOK)  # our own program has run
    here.env.pop("PYTHONPATH", None)  # pre-commit hands it on to each of its hooks
    here.edit(SCRIPT, "x = 3", "x=4;")
    here.git("add", "-A")
    assert here.commit() == "second try", here.said
    assert ("code", "x = 4;") in here.in_git(SCRIPT)
    assert not mark.exists(), mark.read_text()


def test_jupytexts_settings_are_no_program(hooked: Repo) -> None:
    mark = hooked.root.parent / "mark"
    hooked.write("notebooks/.jupytext.py", PYTHON.format(mark=str(mark)))
    hooked.edit(SCRIPT, "x = 1", "x = 2")
    hooked.git("add", "-A")
    assert not hooked.accepts()
    assert "is a program, and is not run" in hooked.said
    assert not mark.exists()


def test_a_commit_without_setup_is_checked_all_the_same(hooked: Repo) -> None:
    """The published hook needs nothing but pre-commit."""
    (hooked.root / ".git/remote-lab/program").rename(hooked.root / ".git/away")
    hooked.edit(SCRIPT, "x = 1", "x=3")
    hooked.git("add", "-A")
    run = (sys.executable, "-I", "-m", "pre_commit", "run", "notebooks")
    done = hooked.call(*run, check=False)
    assert done.returncode == 1
    assert "git add notebooks/a.py" in done.stdout
    assert ("code", "x = 3") in hooked.cells(NOTEBOOK)
    hooked.git("add", "-A")
    assert hooked.call(*run, check=False).returncode == 0


def test_a_new_version_is_noticed_and_installed(
    hooked: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert git_hooks.install(hooked.root) == []
    assert not git_hooks.is_stale(hooked.root)
    newer = tmp_path / "src/remote_lab"
    shutil.copytree(pairs_program.PACKAGE, newer)
    with (newer / "pairs/messages.py").open("a") as file:
        file.write("# new\n")
    monkeypatch.setattr(pairs_program, "PACKAGE", newer)
    assert git_hooks.is_stale(hooked.root)
    assert git_hooks.install(hooked.root) == ["the program"]
    assert not git_hooks.is_stale(hooked.root)
    there = {path.name for path in (hooked.root / ".git/remote-lab").iterdir()}
    assert len(there - {"notebooks"}) == 2  # one program, and the link to it


# A folder of hooks for all of a user's repositories


@pytest.fixture
def everywhere(repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that core.hooksPath names, with a hook of the user's in it."""
    folder = tmp_path / "all hooks"
    folder.mkdir()
    (folder / "post-commit").write_bytes(b"#!/bin/sh\ntrue")
    config = tmp_path / "gitconfig"
    config.write_text(f'[core]\nhooksPath = "{folder}"\n')
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    repo.env["GIT_CONFIG_GLOBAL"] = str(config)
    for hook in (repo.root / ".git/hooks").iterdir():
        hook.unlink()
    return folder


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.name): p.read_bytes() for p in folder.iterdir() if p.is_file()}


def test_no_hook_outside_of_the_repository(repo: Repo, everywhere: Path) -> None:
    before = files(everywhere)
    with pytest.raises(Problem) as caught:
        git_hooks.install(repo.root)
    assert files(everywhere) == before
    assert not files(repo.root / ".git/hooks")
    # What it advises works as it is typed.
    advice = caught.value.todo
    repo.call("sh", "-c", advice.partition(": ")[2].partition(" && ")[0])
    assert "post-merge" in git_hooks.install(repo.root)
    assert git_hooks.install(repo.root) == []
    assert files(everywhere) == before


def test_a_strangers_repository_runs_nothing(repo: Repo, everywhere: Path) -> None:
    stranger = repo.root.parent / "stranger"
    mark = repo.root.parent / "mark"
    for name, text in HOSTILE.items():
        at = stranger / name
        at.parent.mkdir(parents=True, exist_ok=True)
        at.write_text(text.format(mark=str(mark)))
    (stranger / "remote.toml").write_text('notebooks_in_git = "scripts"\n')
    repo.call("git", "init", "-q", str(stranger))
    repo.call("git", "-C", str(stranger), "add", "-A")
    repo.call("git", "-C", str(stranger), "commit", "-qm", "x", "--no-verify")
    with pytest.raises(Problem):
        git_hooks.install(repo.root)
    repo.call("git", "clone", "-q", str(stranger), str(stranger) + "-clone")
    assert not mark.exists()


FORMER = b"""# >>> remote lab: notebooks follow their scripts >>>
sh remote_lab/pairs/hook.sh refresh uv run remote_lab/pairs/__main__.py refresh || :
# <<< remote lab <<<
"""


@pytest.mark.parametrize("how", [git_hooks.uninstall, git_hooks.install])
def test_a_former_versions_blocks_go(
    repo: Repo, everywhere: Path, how: Callable[[Path], object]
) -> None:
    before = files(everywhere)
    users = everywhere / "post-merge"
    users.write_bytes(b"#!/bin/sh\n" + FORMER + b'git lfs post-merge "$@"\n\xe9')
    (everywhere / "post-checkout").write_bytes(b"#!/bin/sh\n" + FORMER)
    with suppress(Problem):
        how(repo.root)
    users_own = {"post-merge": b'#!/bin/sh\ngit lfs post-merge "$@"\n\xe9'}
    assert files(everywhere) == before | users_own


def test_uninstall_leaves_each_byte(repo: Repo) -> None:
    hooks = repo.root / ".git/hooks"
    for hook in hooks.iterdir():
        hook.unlink()
    (hooks / "post-merge").write_bytes(b"#!/bin/sh")
    (hooks / "post-commit").write_bytes(b"#!/bin/bash\ngit lfs x\n\n\xff")
    (hooks / "pre-commit").write_bytes(b"#!/bin/sh\ntrue # mine\n")
    before = files(hooks)
    git_hooks.install(repo.root)
    assert files(hooks) != before
    git_hooks.uninstall(repo.root)
    assert files(hooks) == before
    assert not list((repo.root / ".git/remote-lab").glob("*"))
    assert git_hooks.uninstall(repo.root) == []


def test_another_repository_in_the_environment(repo: Repo, tmp_path: Path) -> None:
    other = tmp_path / "other"
    subprocess.run(["git", "init", "-q", other], check=True)
    repo.env["GIT_DIR"] = str(other / ".git")
    repo.edit(NOTEBOOK, "x = 1", "x = 2")
    repo.edit(SCRIPT, "x = 1", "x = 3")
    done = repo.program("from-script", SCRIPT, check=True)
    repo.env["GIT_DIR"] = str(repo.root / ".git")
    repo.said = done.stderr
    assert "x = 2" in repo.shown()
