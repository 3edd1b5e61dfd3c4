"""What git does with files, and the pairs in them: branches, merges, odd commits."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from pairing import MODES, NOTEBOOK, SCRIPT, Repo, scenario

each_mode = pytest.mark.parametrize("repo", MODES, indirect=True)
NEW = ("code", "x = 10")


def committed(repo: Repo, name: str, old: str = "x = 1", new: str = "x = 10") -> None:
    """Edit, and commit both sides."""
    repo.edit(name, old, new)
    repo.git("add", "-A")
    assert repo.commit() != "refused", repo.said
    repo.in_step()


def branch(repo: Repo, name: str, old: str, new: str) -> None:
    """Commit an edit on a new branch, and come back to main."""
    repo.git("checkout", "-q", "-b", name)
    committed(repo, SCRIPT, old, new)
    repo.git("checkout", "-q", "main")
    assert repo.in_step() == list(repo.cells(SCRIPT))


@scenario("`git commit -a`", scripts="at once", with_notebooks="second try")
def test_commit_all(repo: Repo, ending: str) -> None:
    """As after `git add`."""
    repo.edit(SCRIPT, "x = 1", "x = 10")
    assert repo.commit("-a") == ending
    assert NEW in repo.in_step()


@scenario("`git commit --amend`", all="second try")
def test_amend(repo: Repo, ending: str) -> None:
    """As any commit."""
    committed(repo, SCRIPT)
    repo.edit(NOTEBOOK, "x = 10", "x = 11")
    repo.git("add", "-A")
    assert repo.commit("--amend") == ending
    assert ("code", "x = 11") in repo.in_step()
    assert repo.git("rev-list", "--count", "HEAD").stdout.strip() == "2"


@scenario("`git commit --amend` with nothing new", all="at once")
def test_amend_message(repo: Repo, ending: str) -> None:
    """Only the message changes."""
    committed(repo, SCRIPT)
    assert repo.commit("--amend") == ending
    assert NEW in repo.in_step()


@scenario("Another branch was checked out", all="at once")
def test_checkout(repo: Repo, ending: str) -> None:
    """The notebooks are updated, and keep the outputs of unchanged cells."""
    branch(repo, "side", "x = 1", "x = 10")
    assert ("code", "x = 1") in repo.in_step()
    repo.git("checkout", "-q", "side")
    assert NEW in repo.in_step()
    if repo.mode == "scripts":
        assert "y = 2" in repo.outputs()
    repo.more()
    assert repo.commit() == ending


@scenario("A notebook was edited, and another branch checked out", scripts="refused")
def test_checkout_edited(repo: Repo, ending: str) -> None:
    """It is not changed, with a warning; the next commit of the pair asks you."""
    branch(repo, "side", "x = 1", "x = 10")
    repo.edit(NOTEBOOK, "y = 2", "y = 20")
    done = repo.git("checkout", "side")
    assert NOTEBOOK in done.stderr
    assert ("code", "y = 20") in repo.cells(NOTEBOOK)
    repo.edit(SCRIPT, "x = 10", "x = 11")
    repo.git("add", "-A")
    assert repo.commit() == ending
    for _, chosen in repo.each_way_out():
        chosen.in_step()


@scenario("A branch that lacks the pair was checked out", scripts="at once")
def test_parked(repo: Repo, ending: str) -> None:
    """The notebook waits there, untouched, for its script to come back."""
    repo.git("checkout", "-q", "-b", "without")
    repo.git("rm", "-q", SCRIPT)
    repo.path(NOTEBOOK).rename(repo.root / "kept")
    assert repo.commit() == "at once"
    (repo.root / "kept").rename(repo.path(NOTEBOOK))
    repo.git("checkout", "-q", "main")
    before = repo.read(NOTEBOOK)
    repo.git("checkout", "-q", "without")
    assert repo.read(NOTEBOOK) == before
    repo.more()
    assert repo.commit() == ending
    assert not repo.path(SCRIPT).exists()
    repo.git("checkout", "-q", "main")
    assert repo.read(NOTEBOOK) == before
    repo.in_step()


@scenario("Two branches were merged that each edit another cell", all="at once")
def test_merge(repo: Repo, ending: str) -> None:
    """Git merges the scripts; where it has notebooks, those as well."""
    branch(repo, "side", "# Title", "# Other")
    committed(repo, SCRIPT, "x\n", "x + 1\n")
    done = repo.git("merge", "-q", "side", check=False)
    if done.returncode:
        mend(repo)
    sources = [source for _, source in repo.in_step()]
    assert sources == ["# Other", "x = 1", "y = 2", "x + 1"]
    repo.more()
    assert repo.commit() == ending


def mend(repo: Repo) -> None:
    """Resolve a merge as docs/notebooks.md has it: the script, then the notebook."""
    script = re.sub("^(<<<<<<<|>>>>>>>).*\n", "", repo.read(SCRIPT), flags=re.M)
    repo.write(SCRIPT, script.replace("=======\n", "\n# %%\n"))
    repo.type(f"./remote pairs --from script {SCRIPT}")
    repo.git("add", "-A")
    assert repo.commit() == "at once", repo.said


@scenario("Two branches were merged that each append a cell", all="refused")
def test_merge_appends(repo: Repo, ending: str) -> None:
    """Git sees a conflict. Resolve the script, then `./remote pairs --from script`."""
    repo.git("checkout", "-q", "-b", "side")
    repo.append(SCRIPT, "side = 1")
    repo.git("add", "-A")
    repo.commit()
    repo.git("checkout", "-q", "main")
    repo.append(SCRIPT, "main = 1")
    repo.git("add", "-A")
    repo.commit()
    assert repo.git("merge", "-q", "side", check=False).returncode
    before = {name: repo.read(name) for name in (SCRIPT, NOTEBOOK)}
    repo.program("refresh", check=True)
    repo.program("sync")
    assert {name: repo.read(name) for name in (SCRIPT, NOTEBOOK)} == before
    repo.git("add", "-A")
    assert repo.commit() == ending
    mend(repo)
    sources = [source for _, source in repo.in_step()]
    assert sorted(sources[4:]) == ["main = 1", "side = 1"]
    assert len(repo.git("show", "-s", "--format=%P").stdout.split()) == 2


@scenario("A rebase meets a conflict", all="refused")
def test_rebase(repo: Repo, ending: str) -> None:
    """The same way out, then `git rebase --continue`."""
    branch(repo, "side", "x = 1", "x = 10")
    committed(repo, SCRIPT, "x = 1", "x = 20")
    assert repo.git("rebase", "-q", "side", check=False).returncode
    assert "<<<<<<<" in repo.read(SCRIPT)
    repo.git("add", "-A")
    assert repo.commit() == ending
    text = repo.read(SCRIPT)
    ours, theirs = text.index("<<<<<<<"), text.index(">>>>>>>")
    end = text.index("\n", theirs)
    repo.write(SCRIPT, f"{text[:ours]}x = 30{text[end:]}")
    repo.type(f"./remote pairs --from script {SCRIPT}")
    repo.git("add", "-A")
    repo.git("rebase", "--continue")
    assert ("code", "x = 30") in repo.in_step()
    assert not repo.git("status", "--porcelain").stdout


@scenario("A rebase without conflicts", all="at once")
def test_clean_rebase(repo: Repo, ending: str) -> None:
    """The notebooks are updated at its end."""
    branch(repo, "side", "# Title", "# Other")
    repo.more()
    assert repo.commit() == ending
    repo.git("rebase", "-q", "side")
    assert ("markdown", "# Other") in repo.in_step()


@scenario("A commit was picked, reverted, stashed and popped", all="at once")
def test_pick_revert_stash(repo: Repo, ending: str) -> None:
    """The notebooks are in sync at the next commit at the latest."""
    branch(repo, "side", "x = 1", "x = 10")
    repo.git("cherry-pick", "side")
    assert NEW in repo.in_step()
    repo.git("revert", "--no-edit", "HEAD")
    assert ("code", "x = 1") in repo.in_step()
    repo.edit(SCRIPT, "y = 2", "y = 20")
    repo.program("sync", check=True)
    repo.git("stash", "-q")
    repo.git("stash", "pop", "-q")
    repo.git("add", "-A")
    assert repo.commit() == ending
    assert ("code", "y = 20") in repo.in_step()


@scenario("`git reset --hard`, and on", scripts="at once", with_notebooks="second try")
def test_reset(repo: Repo, ending: str) -> None:
    """Git calls no hook then: the next commit brings the notebooks in sync."""
    committed(repo, SCRIPT)
    repo.git("reset", "-q", "--hard", "HEAD~1")
    repo.edit(SCRIPT, "y = 2", "y = 20")
    repo.git("add", "-A")
    assert repo.commit() == ending
    assert [source for _, source in repo.in_step()] == [
        "# Title",
        "x = 1",
        "y = 20",
        "x",
    ]


@scenario("A fresh clone, its files' times in any order", all="at once")
@pytest.mark.parametrize("newer", [SCRIPT, NOTEBOOK])
def test_clone(repo: Repo, ending: str, newer: str) -> None:
    """`./remote setup` makes the notebooks; no time is trusted."""
    committed(repo, SCRIPT)
    clone = repo.at(repo.root.parent / "clone")
    repo.git("clone", "-q", ".", clone.root)
    clone.use_hooks()
    clone.program("refresh", check=True)
    clone.touch(newer, 1000)
    assert NEW in clone.in_step()
    clone.more()
    assert clone.commit() == ending
    assert not clone.git("status", "--porcelain").stdout
    # And with the first edit there.
    clone.edit(NOTEBOOK, "y = 2", "y = 20")
    clone.touch(SCRIPT, 2000)
    clone.git("add", "-A")
    assert clone.commit() == "second try"
    assert ("code", "y = 20") in clone.in_step()


@scenario("`git pull`", all="at once")
@pytest.mark.parametrize("how", ["--ff-only", "--rebase", "--no-rebase"])
def test_pull(repo: Repo, ending: str, how: str) -> None:
    """The notebooks are updated."""
    clone = repo.at(repo.root.parent / "clone")
    repo.git("clone", "-q", ".", clone.root)
    clone.use_hooks()
    clone.program("refresh", check=True)
    committed(repo, SCRIPT)
    if how != "--ff-only":
        clone.more()
        assert clone.commit() == ending
    clone.git("pull", "-q", how)
    assert NEW in clone.in_step()


@scenario("A linked working tree (`git worktree`)", all="second try")
def test_worktree(repo: Repo, ending: str) -> None:
    """It has notebooks of its own, and its own sync state."""
    linked = repo.at(repo.root.parent / "linked")
    repo.git("worktree", "add", "-q", "-b", "side", linked.root)
    linked.program("refresh", check=True)
    linked.in_step()
    edit_comes_through(linked, ending)
    assert ("code", "x = 1") in repo.in_step()
    committed(repo, NOTEBOOK, "y = 2", "y = 20")
    assert NEW in linked.in_step()


@scenario("The project is a submodule", all="second try")
def test_submodule(repo: Repo, ending: str) -> None:
    """As any other project."""
    outer = repo.root.parent / "outer"
    repo.git("init", "-q", outer)
    add = ("-c", "protocol.file.allow=always", "submodule", "-q", "add")
    repo.git("-C", outer, *add, repo.root, "inner")
    inner = repo.at(outer / "inner")
    assert (inner.root / ".git").is_file()
    inner.use_hooks()
    inner.program("refresh", check=True)
    inner.in_step()
    edit_comes_through(inner, ending)


def edit_comes_through(repo: Repo, ending: str) -> None:
    """Edit the notebook of a working tree, and commit it there."""
    repo.edit(NOTEBOOK, "x = 1", "x = 10")
    repo.git("add", "-A")
    assert repo.commit() == ending
    assert NEW in repo.in_step()


@scenario("A detached HEAD", all="second try")
def test_detached(repo: Repo, ending: str) -> None:
    """As on a branch."""
    repo.git("checkout", "-q", "--detach")
    repo.edit(NOTEBOOK, "x = 1", "x = 10")
    repo.git("add", "-A")
    assert repo.commit() == ending
    assert NEW in repo.in_step()
    repo.git("checkout", "-q", "main")
    assert ("code", "x = 1") in repo.in_step()


@scenario("The first commit of a repository", all="at once")
def test_first_commit(repo: Repo, ending: str) -> None:
    """There is no commit yet to compare with."""
    git = repo.root / ".git"
    git.rename(repo.root.parent / "old")
    repo.git("init", "-q", "-b", "main")
    repo.use_hooks()
    repo.git("add", "-A")
    assert repo.commit() == ending
    repo.in_step()


@each_mode
def test_from_a_folder_below(repo: Repo) -> None:
    """git commit, typed in notebooks/: what is printed can be typed there, too."""
    repo.edit(NOTEBOOK, "x = 1", "x = 10")
    below = repo.at(repo.path("notebooks"))
    below.git("add", "-A", ".")
    assert below.git("commit", "-qm", "work", check=False).returncode
    repo.git("add", "-A")
    assert repo.commit() == "at once"
    assert NEW in repo.in_step()


@pytest.mark.parametrize("repo", ["scripts"], indirect=True)
def test_refresh_never_fails(repo: Repo) -> None:
    """A hook that fails after the fact is of no use to anybody."""
    repo.write(SCRIPT, "# ---\n# - [:\n# ---\n\n# %%\nx = 1\n")
    repo.write("notebooks/b.ipynb", "{")
    repo.write("notebooks/b.py", "# %%\nx = 1\n")
    assert repo.program("refresh").returncode == 0
    assert repo.read("notebooks/b.ipynb") == "{"
    record = next(Path(repo.root, ".git").glob("*pairs*"))
    record.write_text("broken")
    assert repo.program("refresh").returncode == 0
    os.truncate(record, 0)
    assert repo.program("refresh").returncode == 0
