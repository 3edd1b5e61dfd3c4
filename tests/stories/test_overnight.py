"""Story 9: a long cell runs overnight, and is looked at from another laptop."""

from __future__ import annotations

import pytest
from cast import Stage
from process import wait_until

pytestmark = [
    pytest.mark.xdist_group("stories-2"),
    pytest.mark.timeout(400),
]

NIGHT = "notebooks/night"
LONG = """\
from pathlib import Path
from time import sleep

print("begun", flush=True)
while not Path("morning").exists():
    sleep(0.05)
print("the night's work")
answer = 42
answer"""


def test_a_long_cell_runs_overnight(stage: Stage) -> None:
    ada = stage.person("Ada Lovelace")
    ada.starts_project()
    home = stage.another_laptop(ada)
    home.clones_project()

    # In the evening: a long cell, one behind it, saved as they run. The lid is closed.
    evening = ada.notebook(f"{NIGHT}.ipynb", new=True)
    evening.append(LONG)
    evening.append("answer + 1")
    evening.begin(0, until="begun")
    evening.queue(1)
    evening.save()
    ada.laptop.sleep()

    # Too early, from the other laptop: what there is so far, and it is saved so.
    early = home.notebook(f"{NIGHT}.ipynb")
    assert early.output(0) == "begun\n"
    ada.there.sh("touch notebooks/morning")
    wait_until(lambda: early.idle, "the cells to end")
    early.save()

    # In the morning: all of it is there, and the kernel is the same.
    early.reload()
    assert early.output(0) == "begun\nthe night's work\n42"
    assert early.output(1) == "43"
    early.append("answer * 2")
    assert early.run(2) == "84"
    early.save()
    whole = ["begun\nthe night's work\n42", "43", "84"]
    assert ada.there.outputs(f"{NIGHT}.ipynb") == whole
    cells = early.cells
    home.remote("save")
    assert home.here.cells(f"{NIGHT}.py") == cells
    assert home.here.commits()[0] == "Save the edits made on titanic"
    home.here.sh("git push -q")

    # The first laptop wakes. Its page finds that the file has changed.
    ada.laptop.wake()
    ada.laptop.kill("titanic-lab")
    assert "run" in ada.remote("status")
    late = ada.notebook(f"{NIGHT}.ipynb")
    assert late.kernel.id == early.kernel.id
    assert [late.output(n) for n in range(3)] == whole
    evening.server = late.server
    assert evening.changed_on_disk
    assert ada.there.outputs(f"{NIGHT}.ipynb") == whole

    # It has to know the commits before it can push: as it is told.
    ada.here.write("src/titanic/night.py", "WATCH = 4\n")
    ada.commit("The watch")
    said = ada.remote("push", code=3)
    said = ada.advised(said, "remote save", code=1)
    ada.advised(said, "git merge")
    ada.remote("push")
    assert ada.here.cells(f"{NIGHT}.ipynb") == cells
    assert ada.there.cells(f"{NIGHT}.ipynb") == cells
    assert ada.there.outputs(f"{NIGHT}.ipynb") == whole
    assert ada.there.text("src/titanic/night.py") == "WATCH = 4\n"
    late.append("from titanic.night import WATCH; WATCH")
    assert late.run(3) == "4"
