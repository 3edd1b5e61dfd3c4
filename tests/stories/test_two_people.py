"""Story 2: two people on one repository and one server, each with their own account."""

from __future__ import annotations

import pytest
from cast import Person, Stage

pytestmark = pytest.mark.timeout(400)

FARES = "notebooks/fares"


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
    grace.here.sh("git push -q")
    assert page.run(1) == "86"  # Ada's kernel is another one
    assert author_of(grace) == "Grace Hopper"


def see(person: Person, cells: list[str]) -> None:
    """Both files of the pair have these cells, on the laptop and on the server."""
    for clone in (person.here, person.there):
        for end in ("py", "ipynb"):
            assert clone.cells(f"{FARES}.{end}") == cells
    assert person.here.head() == person.there.head()
    assert person.here.changes() == person.there.changes() == []


def author_of(person: Person) -> str:
    """Who made the last commit."""
    return person.here.sh("git log -1 --format=%an").strip()
