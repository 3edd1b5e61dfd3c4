"""Files that come, go, and are given other names."""

from __future__ import annotations

import pytest
from pairing import BOTH, MODES, NOTEBOOK, SCRIPT, Repo, scenario

NEW_SCRIPT, NEW_NOTEBOOK = "notebooks/sub/b.py", "notebooks/sub/b.ipynb"
TEXT = "# %%\nz = 1\n\n# %%\nz\n"
CELLS = [("code", "z = 1"), ("code", "z")]


def gone(repo: Repo, *names: str) -> None:
    for name in names:
        repo.path(name).unlink()


@scenario("A new script", scripts="at once", with_notebooks="second try")
def test_new_script(repo: Repo, ending: str) -> None:
    """Its notebook is made."""
    repo.write(NEW_SCRIPT, TEXT)
    becomes_a_pair(repo, ending)


def becomes_a_pair(repo: Repo, ending: str) -> None:
    """Commit what is new, and see it on both sides."""
    repo.git("add", "-A")
    assert repo.commit() == ending
    assert repo.cells(NEW_NOTEBOOK) == CELLS == repo.cells(NEW_SCRIPT)
    assert repo.in_git(NEW_SCRIPT) == CELLS
    if repo.mode in BOTH:
        assert repo.in_git(NEW_NOTEBOOK) == CELLS


@pytest.mark.parametrize("repo", ["scripts"], indirect=True)
def test_both_files_are_named(repo: Repo) -> None:
    """As with `--from script notebooks/a.*`: it is one pair."""
    repo.edit(SCRIPT, "x = 1", "x = 10")
    repo.program("from-script", SCRIPT, NOTEBOOK, check=True)
    assert repo.cells(NOTEBOOK) == repo.cells(SCRIPT)


@scenario("A new notebook", all="second try")
def test_new_notebook(repo: Repo, ending: str) -> None:
    """Its script is made."""
    repo.save(NEW_NOTEBOOK, CELLS)
    becomes_a_pair(repo, ending)


@scenario(
    "A new pair, both sides the same",
    scripts="at once",
    with_notebooks="second try",
)
def test_new_pair(repo: Repo, ending: str) -> None:
    """Only the notebook is cleaned for git."""
    repo.save(NEW_NOTEBOOK, CELLS)
    repo.write(NEW_SCRIPT, TEXT)
    repo.git("add", "-A")
    assert repo.commit() == ending
    assert repo.cells(NEW_NOTEBOOK) == CELLS == repo.in_git(NEW_SCRIPT)


@scenario("A new pair, and both sides differ", all="refused")
def test_new_differs(repo: Repo, ending: str) -> None:
    """You choose."""
    repo.save(NEW_NOTEBOOK, CELLS)
    repo.write(NEW_SCRIPT, TEXT.replace("z = 1", "z = 2"))
    repo.git("add", "-A")
    assert repo.commit() == ending
    found = [way[1].in_git(NEW_SCRIPT)[0][1] for way in repo.each_way_out()]
    assert sorted(found) == ["z = 1", "z = 2"]


@scenario("The script was deleted", all="refused")
def test_script_deleted(repo: Repo, ending: str) -> None:
    """You choose: delete the notebook as well, or take the script back from it."""
    gone(repo, SCRIPT)
    repo.git("add", "-A")
    assert repo.commit() == ending
    assert repo.path(NOTEBOOK).exists()
    both_ways(repo)


def both_ways(repo: Repo) -> None:
    """See that one way out deletes the pair, and another has it back."""
    ends = []
    for _, chosen in repo.each_way_out():
        there = [chosen.path(name).exists() for name in (SCRIPT, NOTEBOOK)]
        ends.append(there)
        if all(there):
            assert ("code", "x = 1") in chosen.in_step()
    assert [True, True] in ends
    assert [False, False] in ends


@scenario("The notebook was deleted", scripts="at once", with_notebooks="refused")
def test_notebook_deleted(repo: Repo, ending: str) -> None:
    """Git has the script: the notebook is made again. Where it has both, you choose."""
    gone(repo, NOTEBOOK)
    repo.more()
    assert repo.commit() == ending
    if ending == "refused":
        both_ways(repo)
    else:
        assert ("code", "x = 1") in repo.in_step()


