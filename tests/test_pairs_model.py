"""No edit is lost, whoever makes it where, and whatever git does meanwhile."""

from __future__ import annotations

import os
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
from pairing import MODES
from pairing_world import MARKS, PAIRS, World, done
from searching import LIMIT, searched

pairs = st.sampled_from(PAIRS[:1] * 3 + PAIRS)
sides = st.sampled_from([".py", ".ipynb"])
at = st.integers(0, 7)
# What is typed into a notebook, and into a script.
TYPED = (
    *(("code", "{} = 1"), ("code", "{}=[1,2]"), ("code", "%time {}")),
    *(("code", "!echo {}"), ("code", "%%bash\necho {}"), ("code", "def {}(:")),
    *(("code", "{};"), ("code", "if 1:\n\n\n\n  {}"), ("markdown", "# {}\n\n- a")),
    *(("raw", "<b>{}</b>"), ("code", '"""\n{}\n"""'), ("code", "# {}")),
)
WRITTEN = (
    *("# %%\n{} = 1", "# %%\n{}=[1,2]", "# %%\n# %time {}", "# %%\ndef {}(:"),
    *(
        "# %% [markdown]\n# # {}",
        "# %% [raw]\n# {}",
        '# %% tags=["parameters"]\n{} = 2',
    ),
    *("# %%\n{};", "# %% A title\n{}", '# %% [markdown]\n"""\n{}\n"""'),
)
changes = st.tuples(
    st.sampled_from(["insert", "insert", "replace", "delete", "move"]),
    *(at, at),
    st.integers(0, 119),
)
some = st.lists(changes, min_size=1, max_size=3)


def change(cells: list[Any], how: str, first: int, second: int, new: Any) -> None:
    """Make one change to a list of cells."""
    if how == "insert" or not cells:
        cells.insert(first % (len(cells) + 1), new())
    elif how == "replace":
        cells[first % len(cells)] = new()
    elif how == "delete":
        del cells[first % len(cells)]
    else:
        cells.insert(second % len(cells), cells.pop(first % len(cells)))


