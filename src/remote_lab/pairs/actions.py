"""The commands: find the pairs, have them reconciled, write the files, report."""

import os
import sys
from collections.abc import Iterable
from functools import cached_property

from remote_lab.pairs import history, messages, repository
from remote_lab.pairs.pair import Result, Task
from remote_lab.pairs.precommit import stashed_since
from remote_lab.pairs.settings import Settings
from remote_lab.pairs.sync_state import (
    FOLDER,
    SUFFIXES,
    Entry,
    Failure,
    Stat,
    Stats,
    SyncState,
)
from remote_lab.pairs.verdict import Verdict
from remote_lab.pairs.writing import Changed, write


class Actions:
    """The commands for the pairs of a working tree; one object runs one command.

    Args:
        root: The project's folder.
        state: The pairs, as they are and as they were last in sync.
        settings: The project's settings.
    """

    def __init__(self, root: str, state: SyncState, settings: Settings) -> None:
        self._root = root
        self._state = state
        self._settings = settings
        self._git_has_notebooks = settings.git_has_notebooks
        self._refused = False
        self._to_add: list[str] = []
        # Before any file is read: a commit that comes later counts the next time.
        self._log = history.log_of_head(root)
        self._note_stats: dict[str, Stat] = {}

    def commit(self) -> bool:
        """Sync and format the pairs of a commit that is about to be made.

        Returns:
            Whether the commit may be made: no file was changed, no pair differs.
        """
        paths = repository.staged(self._root, FOLDER)
        ours = SUFFIXES if self._git_has_notebooks else (".py",)
        stems = map(os.path.splitext, paths)
        staged = {stem for stem, suffix in stems if suffix in ours}
        staged &= self._state.now.keys()
        mode = self._settings.mode
        todo = {name for name in staged if not self._state.is_clean(name, mode)}
        # They are to become part of the commit, and so are formatted as well.
        todo |= self._edited_unseen()
        results = self._reconcile(todo, todo)
        harmless = (Verdict.NOTEBOOK, Verdict.IN_SYNC)
        chosen = [it for it in results if it.name in staged or it.verdict in harmless]
        self._apply_all([self._without_stashed(it, paths) for it in chosen])
        if self._git_has_notebooks:
            self._require_both_sides(staged)
        if self._to_add:
            _report(messages.to_add(self._to_add))
        return not self._refused and not self._to_add

    def _edited_unseen(self) -> set[str]:
        """Pairs with edits that git does not see, since it ignores the notebooks.

        A script that pre-commit has just checked out may hold less than its author
        sees: that pair is left out.
        """
        found = set()
        for name in self._state.changed() if not self._git_has_notebooks else ():
            was, now = self._state.known(name), self._state.now[name]
            if not now.notebook:
                continue
            if (was and was.script == now.script) or not self._may_be_stashed(name):
                found.add(name)
        return found

    def _may_be_stashed(self, name: str) -> bool:
        """Whether pre-commit may have stashed a part of the script."""
        script = self._state.now[name].script
        return script is not None and script[1] >= self._stashed_since  # its ctime

    @cached_property
    def _stashed_since(self) -> float:
        return stashed_since()

    def _without_stashed(self, result: Result, staged: set[str]) -> Result:
        """Leave out the notebook, if it may hold more than the script does now.

        It would lose what is stashed. Where git ignores it, it is updated after the
        commit; where git has it, the script is to be added.
        """
        script = f"{result.name}.py"
        updates = result.verdict is Verdict.SCRIPT and result.notebook is not None
        if not updates or not self._may_be_stashed(result.name):
            return result
        if self._git_has_notebooks and script in staged:
            return result
        if self._git_has_notebooks:
            _report(messages.missing_side(script))
            self._to_add.append(script)
            result = result._replace(script=None, formatted=0)
        return result._replace(notebook=None, base=None, overwritten=None)

    def _require_both_sides(self, staged: set[str]) -> None:
        """Where git has the notebooks, a commit needs both sides of a pair."""
        paths = [name + suffix for name in sorted(staged) for suffix in SUFFIXES]
        existing = [path for path in paths if os.path.exists(f"{self._root}/{path}")]
        for path in set(existing) - repository.tracked(self._root, existing):
            if path not in self._to_add:
                _report(messages.missing_side(path))
                self._to_add.append(path)

    def refresh(self) -> bool:
        """Update the notebooks from their scripts; edited notebooks are not changed."""
        if self._git_has_notebooks:
            return True  # git has updated both sides
        results = self._reconcile(self._state.changed(), scripts=False)
        for result in results:
            edited = result.verdict in (Verdict.NOTEBOOK, Verdict.BOTH)
            if edited and self._state.now[result.name].script:
                _report(messages.not_updated(result))
        leave = (Verdict.NOTEBOOK, Verdict.BOTH, Verdict.ONE_DELETED)
        chosen = [it for it in results if it.verdict not in leave]
        self._apply_all(chosen, quiet=True)
        return True

    def sync(self) -> bool:
        """Bring all pairs in sync, wherever that is safe.

        Returns:
            Whether all are in sync then.
        """
        self._apply_all(self._reconcile(self._state.changed()))
        return self._report_all_in_sync()

    def check(self) -> bool:
        """Report the pairs that are not in sync, and change nothing.

        Returns:
            Whether all are in sync.
        """
        for result in self._reconcile(self._state.changed()):
            fine = result.verdict in (None, Verdict.IN_SYNC, Verdict.OTHER_BRANCH)
            if (
                not self._git_has_notebooks
                and not self._state.now[result.name].notebook
            ):
                fine = True  # each clone makes its own notebooks
            if result.unreadable or not fine:
                _report(messages.out_of_sync(result))
                self._refused = True
        return self._report_all_in_sync()

    def _report_all_in_sync(self) -> bool:
        if not self._refused:
            print(messages.all_in_sync(len(self._state.now)))
        return not self._refused

    def overwrite(self, winner: str, files: list[str]) -> bool:
        """Overwrite one side of some pairs with the other.

        Args:
            winner: The suffix of the side that is kept.
            files: One file of each pair, either; both are fine as well.

        Returns:
            Whether all of them are in sync then.

        Raises:
            Failure: A file is not one of a pair, or the side to keep does not exist.
        """
        names = {self._name(file) for file in files}
        for name in sorted(names):
            if not os.path.exists(f"{self._root}/{name}{winner}"):
                raise Failure(
                    f"{name}{winner} does not exist. Nothing was changed.\n"
                    "  See the files that exist: ls notebooks"
                )
        results = self._reconcile(names, winner=winner)
        self._apply_all(results)
        for result in results:
            if not result.verdict and not result.unreadable:
                _report(messages.not_a_pair(f"{result.name}{winner}"))
                self._refused = True
        return not self._refused

    def _name(self, file: str) -> str:
        """The name of the pair of a file that the user named."""
        folder, name = os.path.split(file)
        # Not of the file: it may be a link to another folder.
        folder = os.path.relpath(os.path.realpath(folder), os.path.realpath(self._root))
        path = os.path.normpath(os.path.join(folder, name))
        stem, suffix = os.path.splitext(path)
        if suffix not in SUFFIXES or not stem.startswith(f"{FOLDER}/"):
            raise Failure(
                f"{file} is not a notebook or script in {FOLDER}/."
                " Nothing was changed.\n"
                f"  Name a file such as {FOLDER}/NAME.py or {FOLDER}/NAME.ipynb."
            )
        return stem

    def _reconcile(
        self,
        names: Iterable[str],
        staged: Iterable[str] = (),
        winner: str = "",
        scripts: bool = True,
    ) -> list[Result]:
        chosen = sorted(names)
        if not chosen:
            return []
        from remote_lab.pairs.reconcile import Reconciler  # loads jupytext: it is slow

        paths = [name + suffix for name in chosen for suffix in SUFFIXES]
        head = repository.texts(self._root, "HEAD", paths)
        ours = repository.texts(self._root, ":2", paths) if winner else {}
        reconciler = Reconciler(self._root, self._settings)
        return [
            reconciler.reconcile(
                self._task(name)._replace(
                    head=(head.get(f"{name}.py"), head.get(f"{name}.ipynb")),
                    ours=ours.get(f"{name}.ipynb"),
                    staged=name in staged,
                    scripts=scripts,
                    winner=winner,
                )
            )
            for name in chosen
        ]

    def _task(self, name: str) -> Task:
        """What is known of a pair before its files are read."""
        entry = self._state.entry(name)
        self._note_stats[name] = seen = history.stat_of_note(self._root, name)
        is_newer = seen and (entry is None or seen != entry.note)
        return Task(
            name=name,
            entry=entry,
            note=history.note_of(self._root, name) if is_newer else None,
            log=self._log,
        )

    def _apply_all(self, results: list[Result], quiet: bool = False) -> None:
        """Write the files of pairs, update the sync state, and report."""
        lost = {it.name: it.overwritten for it in results if it.overwritten is not None}
        stored = repository.store(self._root, lost)
        for result in results:
            self._report_problem(result, quiet)
            self._apply(result, stored.get(result.name, ""), quiet)

    def _report_problem(self, result: Result, quiet: bool) -> None:
        if result.unreadable:
            existing = self._state.now[result.name]
            _report(messages.unreadable(*result.unreadable, existing))
            self._refused = self._refused or not quiet
        elif result.verdict in (Verdict.BOTH, Verdict.ONE_DELETED):
            existing = self._state.now[result.name]
            may_be_staged = self._may_be_stashed(result.name)
            _report(messages.refusal(result, existing, may_be_staged))
            self._refused = True

    def _apply(self, result: Result, stored: str, quiet: bool) -> None:
        entry = self._state.entry(result.name)
        known = Entry(
            stats=Stats(),
            base=entry.base if entry else None,
            moment=history.last(self._log),
            note=self._note_stats[result.name],
        )
        try:
            written = write(
                self._root, self._state, result, known, self._is_lasting(result)
            )
        except Changed as changed:
            _report(str(changed))
            self._refused = True
            return
        tracked = [
            it for it in written if self._git_has_notebooks or it.endswith(".py")
        ]
        self._to_add += tracked
        if not quiet and (tracked or result.overwritten):
            _report(messages.synced(result, written, stored))

    def _is_lasting(self, result: Result) -> bool:
        """Whether the files keep what is written now.

        pre-commit undoes it in a file with stashed edits. That pair is not in sync
        then, and the sync state must not say that it is.
        """
        seen = self._state.now.get(result.name, Stats())
        todo = []
        if result.script is not None:
            todo.append(seen.script)
        if result.notebook is not None and self._git_has_notebooks:
            todo.append(seen.notebook)
        changed = [stat[1] for stat in todo if stat]
        return not changed or max(changed) < self._stashed_since


def _report(text: str) -> None:
    print(text, file=sys.stderr)