@scenario("Both were deleted", all="at once")
def test_both_deleted(repo: Repo, ending: str) -> None:
    """There is nothing to do."""
    gone(repo, SCRIPT, NOTEBOOK)
    repo.git("add", "-A")
    assert repo.commit() == ending
    assert not repo.path(SCRIPT).exists()
    assert not repo.path(NOTEBOOK).exists()


@scenario("Both were renamed", all="at once")
def test_both_renamed(repo: Repo, ending: str) -> None:
    """There is nothing to do."""
    repo.path("notebooks/sub").mkdir()
    repo.path(SCRIPT).rename(repo.path(NEW_SCRIPT))
    repo.path(NOTEBOOK).rename(repo.path(NEW_NOTEBOOK))
    repo.git("add", "-A")
    assert repo.commit() == ending
    assert repo.cells(NEW_SCRIPT) == repo.cells(NEW_NOTEBOOK)
    assert not repo.path(SCRIPT).exists()
    assert not repo.path(NOTEBOOK).exists()


@scenario("The script was renamed", all="refused")
def test_script_renamed(repo: Repo, ending: str) -> None:
    """The old notebook has no script any more: you choose, as after a deletion."""
    repo.path("notebooks/sub").mkdir()
    repo.path(SCRIPT).rename(repo.path(NEW_SCRIPT))
    repo.git("add", "-A")
    assert repo.commit() == ending
    assert repo.path(NOTEBOOK).exists()
    both_ways(repo)


@scenario("The notebook was renamed", scripts="second try", with_notebooks="refused")
def test_notebook_renamed(repo: Repo, ending: str) -> None:
    """It gets a script. The old script stays; where git has both, you choose."""
    repo.path("notebooks/sub").mkdir()
    repo.path(NOTEBOOK).rename(repo.path(NEW_NOTEBOOK))
    repo.git("add", "-A")
    assert repo.commit() == ending
    if ending == "refused":
        both_ways(repo)
    else:
        assert repo.cells(NEW_NOTEBOOK) == repo.in_git(NEW_SCRIPT)
        assert ("code", "x = 1") in repo.in_step()


@scenario("Both were renamed, and one was edited", all="refused")
def test_renamed_and_edited(repo: Repo, ending: str) -> None:
    """Under the new name, the edited side is unknown: you choose."""
    repo.edit(NOTEBOOK, "x = 1", "x = 10")
    repo.path("notebooks/sub").mkdir()
    repo.path(SCRIPT).rename(repo.path(NEW_SCRIPT))
    repo.path(NOTEBOOK).rename(repo.path(NEW_NOTEBOOK))
    repo.git("add", "-A")
    assert repo.commit() == ending
    found = [way[1].in_git(NEW_SCRIPT)[1][1] for way in repo.each_way_out()]
    assert sorted(found) == ["x = 1", "x = 10"]


@pytest.mark.parametrize("repo", ["scripts"], indirect=True)
@pytest.mark.parametrize("name", ["it's a $HOME", "-rf", "[ü] 日本"])
def test_odd_names(repo: Repo, name: str) -> None:
    """The commands that are printed can be typed as they stand."""
    notebook, script = f"notebooks/{name}.ipynb", f"notebooks/{name}.py"
    repo.save(notebook, CELLS)
    repo.git("add", "-A")
    assert repo.commit() == "second try"
    assert repo.cells(script) == CELLS
    repo.edit(notebook, "z = 1", "z = 2")
    repo.edit(script, "z = 1", "z = 3")
    repo.git("add", "-A")
    assert repo.commit() == "refused"
    found = [way[1].cells(notebook)[0][1] for way in repo.each_way_out()]
    assert sorted(found) == ["z = 2", "z = 3"]


@pytest.mark.parametrize("repo", MODES, indirect=True)
def test_checkpoints_are_none_of_ours(repo: Repo) -> None:
    repo.save("notebooks/.ipynb_checkpoints/a-checkpoint.ipynb", CELLS)
    repo.program("sync", check=True)
    assert not list(repo.path("notebooks/.ipynb_checkpoints").glob("*.py"))
    assert repo.program("check").returncode == 0
