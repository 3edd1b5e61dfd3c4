"""Story 1: edits in the lab and on the laptop in turn, three rounds, with a rename."""

from __future__ import annotations

import pytest
from browser import Browser
from cast import Clone, Person, Stage
from playwright.sync_api import expect

pytestmark = [
    pytest.mark.xdist_group("stories-2"),
    pytest.mark.timeout(500),
]

SCRIPT_CELL = "\n# %%\n{}\n"


def test_edits_in_turn_in_the_lab_and_on_the_laptop(
    stage: Stage, browser: Browser
) -> None:
    ada = stage.person("Ada Lovelace")
    ada.starts_project()

    # Round 1, a new pair, by the page's own requests.
    page = ada.notebook("notebooks/fares.ipynb", new=True)
    page.append("fares = [7, 71, 8]")
    page.append("sum(fares)")
    page.run(0)
    assert page.run(1) == "86"
    page.save()
    in_turn(ada, "fares", "fares.append(4)", ["fares = [7, 71, 8]", "sum(fares)"])
    # The outputs of what the laptop did not touch are still there.
    assert ada.there.outputs("notebooks/fares.ipynb") == ["", "86", ""]
    assert page.changed_on_disk
    page.reload()
    assert page.cells == ["fares = [7, 71, 8]", "sum(fares)", "fares.append(4)"]

    # Renamed in the lab, in the middle: the pair has another name everywhere.
    page.rename("notebooks/prices.ipynb")
    page.reload()
    page.run(2)
    page.append("max(fares)")
    assert page.run(3) == "71"
    page.save()
    cells = [*page.cells]
    in_turn(ada, "prices", "min(fares)", cells)
    for clone in (ada.here, ada.there):
        assert clone.text("notebooks/fares.py") == ""
    page.reload()
    assert page.cells == [*cells, "min(fares)"]

    # Round 3, a pair that was there, in a real browser.
    lab = browser.open_lab(ada.url())
    lab.open_notebook("notebooks/prices.ipynb")
    last = lab.notebook.locator(".jp-CodeCell").last
    last.locator(".cm-content").click()
    lab.page.keyboard.press("Shift+Enter")
    assert lab.run_cell("len(fares)") == "4"
    lab.page.keyboard.press("Control+s")
    saved = "[ \"$(grep -c 'len(fares)' notebooks/prices.py)\" = 1 ]"
    ada.there.sh(f"for i in $(seq 600); do {saved} && exit; sleep 0.1; done; exit 1")
    lab.screenshot("story-1-edited-in-the-lab")
    cells = ada.there.cells("notebooks/prices.ipynb")
    in_turn(ada, "prices", "sorted(fares)", cells)
    lab.open_notebook("notebooks/prices.ipynb")
    last = lab.notebook.locator(".jp-CodeCell").last
    expect(last).to_contain_text("sorted(fares)")
    lab.screenshot("story-1-pushed-from-the-laptop")
    assert ada.here.commits()[:2] == ["sorted(fares)", "Save the edits made on titanic"]


def in_turn(ada: Person, name: str, new: str, cells: list[str]) -> None:
    """Bring home what the lab has saved, add a cell on the laptop, and push it.

    Args:
        ada: Who does it.
        name: The pair.
        new: The cell.
        cells: What the lab has saved.
    """
    script, notebook = f"notebooks/{name}.py", f"notebooks/{name}.ipynb"
    ada.remote("save")
    for clone in (ada.here, ada.there):
        assert clone.cells(script) == clone.cells(notebook) == cells
    text = ada.here.text(script)
    ada.here.write(script, text.rstrip() + "\n" + SCRIPT_CELL.format(new))
    ada.commit(new)
    said = ada.remote("push")
    assert "notebooks/" not in said, said
    for clone in (ada.here, ada.there):
        assert clone.cells(script) == clone.cells(notebook) == [*cells, new]
        assert clone.changes() == []
        assert in_sync(clone), clone
    assert "✓ Notebooks and scripts are in sync" in ada.remote("doctor")


def in_sync(clone: Clone) -> bool:
    """Whether `./remote pairs --check`, typed there, finds nothing."""
    return "in sync" in clone.sh("./remote pairs --check")


def test_a_conflict_is_told_with_ways_out_that_lose_nothing(stage: Stage) -> None:
    """Both sides were edited: the notebook alone there, the script here."""
    ada = stage.person("Ada Lovelace")
    ada.starts_project()
    page = ada.notebook("notebooks/fares.ipynb", new=True)
    page.append("fares = [7, 71, 8]")
    page.save()
    ada.remote("save")
    # By an editor that knows no pairs, such as VS Code without its extension.
    ada.there.edit("notebooks/fares.ipynb", "71", "72")
    ada.here.edit("notebooks/fares.py", "8]", "9]")
    ada.commit("Nine")
    said = ada.remote("push")
    assert "was edited, and so was" in said
    assert ada.there.cells("notebooks/fares.ipynb") == ["fares = [7, 72, 8]"]
    assert ada.there.cells("notebooks/fares.py") == ["fares = [7, 71, 9]"]
    doctor = ada.remote("doctor", code=1)
    assert "both were edited" in doctor
    # In the lab's terminal, ./remote pairs says the same, and what to type there.
    there = ada.there.run("./remote pairs", check=False)
    assert there.returncode == 1
    assert "./remote pairs --from script notebooks/fares.py" in there.stderr
    told = ada.advised(said, "--from script")
    assert ada.there.cells("notebooks/fares.ipynb") == ["fares = [7, 71, 9]"]
    # What was overwritten is kept, and can be shown where that was said.
    shown = told[told.index("git show") :].split(")")[0]
    assert "72" in ada.there.sh(shown)
    assert "✓ Notebooks and scripts are in sync" in ada.remote("doctor")
    assert ada.there.run("./remote push", check=False).returncode == 2
