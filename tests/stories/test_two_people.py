"""Story 2: two people on one repository and one server, each with their own account."""

from __future__ import annotations

import re

import pytest
from cast import Clone, Person, Stage

pytestmark = [
    pytest.mark.xdist_group("stories-1"),
    pytest.mark.timeout(400),
]

FARES = "notebooks/fares"
PULL = "git pull -q --no-rebase --no-edit"


def test_two_people_on_one_repository_and_one_server(stage: Stage) -> None:
    ada = stage.person("Ada Lovelace")
    ada.starts_project()
    page = ada.notebook(f"{FARES}.ipynb", new=True)
    page.append("fares = [7, 71, 8]")
    page.append("sum(fares)")
    page.run(0)
    assert page.run(1) == "86"
    page.save()
    ada.remote("save")
    cells = ["fares = [7, 71, 8]", "sum(fares)"]
    see(ada, cells)
    assert ada.there.outputs(f"{FARES}.ipynb") == ["", "86"]
    assert ada.here.commits()[0] == "Save the edits made on titanic"
    ada.here.sh("git push -q")

    # The teammate: a clone, a login of her own, her own lab on the same server.
    grace = stage.person("Grace Hopper")
    grace.clones_project()
    see(grace, cells)
    hers = grace.notebook(f"{FARES}.ipynb")
    assert hers.cells == cells
    hers.run(0)
    hers.edit(1, "max(fares)")
    assert hers.run(1) == "71"
    hers.save()
    grace.remote("save")
    cells = ["fares = [7, 71, 8]", "max(fares)"]
    see(grace, cells)
    assert authors(grace) == ["Grace Hopper", "Ada Lovelace"]
    grace.here.sh("git push -q")
    assert page.run(1) == "86"  # Ada's kernel is another one

    # Ada has edited another cell meanwhile, on her laptop.
    ada.here.edit(f"{FARES}.py", "[7, 71, 8]", "[7, 71, 8, 53]")
    ada.commit("One more fare")
    assert ada.here.cells(f"{FARES}.ipynb") == [
        "fares = [7, 71, 8, 53]",
        "sum(fares)",
    ]
    refused = ada.here.run("git push", check=False)
    assert "rejected" in refused.stderr
    ada.here.sh(f"{PULL} && git push -q")
    ada.remote("push")
    cells = ["fares = [7, 71, 8, 53]", "max(fares)"]
    see(ada, cells)
    page.reload()  # as the page offers, for the file has changed
    assert page.cells == cells
    page.run(0)
    assert page.run(1) == "71"
    page.save()
    assert ada.there.changes() == []  # what git has did not change by that

    # Both edit one cell: Grace in her lab, Ada on the laptop.
    hers.edit(1, "min(fares)")
    hers.run(1)
    hers.save()
    ada.here.edit(f"{FARES}.py", "max(fares)", "sorted(fares)")
    ada.commit("In order")
    ada.remote("push")
    ada.here.sh("git push -q")
    grace.here.sh(PULL)  # brings it to her laptop, whose notebook follows
    assert grace.here.cells(f"{FARES}.ipynb")[1] == "sorted(fares)"
    said = grace.remote("push", code=3)
    assert f"{FARES}.py" in said
    assert grace.there.cells(f"{FARES}.ipynb")[1] == "min(fares)"
    # Her laptop has gone on: what she saves is here, and she merges it, as she is told.
    said = grace.advised(said, "remote save", code=1)
    assert "CONFLICT" in grace.advised(said, "git merge", code=1)
    text = grace.here.text(f"{FARES}.py")
    whole = re.sub(
        r"<{7}.*?^=======\n(.*?)>{7} [^\n]*\n", r"\1", text, flags=re.S | re.M
    )
    grace.here.write(f"{FARES}.py", whole)
    grace.commit("Merge")
    grace.remote("push")
    cells = ["fares = [7, 71, 8, 53]", "min(fares)"]
    see(grace, cells)
    hers.reload()
    assert hers.cells == cells
    grace.here.sh("git push -q")

    # Both labs run side by side, and a removal is of one's own alone.
    ada.here.sh(PULL)
    ada.remote("push")
    see(ada, cells)
    said = grace.remote("remove", code=1)  # her kernel runs
    grace.advised(said, "remove")
    page.reload()
    page.run(0)
    assert page.run(1) == "7"
    assert ada.remote("doctor")


def see(person: Person, cells: list[str]) -> None:
    """Both files of the pair have these cells, on the laptop and on the server."""
    for clone in (person.here, person.there):
        see_pair(clone, cells)
    assert person.here.head() == person.there.head()


def see_pair(clone: Clone, cells: list[str]) -> None:
    """Both files of the pair have these cells, and git sees no change."""
    for end in ("py", "ipynb"):
        assert clone.cells(f"{FARES}.{end}") == cells
    assert clone.changes() == []


def authors(person: Person) -> list[str]:
    """Who made the last commits."""
    return person.here.sh("git log -2 --format=%an").splitlines()
