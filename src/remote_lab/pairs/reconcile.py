"""One pair: what is the matter with it, and what its files should hold.

Reads, and writes nothing: so many pairs can be treated at once, on all cores.
"""

import os
from contextlib import suppress
from functools import cached_property
from typing import Any, NamedTuple

from remote_lab.pairs import cells, history, repository
from remote_lab.pairs.blackened import Apart, Here
from remote_lab.pairs.cells import Cells, NotOurs, Unreadable
from remote_lab.pairs.formatting import format_cells
from remote_lab.pairs.pair import Task, Treated
from remote_lab.pairs.sync_state import SUFFIXES, Base, Moment, leads_out
from remote_lab.pairs.verdict import Now, Past, Verdict, judge


class Side(NamedTuple):
    """One file of a pair, read; without cells where it can't be read as a notebook."""

    text: str
    cells: Any
    fingerprint: str


class Ward:
    """Treats pairs.

    Args:
        root: The project's folder.
        kernel: The project's kernel.
        mode: The answer to notebooks_in_git.
        black: What formats Python; None to load it here, if there is work for it.
    """

    def __init__(
        self, root: str, kernel: str, mode: str, black: Apart | None = None
    ) -> None:
        self._root = root
        self._mode = mode
        self._apart = black
        self._cells = Cells(root, kernel)
        self._head_of: Task | None = None
        self._sides: list[Side | None] = []

    @cached_property
    def _black(self) -> Apart | Here:
        return self._apart or Here(self._root)

    def treat(self, task: Task) -> Treated:
        """Say what a pair's files should hold."""
        try:
            return self._treat(task)
        except NotOurs:
            return Treated(task.name)
        except Unreadable as error:  # of what it makes itself, the notebook is odd
            path = error.path or f"{task.name}.ipynb"
            return Treated(task.name, unreadable=(path, error.why))

    def _treat(self, task: Task) -> Treated:
        script = self._read(task, ".py")
        notebook = self._read(task, ".ipynb")
        if script and not notebook and not cells.is_script(script.text):
            return Treated(task.name)
        verdict = self._verdict(task, script, notebook)
        if verdict in (Verdict.IN_STEP, Verdict.SCRIPT) and script:
            return self._follow_script(task, verdict, script, notebook)
        if verdict is Verdict.NOTEBOOK and notebook:
            return self._follow_notebook(task, script, notebook)
        if verdict is Verdict.BOTH and self._is_part(task, script, notebook):
            return Treated(task.name, Verdict.IN_STEP)
        base = self._agreed(task)[0] if verdict is Verdict.PARKED else None
        return Treated(task.name, verdict, base=base)

    def _read(self, task: Task, suffix: str) -> Side | None:
        path = task.name + suffix
        if leads_out(self._root, os.path.join(self._root, path)):
            raise Unreadable("it is a link that leads out of the project", path)
        try:
            with open(os.path.join(self._root, path), "rb") as file:
                content = file.read()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise Unreadable(str(error), path) from None
        try:
            return self._side(content.decode("utf-8-sig"), suffix)
        except (Unreadable, UnicodeDecodeError) as error:
            if task.wins and task.wins != suffix:  # it will be overwritten, and kept
                return Side(content.decode("utf-8", "surrogateescape"), None, "")
            why = error.why if isinstance(error, Unreadable) else str(error)
            raise Unreadable(why, path) from None

    def _side(self, text: str, suffix: str) -> Side:
        reads = self._cells.of_script if suffix == ".py" else self._cells.of_json
        notebook = reads(text)
        return Side(text, notebook, self._cells.fingerprint(notebook))

    def _former(self, text: str | None, suffix: str) -> Side | None:
        """A side as git has it, where it is readable."""
        try:
            return self._side(text, suffix) if text is not None else None
        except (Unreadable, NotOurs):
            return None

    def _head(self, task: Task) -> list[Side | None]:
        """Both sides as the last commit has them; read once for each pair."""
        if self._head_of is not task:
            self._head_of = task
            self._sides = [self._former(task.head[i], SUFFIXES[i]) for i in (0, 1)]
        return self._sides

    def _verdict(
        self, task: Task, script: Side | None, notebook: Side | None
    ) -> Verdict:
        if task.wins:
            return Verdict.SCRIPT if task.wins == ".py" else Verdict.NOTEBOOK
        now = Now(
            script and script.fingerprint,
            notebook and notebook.fingerprint,
            notebook and self._through(notebook, script),
        )
        base, moment = self._agreed(task)
        since = history.commits_since([*task.log], moment)

        def head() -> Now:
            return Now(*(side and side.fingerprint for side in self._head(task)))

        past = Past(
            head,
            lambda: self._scripts(task.name, since),
            lambda: self._scripts(task.name, self._all_commits(task)),
        )
        return judge(now, base, past, self._git_has_both)

    def _agreed(self, task: Task) -> tuple[Base | None, Moment | None]:
        """What both sides held when last known to be in sync, and when that was."""
        if task.note:
            with suppress(Unreadable, NotOurs):
                side = self._side(task.note.script, ".py")
                kernel = cells.kernel_of(side.cells)
                base = Base(side.fingerprint, side.fingerprint, kernel)
                return base, task.note.moment
        return (task.entry.base, task.entry.moment) if task.entry else (None, None)

    def _through(self, notebook: Side, script: Side | None) -> str:
        """The fingerprint of the script that a notebook makes."""
        if script and script.fingerprint == notebook.fingerprint:
            return notebook.fingerprint
        text = self._cells.script(notebook.cells)
        return self._side(text, ".py").fingerprint

    def _all_commits(self, task: Task) -> list[str]:
        """Those that changed the script below HEAD, and those that HEAD was on."""
        changed = repository.commits_of(self._root, f"{task.name}.py")
        return changed + history.commits_since([*task.log], None)

    def _scripts(self, name: str, commits: list[str]) -> set[str]:
        """The fingerprints of a script in some commits."""
        texts = repository.versions(self._root, commits, f"{name}.py")
        sides = (self._former(text, ".py") for text in texts)
        return {side.fingerprint for side in sides if side}

    def _is_part(self, task: Task, script: Side | None, notebook: Side | None) -> bool:
        """Whether the script may be what a part-staged commit takes of the notebook.

        Then the working tree has more than the hook is shown, and nothing that is only
        in the script could be lost.
        """
        if self._git_has_both or not (task.staged and script and notebook):
            return False
        head = self._head(task)[0]
        known = _sources(notebook.cells) | (_sources(head.cells) if head else set())
        return _sources(script.cells) <= known

    def _follow_script(
        self, task: Task, verdict: Verdict, script: Side, notebook: Side | None
    ) -> Treated:
        formatted = self._format(task, script.cells)
        spec = self._kernel(task, script, notebook)
        odd = task.staged and self._has_odd_header(script, spec)
        text: str | None = None
        if formatted or odd or (task.scripts and _names_another(script, spec)):
            text = self._cells.script(script.cells, spec)
        former, lost = notebook, None
        if notebook and notebook.cells is None:
            former = self._former(task.ours or task.head[1], ".ipynb")
            lost = notebook.text
        elif notebook and verdict is Verdict.SCRIPT and self._is_news(task, notebook):
            lost = self._cells.script(notebook.cells)
        whole, json = former and former.cells, None
        if verdict is Verdict.SCRIPT or formatted:
            whole = self._cells.follow(script.cells, whole)
            json = self._json(whole, spec)
        elif self._has_to_name(task, text, notebook, spec):
            json = self._json(whole, spec)
        agreed = text is not None or not _names_another(script, spec)
        return Treated(
            task.name,
            verdict,
            text if text != script.text else None,
            json if not notebook or json != notebook.text else None,
            (
                self._base(
                    text, script.fingerprint, whole if json else None, notebook, spec
                )
                if agreed
                else None
            ),
            text or script.text,
            lost,
            formatted,
            self._mode if task.staged else "",
        )

    def _follow_notebook(
        self, task: Task, script: Side | None, notebook: Side
    ) -> Treated:
        lost = None
        if script and (not script.cells or self._is_news(task, script)):
            lost = script.text
        whole = notebook.cells
        formatted = self._format(task, whole)
        former = script.cells.metadata if script and script.cells else None
        # The notebook first: of two kernels that are new, its one counts.
        spec = self._kernel(task, notebook, script)
        text = self._cells.script(whole, spec, former)
        json = None
        if formatted or (task.staged and self._git_has_both):
            json = self._json(whole, spec)
        return Treated(
            task.name,
            Verdict.NOTEBOOK,
            text,
            json if json != notebook.text else None,
            self._base(text, "", whole if json else None, notebook, spec),
            text,
            lost,
            formatted,
            self._mode if task.staged else "",
        )

    @property
    def _git_has_both(self) -> bool:
        return self._mode != "scripts"

    def _format(self, task: Task, notebook: Any) -> int:
        """Format what this commit brings, in place; how many cells are different."""
        if not task.staged:
            return 0
        head = self._head(task)[0]
        known = _sources(head.cells) if head else set()
        if _sources(notebook, "code") <= known:
            return 0
        return format_cells(notebook, known, self._black)

    def _kernel(self, task: Task, *sides: Side | None) -> Any:
        """The kernel of a pair: the one that was chosen last, or the project's.

        Args:
            task: The pair.
            sides: Its sides; of two new choices, that of the first one counts.
        """
        base = self._agreed(task)[0]
        known = base.kernel if base else ""
        if not known and (head := self._head(task)[0]):
            known = cells.kernel_of(head.cells)
        known = known or self._cells.spec["name"]
        specs = [
            side.cells.metadata.kernelspec
            for side in sides
            if side and side.cells and cells.kernel_of(side.cells)
        ]
        new = [spec for spec in specs if spec["name"] != known]
        return (new or specs or [self._cells.spec])[0]

    def _has_to_name(
        self, task: Task, text: str | None, notebook: Side | None, spec: Any
    ) -> bool:
        """Whether a notebook that is in sync is to be written, to be clean for git."""
        if self._git_has_both:
            return task.staged
        return bool(task.staged and text) or self._lacks_kernel(notebook, spec)

    def _lacks_kernel(self, notebook: Side | None, spec: Any) -> bool:
        """Whether a notebook does not name the kernel that was chosen."""
        if spec["name"] == self._cells.spec["name"]:
            return _names_another(notebook, spec)
        return notebook is not None and cells.kernel_of(notebook.cells) != spec["name"]

    def _has_odd_header(self, script: Side, spec: Any) -> bool:
        wanted = cells.header(self._cells.script(script.cells, spec))
        return cells.header(script.text) not in ("", wanted)

    def _json(self, notebook: Any, spec: Any) -> str:
        """The .ipynb file's text, as clean as git shall have it."""
        if self._mode == "both-stripped":
            cells.strip(notebook)
        if self._git_has_both:
            cells.drop_version(notebook)
        return self._cells.json(notebook, spec)

    def _is_news(self, task: Task, side: Side) -> bool:
        """Whether the last commit lacks a side's cells, so that they could be lost."""
        known = {former.fingerprint for former in self._head(task) if former}
        return side.fingerprint not in known

    def _base(
        self,
        text: str | None,
        script: str,
        whole: Any | None,
        notebook: Side | None,
        spec: Any,
    ) -> Base:
        """What both sides hold, once the new texts are written."""
        if text is not None:
            script = self._side(text, ".py").fingerprint
        if whole is not None:
            return Base(script, self._cells.fingerprint(whole), spec["name"])
        assert notebook
        return Base(script, notebook.fingerprint, spec["name"])


def _names_another(side: Side | None, spec: Any) -> bool:
    """Whether a side names a kernel that was chosen, and that is not this one."""
    named = cells.kernel_of(side.cells) if side and side.cells else ""
    return named not in ("", spec["name"])


def _sources(notebook: Any, kind: str = "") -> set[str]:
    return {cell.source for cell in notebook.cells if kind in ("", cell.cell_type)}