class Story(RuleBasedStateMachine):
    """A user, his editors, and git."""

    mode: ClassVar[str]

    def __init__(self) -> None:
        super().__init__()
        self.world = World(self.mode)
        done["stories"] += 1

    def teardown(self) -> None:
        self.world.close()

    @initialize(made=st.lists(st.tuples(pairs, sides, some), min_size=1, max_size=3))
    def begin(self, made: list[tuple[str, str, list[Any]]]) -> None:
        for pair, side, what in made:
            self.edits(pair, side, what)
        self.world.run("sync")
        self.world.git("add", "-A")
        self.world.commit(tool=True)

    @rule(pair=pairs, side=sides, what=some)
    def edits(self, pair: str, side: str, what: list[Any]) -> None:
        def all(cells: list[Any]) -> None:
            for how, first, second, kind in what:
                change(cells, how, first, second, lambda kind=kind: new(kind))

        def new(kind: int) -> Any:
            word = self.world.word()
            if side == ".py":
                return WRITTEN[kind % len(WRITTEN)].replace("{}", word)
            name, source = TYPED[kind % len(TYPED)]
            return self.world.new_cell(name, source.replace("{}", word))

        done["edits"] += len(what)
        if side == ".py":
            self.world.edit_script(pair, all)
        else:
            self.world.edit_notebook(pair, all)

    @rule(pair=pairs, what=some, other=some)
    def edits_both(self, pair: str, what: list[Any], other: list[Any]) -> None:
        self.edits(pair, ".py", what)
        self.edits(pair, ".ipynb", other)

    @rule(pair=pairs, side=sides, sure=at)
    def deletes(self, pair: str, side: str, sure: int) -> None:
        if sure < 2:
            with self.world.overwriting():
                self.world.path(pair, side).unlink(missing_ok=True)

    @rule(pair=pairs, side=sides, seconds=st.integers(-10000, 10000))
    def time_passes(self, pair: str, side: str, seconds: int) -> None:
        path = self.world.path(pair, side)
        if path.exists():
            os.utime(path, (seconds + 1e9, seconds + 1e9))

    @rule(pair=pairs, side=st.sampled_from([".py", ".ipynb", "all"]))
    def adds(self, pair: str, side: str) -> None:
        what = ["-A"] if side == "all" else ["--", f"{pair}{side}"]
        self.world.git("add", *what)

    @rule(pair=pairs, left_out=at)
    def adds_a_part(self, pair: str, left_out: int) -> None:
        """As git add -p: the script without one of its cells."""
        path = self.world.path(pair, ".py")
        if path.exists():
            head, *cells = path.read_text().split("\n# %%")
            if cells:
                del cells[left_out % len(cells)]
            text = "\n# %%".join([head, *cells])
            blob = self.world.git("hash-object", "-w", "--stdin", input=text)[1].strip()
            entry = f"100644,{blob},{pair}.py"
            self.world.git("update-index", "--add", "--cacheinfo", entry)

    @rule(add=st.booleans(), tool=st.booleans(), amend=st.booleans())
    def commits(self, add: bool, tool: bool, amend: bool) -> None:
        if self.world.is_merging() and not add:
            return
        if add:
            self.world.git("add", "-A")
        # What is not staged is put away by every tool that is in use.
        tool = tool or bool(self.world.git("diff", "--name-only")[1])
        self.world.commit(*(["--amend"] if amend else []), tool=tool)

    @rule(pair=pairs, side=sides, what=some, tool=st.booleans())
    def works(self, pair: str, side: str, what: list[Any], tool: bool) -> None:
        self.edits(pair, side, what)
        self.commits(add=True, tool=tool, amend=False)

    @rule(
        pair=pairs, what=some, other=some, wins=st.sampled_from(["script", "notebook"])
    )
    def decides(self, pair: str, what: list[Any], other: list[Any], wins: str) -> None:
        """Both sides are edited, the commit is refused, one side wins."""
        self.edits_both(pair, what, other)
        self.commits(add=True, tool=True, amend=False)
        self.chooses(pair, wins)

    @rule(
        pair=pairs, side=st.sampled_from([".py", ".ipynb", ""]), what=some, other=some
    )
    def commits_another(
        self, pair: str, side: str, what: list[Any], other: list[Any]
    ) -> None:
        """Both sides are edited, and one at most is added to what is committed."""
        self.edits_both(pair, what, other)
        self.world.write(self.world.root / "results" / "README.md", str(what))
        self.world.git("add", "results")
        if side:
            self.world.git("add", "--", f"{pair}{side}")
        if not self.world.is_merging():
            self.commits(add=False, tool=True, amend=False)

    @rule(word=st.sampled_from(["sync", "refresh", "check"]))
    def calls(self, word: str) -> None:
        self.world.run(word)

    @rule(pair=pairs, side=st.sampled_from(["script", "notebook"]))
    def chooses(self, pair: str, side: str) -> None:
        name = f"{pair}{'.py' if side == 'script' else '.ipynb'}"
        self.world.run(f"from-{side}", name)

    @rule(name=st.sampled_from(["main", "side"]))
    def checks_out(self, name: str) -> None:
        if self.world.git("checkout", "-q", name)[0] == 0:
            done["checkouts"] += 1
        self.world.run("refresh")

    @rule(pair=pairs, side=sides, where=at, kinds=st.tuples(at, at))
    def diverges(
        self, pair: str, side: str, where: int, kinds: tuple[int, int]
    ) -> None:
        """Both branches get a cell in the same place."""
        self.commits(add=True, tool=False, amend=False)
        self.world.git("branch", "-f", "side")
        for kind in kinds:
            self.checks_out("side" if kind is kinds[1] else "main")
            self.works(pair, side, [("insert", where, 0, kind)], tool=False)

    @rule(how=st.sampled_from(["merge", "rebase", "cherry-pick"]))
    def merges(self, how: str) -> None:
        """Bring in the other branch, or give up."""
        if self.world.git("diff", "--quiet", "HEAD")[0]:
            return
        name = self.world.git("rev-parse", "--abbrev-ref", "HEAD")[1].strip()
        other = "main" if name == "side" else "side"
        done[how] += 1
        if self.world.git(how, other)[0]:
            done["conflicts"] += self.world.is_merging()
            self.world.run("sync")
            self.world.run("refresh")
            if how != "merge":
                with self.world.overwriting():
                    self.world.git(how, "--abort")
        self.world.run("refresh")

    @rule()
    def resolves(self) -> None:
        """The script by hand, the notebook by the command."""
        for pair in PAIRS:
            path = self.world.path(pair, ".py")
            text = path.read_bytes().decode() if path.exists() else ""
            if MARKS.search(text):
                path.write_bytes(MARKS.sub("", text).encode())
                self.world.run("from-script", f"{pair}.py")
                self.world.git("add", "--", f"{pair}.py", f"{pair}.ipynb")
                done["resolved"] += 1

    @rule(pop=st.booleans())
    def stashes(self, pop: bool) -> None:
        self.world.git("stash", "pop" if pop else "push")

    @rule(how=st.sampled_from(["--soft", "--mixed", "--hard"]), back=st.integers(0, 1))
    def resets(self, how: str, back: int) -> None:
        with self.world.overwriting():
            self.world.git("reset", "-q", how, f"HEAD~{back}")

    @rule(pair=pairs)
    def takes_back(self, pair: str) -> None:
        with self.world.overwriting():
            self.world.git("checkout", "-q", "--", f"{pair}.py")


@pytest.mark.timeout(LIMIT)
@pytest.mark.parametrize("mode", MODES)
def test_no_edit_is_lost(mode: str, counted: Callable[[str], None]) -> None:
    """Any order of edits on either side, and of what git and the program do."""
    done.clear()
    told = type("Told", (Story,), {"mode": mode})
    run_state_machine_as_test(told, settings=searched(2, 40, 20))
    counted(", ".join(f"{count} x {what}" for what, count in sorted(done.items())))
