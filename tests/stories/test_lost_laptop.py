"""Story 5: a laptop is lost; a new one is set up from the git server."""

from __future__ import annotations

import pytest
from cast import Stage

pytestmark = [
    pytest.mark.xdist_group("stories-2"),
    pytest.mark.timeout(400),
]

FARES = "notebooks/fares"


def test_a_new_laptop_takes_over_from_a_lost_one(stage: Stage) -> None:
    ada = stage.person("Ada Lovelace")
    ada.starts_project()
    page = ada.notebook(f"{FARES}.ipynb", new=True)
    page.append("fares = [7, 71, 8]")
    page.run(0)
    page.save()
    ada.remote("save")
    ada.here.sh("git push -q")
    # What no laptop has: it was saved in the lab, and the laptop is lost.
    page.append("sum(fares)")
    assert page.run(1) == "86"
    page.save()
    page.close()
    lost = ada.laptop.key.split()[1]

    new = stage.another_laptop(ada)
    # A push would overwrite what was saved in the lab: setup says how to bring it home.
    said = new.clones_project(f"--user {ada.account.name}", code=1)
    assert new.here.cells(f"{FARES}.py") == ["fares = [7, 71, 8]"]
    new.advised(said, "./remote save")
    assert new.here.cells(f"{FARES}.py") == ["fares = [7, 71, 8]", "sum(fares)"]
    new.advised(said, "./remote setup")
    # The lab goes on, with the kernel and what it holds.
    again = new.notebook(f"{FARES}.ipynb")
    assert again.kernel.id == page.kernel.id
    assert again.cells == ["fares = [7, 71, 8]", "sum(fares)"]
    assert again.run(1) == "86"

    new.here.write("src/titanic/watch.py", "WATCH = 4\n")
    new.commit("The watch")
    new.remote("push")
    for clone in (new.here, new.there):
        for end in ("py", "ipynb"):
            cells = clone.cells(f"{FARES}.{end}")
            assert cells == ["fares = [7, 71, 8]", "sum(fares)"]
        assert clone.text("src/titanic/watch.py") == "WATCH = 4\n"
        assert clone.changes() == []
    assert new.there.outputs(f"{FARES}.ipynb") == ["", "86"]
    new.here.sh("git push -q")

    # The lost laptop's key opens the account no more; the new one's does.
    new.here.sh(f"ssh titanic \"sed -i '\\,{lost},d' .ssh/authorized_keys\"")
    new.remote("status")
    ada.laptop.kill("titanic-lab")
    ada.here.run("ssh -O exit titanic", check=False)
    assert "Permission denied" in ada.remote("push", code=4)
    assert new.remote("doctor")
    assert "nothing to do" in new.remote("push")
