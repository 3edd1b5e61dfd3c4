"""Reconciles one pair: finds which side was edited, and what both files should hold.

It reads files, and writes none.
"""

import os
from contextlib import suppress
from functools import cached_property
from typing import Any, NamedTuple

from remote_lab.pairs import cells, history, repository
from remote_lab.pairs.cells import NotebookFiles, OtherLanguage, Unreadable
from remote_lab.pairs.pair import Result, Task
from remote_lab.pairs.settings import Settings
from remote_lab.pairs.sync_state import SUFFIXES, Base, Moment, leads_out
from remote_lab.pairs.verdict import Current, Past, Verdict, decide


class Side(NamedTuple):
    """One file of a pair; without cells where it can't be read as a notebook."""

    text: str
    cells: Any
    fingerprint: str


class Reconciler:
    """Reconciles the pairs of a project.

    Args:
        root: The project's folder.
        settings: The project's settings.
    """

    def __init__(self, root: str, settings: Settings) -> None:
        self._root = root
        self._mode = settings.mode
        self._git_has_notebooks = settings.git_has_notebooks
        self._files = NotebookFiles(root, settings.kernel)
        self._head_of: Task | None = None
        self._sides: list[Side | None] = []

    def reconcile(self, task: Task) -> Result:
        """Find what a pair's files should hold."""
        try:
            return self._reconcile(task)
        except OtherLanguage:
            return Result(task.name)
        except Unreadable as error:
            # Without a path, it is about a text that was made from the notebook.
            path = error.path or f"{task.name}.ipynb"
            return Result(task.name, unreadable=(path, error.reason))

    def _reconcile(self, task: Task) -> Result:
        script = self._read(task, ".py")
        notebook = self._read(task, ".ipynb")
        if script and not notebook and not cells.is_script(script.text):
            return Result(task.name)
        verdict = self._verdict(task, script, notebook)
        if verdict in (Verdict.IN_SYNC, Verdict.SCRIPT) and script:
            return self._from_script(task, verdict, script, notebook)
        if verdict is Verdict.NOTEBOOK and notebook:
            return self._from_notebook(task, script, notebook)
        if verdict is Verdict.BOTH and self._is_part_staged(task, script, notebook):
            return Result(task.name, Verdict.IN_SYNC)
        base = self._last_sync(task)[0] if verdict is Verdict.OTHER_BRANCH else None
        return Result(task.name, verdict, base=base)

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
            if (
                task.winner and task.winner != suffix
            ):  # it is overwritten, and stored in git
                return Side(content.decode("utf-8", "surrogateescape"), None, "")
            reason = error.reason if isinstance(error, Unreadable) else str(error)
            raise Unreadable(reason, path) from None

    def _side(self, text: str, suffix: str) -> Side:
        reads = (
            self._files.read_script if suffix == ".py" else self._files.read_notebook
        )
        notebook = reads(text)
        return Side(text, notebook, self._files.fingerprint(notebook))

    def _former(self, text: str | None, suffix: str) -> Side | None:
        """A side as git has it; None where it can't be read."""
        try:
            return self._side(text, suffix) if text is not None else None
        except (Unreadable, OtherLanguage):
            return None

    def _head(self, task: Task) -> list[Side | None]:
        """Both sides in the last commit; read once for each pair."""
        if self._head_of is not task:
            self._head_of = task
            self._sides = [self._former(task.head[i], SUFFIXES[i]) for i in (0, 1)]
        return self._sides

    def _verdict(
        self, task: Task, script: Side | None, notebook: Side | None
    ) -> Verdict:
        if task.winner:
            return Verdict.SCRIPT if task.winner == ".py" else Verdict.NOTEBOOK
        now = Current(
            script and script.fingerprint,
            notebook and notebook.fingerprint,
            notebook and self._round_trip(notebook, script),
        )
        base, moment = self._last_sync(task)
        since = history.commits_since([*task.log], moment)

        def head() -> Current:
            return Current(*(side and side.fingerprint for side in self._head(task)))

        past = Past(
            head,
            lambda: self._scripts(task.name, since),
            lambda: self._scripts(task.name, self._all_commits(task)),
        )
        return decide(now, base, past, self._git_has_notebooks)

    def _last_sync(self, task: Task) -> tuple[Base | None, Moment | None]:
        """What both sides held when they were last known to be in sync, and when."""
        if task.note:
            with suppress(Unreadable, OtherLanguage):
                side = self._side(task.note.script, ".py")
                kernel = cells.kernel_of(side.cells)
                base = Base(side.fingerprint, side.fingerprint, kernel)
                return base, task.note.moment
        return (task.entry.base, task.entry.moment) if task.entry else (None, None)

    def _round_trip(self, notebook: Side, script: Side | None) -> str:
        """The fingerprint of the script that a notebook makes."""
        if script and script.fingerprint == notebook.fingerprint:
            return notebook.fingerprint
        text = self._files.script_text(notebook.cells)
        return self._side(text, ".py").fingerprint

    def _all_commits(self, task: Task) -> list[str]:
        """The commits up to HEAD that changed the script, and all that HEAD was on."""
        changed = repository.commits_of(self._root, f"{task.name}.py")
        return changed + history.commits_since([*task.log], None)

    def _scripts(self, name: str, commits: list[str]) -> set[str]:
        """The fingerprints of a script in some commits."""
        texts = repository.versions(self._root, commits, f"{name}.py")
        sides = (self._former(text, ".py") for text in texts)
        return {side.fingerprint for side in sides if side}

    def _is_part_staged(
        self, task: Task, script: Side | None, notebook: Side | None
    ) -> bool:
        """Whether the script may be the staged part of what the notebook holds.

        Then pre-commit has stashed the rest, and the script has no cells of its own
        that could be lost.
        """
        if self._git_has_notebooks or not (task.staged and script and notebook):
            return False
        head = self._head(task)[0]
        known = _sources(notebook.cells) | (_sources(head.cells) if head else set())
        return _sources(script.cells) <= known

    def _from_script(
        self, task: Task, verdict: Verdict, script: Side, notebook: Side | None
    ) -> Result:
        """The script was edited, or both are in sync: the notebook gets its cells."""
        formatted = self._format(task, script.cells)
        spec = self._kernel(task, script, notebook)
        text: str | None = None
        if formatted or self._needs_header(task, script, spec):
            text = self._files.script_text(script.cells, spec)
        former, overwritten = notebook, None
        if notebook and notebook.cells is None:
            former = self._former(task.ours or task.head[1], ".ipynb")
            overwritten = notebook.text
        elif notebook and verdict is Verdict.SCRIPT and self._is_news(task, notebook):
            overwritten = self._files.script_text(notebook.cells)
        whole, json = former and former.cells, None
        if verdict is Verdict.SCRIPT or formatted:
            whole = self._files.with_outputs(script.cells, whole)
            json = self._notebook_text(whole, spec)
        elif self._needs_rewrite(task, text, notebook, spec):
            json = self._notebook_text(whole, spec)
        base = None
        if text is not None or not _names_another(script, spec):
            written = whole if json else None
            base = self._base(text, script.fingerprint, written, notebook, spec)
        return Result(
            task.name,
            verdict,
            script=text if text != script.text else None,
            notebook=json if not notebook or json != notebook.text else None,
            base=base,
            synced_script=text or script.text,
            overwritten=overwritten,
            formatted=formatted,
            clean_for=self._mode if task.staged else "",
        )

    def _from_notebook(self, task: Task, script: Side | None, notebook: Side) -> Result:
        """The notebook was edited: the script gets its cells."""
        overwritten = None
        if script and (not script.cells or self._is_news(task, script)):
            overwritten = script.text
        whole = notebook.cells
        formatted = self._format(task, whole)
        former = script.cells.metadata if script and script.cells else None
        # The notebook comes first: of two newly chosen kernels, its kernel wins.
        spec = self._kernel(task, notebook, script)
        text = self._files.script_text(whole, spec, former)
        json = None
        if formatted or (task.staged and self._git_has_notebooks):
            json = self._notebook_text(whole, spec)
        return Result(
            task.name,
            Verdict.NOTEBOOK,
            script=text,
            notebook=json if json != notebook.text else None,
            base=self._base(text, "", whole if json else None, notebook, spec),
            synced_script=text,
            overwritten=overwritten,
            formatted=formatted,
            clean_for=self._mode if task.staged else "",
        )

    def _format(self, task: Task, notebook: Any) -> int:
        """Format the cells that the commit changes; the number of changed cells."""
        if not task.staged:
            return 0
        head = self._head(task)[0]
        known = _sources(head.cells) if head else set()
        if _sources(notebook, "code") <= known:
            return 0
        from remote_lab.pairs.formatting import format_cells  # loads black: it is slow

        return format_cells(notebook, known, self._black_mode)

    @cached_property
    def _black_mode(self) -> Any:
        from remote_lab.pairs.formatting import read_mode

        return read_mode(self._root)

    def _kernel(self, task: Task, *sides: Side | None) -> Any:
        """The kernel of a pair: the one that the user chose last, or the project's.

        Args:
            task: The pair.
            sides: Its sides; of two new choices, the one of the first side wins.
        """
        base = self._last_sync(task)[0]
        known = base.kernel if base else ""
        if not known and (head := self._head(task)[0]):
            known = cells.kernel_of(head.cells)
        known = known or self._files.spec["name"]
        specs = [
            side.cells.metadata.kernelspec
            for side in sides
            if side and side.cells and cells.kernel_of(side.cells)
        ]
        new = [spec for spec in specs if spec["name"] != known]
        return (new or specs or [self._files.spec])[0]

    def _needs_rewrite(
        self, task: Task, text: str | None, notebook: Side | None, spec: Any
    ) -> bool:
        """Whether a notebook that is in sync is written, to be clean for git."""
        if self._git_has_notebooks:
            return task.staged
        return bool(task.staged and text) or self._lacks_kernel(notebook, spec)

    def _lacks_kernel(self, notebook: Side | None, spec: Any) -> bool:
        """Whether a notebook does not name the kernel that the user chose."""
        if spec["name"] == self._files.spec["name"]:
            return _names_another(notebook, spec)
        return notebook is not None and cells.kernel_of(notebook.cells) != spec["name"]

    def _needs_header(self, task: Task, script: Side, spec: Any) -> bool:
        """Whether the script is written since its header is not as it should be."""
        if task.scripts and _names_another(script, spec):
            return True
        if not task.staged:
            return False
        wanted = cells.header(self._files.script_text(script.cells, spec))
        return cells.header(script.text) not in ("", wanted)

    def _notebook_text(self, notebook: Any, spec: Any) -> str:
        """The text of the .ipynb file, cleaned for git."""
        if self._mode == "both-stripped":
            cells.strip_outputs(notebook)
        if self._git_has_notebooks:
            cells.drop_version(notebook)
        return self._files.notebook_text(notebook, spec)

    def _is_news(self, task: Task, side: Side) -> bool:
        """Whether the last commit lacks the cells of a side."""
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
        """What both sides hold when the new texts are written."""
        if text is not None:
            script = self._side(text, ".py").fingerprint
        if whole is not None:
            return Base(script, self._files.fingerprint(whole), spec["name"])
        assert notebook
        return Base(script, notebook.fingerprint, spec["name"])


def _names_another(side: Side | None, spec: Any) -> bool:
    """Whether a side names a kernel that the user chose, and not this one."""
    named = cells.kernel_of(side.cells) if side and side.cells else ""
    return named not in ("", spec["name"])


def _sources(notebook: Any, kind: str = "") -> set[str]:
    return {cell.source for cell in notebook.cells if kind in ("", cell.cell_type)}
