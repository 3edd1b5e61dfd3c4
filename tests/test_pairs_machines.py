"""A laptop and a remote that both edit: no edit is lost, no push is taken back.

And a conflict is reported only where both sides were edited since they agreed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    rule,
    run_state_machine_as_test,
)
from pairing_door import Door
from pairing_machines import Machine, Machines
from pairing_world import MARKS, PAIRS, done
from searching import LIMIT, searched
from test_pairs_model import change, changes

PAIR = "notebooks/a"
pairs = st.sampled_from(PAIRS[:1] * 3 + PAIRS[:2])
which = st.integers(0, 1)
kills = st.one_of(st.just(-1), st.integers(0, 12), st.integers(0, 40))
sides = st.sampled_from([".py", ".ipynb"])
some = st.lists(changes, min_size=1, max_size=2)


@pytest.fixture
def machines(door: Door) -> Any:
    """A laptop and a remote, with nothing in notebooks/."""
    machines = Machines(door)
    yield machines
    machines.close()


class Days(RuleBasedStateMachine):
    """A user, on both of them."""

    door: ClassVar[Door]

    def __init__(self) -> None:
        super().__init__()
        self.machines = Machines(self.door)
        self.laptop, self.remote = self.machines.both()
        done["stories"] += 1

    def teardown(self) -> None:
        self.machines.close()

    @initialize(there=which, what=some)
    def begin(self, there: int, what: list[Any]) -> None:
        self.lab(there, PAIR, what)
        self.brings(-1, False)
        self.commits(True)
        self.pushes(-1, False)

    def _machine(self, number: int) -> Machine:
        return self.machines.both()[number]

    @rule(there=which, pair=pairs, what=some)
    def lab(self, there: int, pair: str, what: list[Any]) -> None:
        """Edit in JupyterLab, which saves both files."""
        machine = self._machine(there)
        if not machine.path(pair, ".ipynb").exists():
            machine.edit_notebook(pair, lambda cells: None)
        machine.saves_in_lab(pair, lambda cells: self._change(machine, cells, what))

    @rule(there=which, pair=pairs, side=sides, what=some)
    def edits(self, there: int, pair: str, side: str, what: list[Any]) -> None:
        """Edit in a program that saves one file."""
        machine = self._machine(there)
        edit = machine.edit_script if side == ".py" else machine.edit_notebook
        edit(pair, lambda cells: self._change(machine, cells, what, side))

    @rule(there=which, pair=pairs, what=some, other=some, hook=st.booleans())
    def edits_both(
        self, there: int, pair: str, what: list[Any], other: list[Any], hook: bool
    ) -> None:
        """Edit both sides, each in a program that saves one file."""
        self.edits(there, pair, ".py", what)
        self.edits(there, pair, ".ipynb", other)
        if hook and not there:
            self.commits(hook)
        else:
            self.calls(there, "sync", -1)

    @rule(pair=pairs, side=sides, what=some, other=some, more=some, kill=kills)
    def in_turn(
        self,
        pair: str,
        side: str,
        what: list[Any],
        other: list[Any],
        more: list[Any],
        kill: int,
    ) -> None:
        """The everyday round, which may be cut off, and a further edit there."""
        self.lab(1, pair, what)
        self.brings(kill, False)
        self.edits(0, pair, side, other)
        self.commits(True)
        self.pushes(kill, False)
        self.edits(1, pair, ".ipynb", more)

    def _change(
        self, machine: Machine, cells: list[Any], what: list[Any], side: str = ".ipynb"
    ) -> None:
        for how, first, second, kind in what:

            def new(kind: int = kind) -> Any:
                word = machine.word()
                if side == ".py":
                    return f"# %%\n{word} = {kind}"
                return machine.new_cell("code", f"{word} = {kind}")

            change(cells, how, first, second, new)

    @rule(hook=st.booleans())
    def commits(self, hook: bool = True) -> None:
        """Commit on the laptop, with the hook or without."""
        self.laptop.git("add", "-A")
        if hook:
            self.laptop.commit(tool=False)
        else:
            self.laptop.git("commit", "-qm", "work", "--no-verify")

    @rule(kill=kills, steps=st.booleans())
    def pushes(self, kill: int, steps: bool) -> None:
        told = self.machines.push(kill, steps)
        done["pushed"] += not told
        if "save" in told:
            self.brings(-1, False)
            self.machines.push()

    @rule(kill=kills, steps=st.booleans())
    def brings(self, kill: int, steps: bool) -> None:
        """Save, and merge where it says so."""
        told = self.machines.save(kill, steps)
        done["saved"] += not told
        if "not merged" not in told or self.laptop.git("diff", "--quiet", "HEAD")[0]:
            return
        if self.laptop.git("merge", "-q", "titanic/saved")[0]:
            for pair in PAIRS:
                path = self.laptop.path(pair, ".py")
                text = path.read_text() if path.exists() else ""
                path.write_text(MARKS.sub("", text)) if text else None
            self.laptop.git("add", "-A")
            self.laptop.git("commit", "-qm", "merged", "--no-verify")
        done["merged"] += 1
        self.laptop.run("refresh")

    @rule(there=which, word=st.sampled_from(["sync", "refresh", "check"]), kill=kills)
    def calls(self, there: int, word: str, kill: int) -> None:
        self.machines.pairs(self._machine(there), word, kill)

    @rule(there=which, pair=pairs, side=st.sampled_from(["script", "notebook"]))
    def chooses(self, there: int, pair: str, side: str) -> None:
        name = f"{pair}{'.py' if side == 'script' else '.ipynb'}"
        self._machine(there).run(f"from-{side}", name)

    @rule(back=st.integers(1, 2))
    def reverts(self, back: int) -> None:
        """Take a commit back on the laptop, by another one."""
        if self.laptop.git("diff", "--quiet", "HEAD")[0] == 0:
            with self.laptop.overwriting():
                if self.laptop.git("revert", "--no-edit", f"HEAD~{back - 1}")[0]:
                    self.laptop.git("revert", "--abort")
            self.laptop.run("refresh")

    @rule(there=which)
    def loses_the_record(self, there: int) -> None:
        path = self._machine(there).root / ".git/remote-lab-pairs.json"
        path.unlink(missing_ok=True)

    @rule()
    def has_no_environment(self) -> None:
        """A push that can't have the notebooks follow."""
        python = self.remote.root / ".venv/bin/python"
        python.rename(python.with_name("away"))
        self.pushes(-1, False)
        python.with_name("away").rename(python)


