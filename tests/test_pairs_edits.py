"""Edits to one side of a pair or to both, by whoever makes them."""

from __future__ import annotations

from pairing import NOTEBOOK, SCRIPT, Repo, scenario


@scenario("Only the script was edited", scripts="at once", with_notebooks="second try")
def test_script(repo: Repo, ending: str) -> None:
    """The notebook follows, and keeps its outputs."""
    repo.edit(SCRIPT, "x = 1", "x = 10")
    repo.git("add", "-A")
    assert repo.commit() == ending
    assert ("code", "x = 10") in repo.in_step()


@scenario("Only the notebook was edited", all="second try")
def test_notebook(repo: Repo, ending: str) -> None:
    """The script follows."""
    repo.edit(NOTEBOOK, "x = 1", "x = 10")
    repo.git("add", "-A")
    assert repo.commit() == ending
    assert ("code", "x = 10") in repo.in_step()
