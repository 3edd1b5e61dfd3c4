"""Story 4: after a week of work on one machine, a second one is added."""

from __future__ import annotations

import json

import pytest
from cast import Person, Stage

pytestmark = [
    pytest.mark.xdist_group("stories-1"),
    pytest.mark.timeout(500),
]

FARES = "notebooks/fares"
CELLS = ["fares = [7, 71, 8]", "sum(fares)"]


def test_a_second_machine_is_added_after_a_week(stage: Stage) -> None:
    ada = stage.person("Ada Lovelace")
    ada.starts_project()
    page = ada.notebook(f"{FARES}.ipynb", new=True)
    for cell in CELLS:
        page.append(cell)
    page.run(0)
    assert page.run(1) == "86"
    page.save()
    ada.remote("save")

    # Another account plays the other machine.
    other = stage.person("Ada Second").account
    keys = "cat >>.ssh/authorized_keys"
    stage.box.sh(f"cd {other.home} && {keys}", input=ada.laptop.key)
    said = ada.remote(f"add two {stage.box.address} --user {other.name}")
    assert other.name in ada.here.sh("ssh titanic-two id -un")
    ada.advised(said, "git add")
    assert ada.here.changes() == []
    assert ada.here.commits()[0] == "Add the remote two"
    stage.lend(Person(stage, ada.name, ada.laptop, other))
    pushed = ada.advised(said, "push two", timeout=240)
    assert "Traceback" not in pushed
    ada.here.sh("git push -q")

    # Without a name, a command says what there is to choose from; no password is asked.
    refused = ada.remote("push", code=2)
    assert "titanic, two" in refused
    ada.remote("push --all", timeout=240)
    url = ada.remote("open two --no-browser").splitlines()
    assert any(line.startswith("http") for line in url)
    rows = {row["remote"]: row for row in json.loads(ada.remote("status --json"))}
    assert {row["lab"] for row in rows.values()} == {"running"}
    assert page.run(1) == "86"  # the first lab was left as it is
    assert other.sh(f"grep -c fares titanic/{FARES}.py").stdout.strip() == "2"

    # An edit on each machine: each comes home by its name.
    other.sh(f"printf '\\n# %%%%\\nmax(fares)\\n' >>titanic/{FARES}.py")
    ada.remote("save two")
    assert ada.here.cells(f"{FARES}.py") == [*CELLS, "max(fares)"]
    ada.remote("push titanic")
    assert ada.there.cells(f"{FARES}.ipynb") == [*CELLS, "max(fares)"]
    ada.here.sh("git push -q")

    # A teammate's clone knows both, and says what opens the new one to her.
    grace = stage.person("Grace Hopper")
    repository = stage.repository("titanic")
    grace.laptop.run("git", "clone", "-q", repository, "titanic")
    assert "titanic, two" in grace.remote("open", code=2)
    assert "./remote install two" in grace.remote("status", code=4)

    # It is given back: removed there, then forgotten here, and updates know it no more.
    said = ada.remote("remove two")
    assert "removed the project" in said
    said = ada.remote("forget two")
    ada.advised(said, "git add")
    assert ada.here.changes() == []
    assert "code at commit" in ada.remote("push")
    assert "nothing to do" in ada.remote("push")
    assert "two" not in ada.here.text(".copier-answers.yml")
    assert ada.here.run("ssh -G titanic-two", check=False).stdout.count(other.name) == 0
