"""The hook under pre-commit and prek, which stash what is not staged meanwhile."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from image import cache_folder
from laptop import PASSED_ON
from pairing import NOTEBOOK, SCRIPT, Repo, cell_of, scenario

from remote_lab.laptop import git_hooks

each_tool = pytest.mark.parametrize("tool", ["pre-commit", "prek"])


def stage(repo: Repo, name: str, text: str) -> None:
    """Stage a text that the file itself does not have: as `git add -p` does."""
    target = repo.root.parent / "staged"
    target.write_text(text)
    blob = repo.git("hash-object", "-w", target).stdout.strip()
    repo.git("update-index", "--add", "--cacheinfo", f"100644,{blob},{name}")


@scenario("Of two edits to the script, one is staged (`git add -p`)", scripts="at once")
@each_tool
@pytest.mark.parametrize("synced", [False, True])
def test_hunk(repo: Repo, ending: str, tool: str, synced: bool) -> None:
    """What is staged is committed; the notebook has both edits afterwards."""
    repo.use_hooks(tool)
    repo.edit(SCRIPT, "x = 1", "x = 10")
    part = repo.read(SCRIPT)
    repo.edit(SCRIPT, "y = 2", "y = 20")
    if synced:
        repo.program("sync", check=True)
    whole = repo.read(SCRIPT)
    stage(repo, SCRIPT, part)
    assert repo.commit() == ending
    assert repo.git("show", f"HEAD:{SCRIPT}").stdout == part
    assert repo.read(SCRIPT) == whole
    assert repo.cells(NOTEBOOK) == repo.cells(SCRIPT)


@each_tool
@pytest.mark.parametrize("repo", ["scripts"], indirect=True)
def test_outputs_of_what_is_not_staged(repo: Repo, tool: str) -> None:
    """A cell that is put away while the hook runs still has its output afterwards."""
    repo.use_hooks(tool)
    part = repo.read(SCRIPT).replace("x = 1", "x = 10")
    repo.edit(NOTEBOOK, "x = 1", "x = 10")
    notebook = repo.notebook()
    notebook["cells"].append(cell_of("code", "print(x)", "new", output="10\n"))
    repo.keep(NOTEBOOK, notebook)
    repo.program("sync", check=True)
    stage(repo, SCRIPT, part)
    assert repo.commit() == "at once"
    assert repo.outputs()["print(x)"] == "10\n"
    assert repo.cells(NOTEBOOK) == repo.cells(SCRIPT)


@scenario("The same, where git has both sides", with_notebooks="second try")
def test_hunk_of_both(repo: Repo, ending: str) -> None:
    """The commit takes the notebook that belongs to what is staged."""
    repo.use_hooks("pre-commit")
    repo.edit(SCRIPT, "x = 1", "x = 10")
    part = repo.read(SCRIPT)
    repo.edit(SCRIPT, "y = 2", "y = 20")
    stage(repo, SCRIPT, part)
    assert repo.commit() == ending
    assert ("code", "x = 10") in repo.in_git(SCRIPT)
    assert repo.in_git(SCRIPT) == repo.in_git(NOTEBOOK)
    assert ("code", "y = 20") in repo.cells(SCRIPT)


@scenario("The script was edited after `git add`", scripts="at once")
def test_edited_after_add(repo: Repo, ending: str) -> None:
    """What was added is committed; the later edit stays, on both sides."""
    repo.use_hooks("pre-commit")
    repo.edit(SCRIPT, "x = 1", "x = 10")
    repo.git("add", "-A")
    repo.edit(SCRIPT, "x = 10", "x = 11")
    assert repo.commit() == ending
    assert ("code", "x = 10") in repo.in_git(SCRIPT)
    assert ("code", "x = 11") in repo.cells(SCRIPT)
    assert repo.cells(NOTEBOOK) == repo.cells(SCRIPT)


@scenario("The notebook was edited after its script was added", scripts="refused")
def test_notebook_edited_after_add(repo: Repo, ending: str) -> None:
    """Both have edits now: you choose."""
    repo.use_hooks("pre-commit")
    repo.edit(SCRIPT, "x = 1", "x = 10")
    repo.git("add", "-A")
    repo.edit(NOTEBOOK, "y = 2", "y = 20")
    assert repo.commit() == ending
    assert ("code", "x = 10") in repo.cells(SCRIPT)
    assert ("code", "y = 20") in repo.cells(NOTEBOOK)
    for _, chosen in repo.each_way_out():
        chosen.in_step()


@scenario(
    "Both were edited, and differ; one of them is added", with_notebooks="refused"
)
@pytest.mark.parametrize("added", [SCRIPT, NOTEBOOK])
def test_one_of_two_edits_added(repo: Repo, ending: str, added: str) -> None:
    """The hook sees that one alone, and asks for the other: then you choose."""
    repo.use_hooks("pre-commit")
    repo.edit(SCRIPT, "x = 1", "x = 10")
    repo.edit(NOTEBOOK, "y = 2", "y = 20")
    repo.git("add", added)
    assert repo.commit() == ending
    assert ("code", "x = 10") in repo.cells(SCRIPT)
    assert ("code", "y = 20") in repo.cells(NOTEBOOK)
    for _, chosen in repo.each_way_out():
        chosen.in_step()


@scenario("Another file is committed; a script has edits, not staged", all="at once")
@each_tool
def test_other_file(repo: Repo, ending: str, tool: str) -> None:
    """The pair is not part of that commit, and keeps its edits."""
    repo.use_hooks(tool)
    repo.edit(SCRIPT, "x = 1", "x = 10")
    before = repo.read(SCRIPT)
    other_file(repo, ending)
    assert repo.read(SCRIPT) == before
    assert ("code", "x = 1") in repo.in_git(SCRIPT)


def other_file(repo: Repo, ending: str) -> None:
    repo.write("results/README.md", "More.\n")
    repo.git("add", "results")
    assert repo.commit() == ending
    assert repo.git("show", "--name-only", "--format=").stdout == "results/README.md\n"


@scenario("Another file is committed; both sides of a pair differ", all="at once")
def test_other_file_both(repo: Repo, ending: str) -> None:
    """The same."""
    repo.use_hooks("pre-commit")
    repo.edit(SCRIPT, "x = 1", "x = 10")
    repo.edit(NOTEBOOK, "y = 2", "y = 20")
    before = [repo.read(name) for name in (SCRIPT, NOTEBOOK)]
    other_file(repo, ending)
    assert [repo.read(name) for name in (SCRIPT, NOTEBOOK)] == before
    repo.git("add", "-A")
    assert repo.commit() == "refused"


@scenario(
    "Another file is committed; a notebook has edits",
    scripts="second try",
    with_notebooks="at once",
)
def test_other_file_notebook(repo: Repo, ending: str) -> None:
    """Git does not see that notebook: its script is updated. Add it, or do not."""
    repo.use_hooks("pre-commit")
    repo.edit(NOTEBOOK, "x = 1", "x = 10")
    repo.write("results/README.md", "More.\n")
    repo.git("add", "results")
    assert repo.commit() == ending
    assert ("code", "x = 10") in repo.cells(NOTEBOOK)
    if repo.mode == "scripts":
        assert ("code", "x = 10") in repo.cells(SCRIPT)


@scenario("`git commit -- FILE`, of the script", scripts="at once")
def test_path(repo: Repo, ending: str) -> None:
    """That file alone is committed, whatever else is staged; its notebook follows."""
    repo.use_hooks("pre-commit")
    repo.edit(SCRIPT, "x = 1", "x = 10")
    repo.write("results/README.md", "More.\n")
    repo.git("add", "results")
    assert repo.commit("--", SCRIPT) == ending
    assert ("code", "x = 10") in repo.in_step()
    assert repo.git("show", "--name-only", "--format=").stdout == f"{SCRIPT}\n"


@scenario("`git commit -- FILE`, of one side of two", with_notebooks="refused")
@pytest.mark.parametrize("name", [SCRIPT, NOTEBOOK])
def test_path_of_one_side(repo: Repo, ending: str, name: str) -> None:
    """Name both: the pair is in sync then, as the first refusal has left it."""
    repo.use_hooks("pre-commit")
    repo.edit(name, "x = 1", "x = 10")
    assert not repo.accepts("--", name)
    assert SCRIPT in repo.said or NOTEBOOK in repo.said
    assert repo.accepts("--", SCRIPT, NOTEBOOK), repo.said
    assert ("code", "x = 10") in repo.in_step()


@pytest.mark.parametrize("repo", ["scripts", "both-stripped"], indirect=True)
@pytest.mark.needs("uv", "network")
def test_as_shipped(repo: Repo) -> None:
    """The configuration, environments and hooks that a project comes with."""
    passed = {
        name: os.environ[name] for name in os.environ if PASSED_ON.fullmatch(name)
    }
    cache = os.environ.get("UV_CACHE_DIR") or str(Path.home() / ".cache" / "uv")
    repo.env |= passed | {"UV_CACHE_DIR": cache, "UV_PYTHON_DOWNLOADS": "never"}
    repo.env["PRE_COMMIT_HOME"] = str(cache_folder() / "pre-commit")
    hooks = repo.root / ".git" / "hooks"
    for hook in hooks.iterdir():
        hook.unlink()
    git_hooks.install(repo.root)
    repo.edit(NOTEBOOK, "x = 1", "x=10;")
    repo.git("add", "-A")
    assert repo.commit() == "second try"
    assert ("code", "x = 10;") in repo.in_step()
    repo.git("checkout", "-q", "HEAD~1")
    assert ("code", "x = 1") in repo.in_step()