@pytest.mark.timeout(LIMIT)
def test_no_edit_is_lost_between_two_machines(
    door: Door, counted: Callable[[str], None]
) -> None:
    """Any order of edits on either side of either machine, of pushes and saves."""
    done.clear()
    days = type("Found", (Days,), {"door": door})
    limits = searched(2, 60, 15)
    run_state_machine_as_test(days, settings=limits)
    counted(", ".join(f"{count} x {what}" for what, count in sorted(done.items())))


def test_the_everyday_round_trip(machines: Machines) -> None:
    """Edit in the lab, save, edit the script here, push: the notebook follows."""
    laptop, remote = machines.both()

    def add(machine: Machine) -> Callable[[list[Any]], None]:
        return lambda cells: cells.append(
            machine.new_cell("code", f"{machine.word()} = 1")
        )

    remote.edit_notebook(PAIR, lambda cells: None)
    for _ in range(3):
        remote.saves_in_lab(PAIR, add(remote))
        assert machines.save() == ""
        laptop.edit_script(
            PAIR, lambda cells: cells.append(f"# %%\n{laptop.word()} = 2\n")
        )
        laptop.git("add", "-A")
        laptop.commit(tool=False)
        assert machines.push() == ""
        script, notebook = remote.sides(PAIR)
        assert script == notebook == laptop.sides(PAIR)[1]
        assert ".ipynb" not in remote.said
    assert len(remote.sides(PAIR)[0] or ()) == 6
