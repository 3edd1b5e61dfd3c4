"""Story 6: the template is updated in the middle of a week, with work on the remote."""

from __future__ import annotations

from pathlib import Path

import pytest
from cast import Person, Stage
from process import run
from render import released

pytestmark = [
    pytest.mark.xdist_group("stories-1"),
    pytest.mark.timeout(400),
]

TMUX = "home/remote/.config/remote-lab/{}/tmux.conf"
SETTINGS = "home/remote/.config/remote-lab/{}/jupyter/jupyter_server_config.py"
SLUG = "{{ project_slug }}"
FARES = "notebooks/fares"


def test_an_update_in_the_middle_of_the_week(stage: Stage, tmp_path: Path) -> None:
    template = released(tmp_path / "template", "1.0.0")
    source = f"git+file://{template}"
    ada = stage.person("Ada Lovelace")
    ada.starts_project(source, "1.0.0")

    # The week: a setting of her own; a notebook that is in git, one that is not yet.
    tmux = ada.here.text(TMUX.format("titanic"))
    ada.here.write(TMUX.format("titanic"), f"{tmux}# my own\n")
    ada.commit("My tmux")
    ada.remote("push")
    page = ada.notebook(f"{FARES}.ipynb", new=True)
    page.append("fares = [7, 71, 8]")
    page.run(0)
    page.save()
    ada.remote("save")
    page.append("sum(fares)")
    assert page.run(1) == "86"
    page.save()
    other = ada.notebook("notebooks/other.ipynb", new=True)
    other.append("1 + 1")
    assert other.run(0) == "2"
    other.save()
    ada.here.write("src/titanic/mine.py", "MINE = 1\n")
    ada.commit("Mine")

    release(template)
    said = ada.here.sh("copier update --trust --defaults")
    changed = ada.here.changes()
    assert [line for line in changed if line[:2] != " M"] == []  # no conflict
    ada.advised(said, "git diff")
    # A dry run tells of the edits there; they come home, as it advises.
    dry = ada.advised(said, "./remote push --dry-run", code=3)
    assert "tmux.conf" in dry
    saved = ada.advised(dry, "remote save", code=1)
    ada.advised(saved, "git merge")
    assert ada.here.changes() == changed  # the update is as it was
    ada.advised(said, "./remote install")
    assert "./remote setup" in ada.remote("pairs")  # git's hooks run the former program
    pushed = ada.advised(said, "./remote setup")
    assert "another version" not in pushed  # setup does not advise itself
    see(ada)
    # The kernels run on, with all that they hold; the lab waits for a restart.
    assert page.run(1) == "86"
    ada.advised(pushed, "git commit")
    assert ada.here.changes() == []
    assert "code at commit" in ada.remote("push")
    see(ada)
    assert ada.there.changes() == []
    program = "~/.local/state/remote-lab/titanic/pairs.pyz"
    shown = ada.account.sh(
        f"python3 -m zipfile -e {program} x && cat x/*/*/messages.py"
    )
    assert "# new in 1.1.0" in shown.stdout
    assert page.run(1) == "86"
    page.save()

    # git's hooks run the new program; the lab waits for a restart, which ends kernels.
    assert "setup" not in ada.remote("pairs")
    doctor = ada.remote("doctor", code=1)
    ada.advised(doctor, "lab restart")
    assert ada.remote("doctor")
    see(ada)
    assert "nothing to do" in ada.remote("push")

    # A kernel has ended by the restart; what it printed is there.
    page = ada.notebook(f"{FARES}.ipynb")
    assert page.output(1) == "86"
    assert page.run(0) == ""
    assert page.run(1) == "86"
    settings = SETTINGS.format("titanic").removeprefix("home/remote/")
    assert "# new in 1.1.0" in ada.account.sh(f"cat {settings}").stdout


def see(ada: Person) -> None:
    """Look whether all edits are there, on both sides, and the outputs."""
    for clone in (ada.here, ada.there):
        for end in ("py", "ipynb"):
            cells = clone.cells(f"{FARES}.{end}")
            assert cells == ["fares = [7, 71, 8]", "sum(fares)"]
            assert clone.cells(f"notebooks/other.{end}") == ["1 + 1"]
        assert clone.text("src/titanic/mine.py") == "MINE = 1\n"
    assert ada.there.outputs(f"{FARES}.ipynb") == ["", "86"]
    assert ada.there.outputs("notebooks/other.ipynb") == ["2"]
    for tmux in (
        ada.here.text(TMUX.format("titanic")),
        ada.account.sh("cat .config/remote-lab/titanic/tmux.conf").stdout,
    ):
        assert "# new in 1.1.0" in tmux
        assert tmux.endswith("# my own\n")


def release(template: Path) -> None:
    """Release 1.1.0: settings of the lab and of tmux, and the program that pairs."""
    edits = {
        f"template/{TMUX.format(SLUG)}.jinja": "# new in 1.1.0",
        f"template/{SETTINGS.format(SLUG)}.jinja": "\n# new in 1.1.0",
        "src/remote_lab/pairs/messages.py": "# new in 1.1.0",
    }
    for path, line in edits.items():
        first, rest = (template / path).read_text().split("\n", 1)
        (template / path).write_text(f"{first}\n{line}\n{rest}")
    for words in ("commit -qam 1.1.0", "tag 1.1.0"):
        name = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
        run(["git", *name, *words.split()], cwd=template)
