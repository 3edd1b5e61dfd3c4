"""What each word does: find the pairs, have them treated, write, and tell."""

import os
import signal
import sys
from collections.abc import Callable, Iterable
from functools import cached_property

from remote_lab.pairs import history, messages, repository
from remote_lab.pairs.blackened import Apart
from remote_lab.pairs.pair import Task, Treated
from remote_lab.pairs.precommit import putting_away_since
from remote_lab.pairs.settings import Settings
from remote_lab.pairs.sync_state import (
    FOLDER,
    SUFFIXES,
    Entry,
    Failure,
    Record,
    Stat,
    Stats,
)
from remote_lab.pairs.verdict import Verdict
from remote_lab.pairs.writing import Changed, write

FEW = 6  # pairs that are done before other processes have loaded black

_treat_here: Callable[[Task], Treated]


class Work:
    """The pairs of a working tree, and what is done with them.

    Args:
        root: The project's folder.
        record: What was in sync when.
        settings: The project's.
    """

    def __init__(self, root: str, record: Record, settings: Settings) -> None:
        self.root = root
        self.record = record
        self.settings = settings
        self.git_has_both = settings.notebooks_in_git != "scripts"
        self.refused = False
        self.to_add: list[str] = []
        # Before any file is read: what comes meanwhile counts the next time.
        self._log = history.log_of_head(root)
        self._notes: dict[str, Stat] = {}

    def commit(self) -> bool:
        """See to the pairs of a commit that is about to be made: pre-commit's hook."""
        paths = repository.staged(self.root, FOLDER)
        ours = SUFFIXES if self.git_has_both else (".py",)
        stems = map(os.path.splitext, paths)
        staged = {stem for stem, suffix in stems if suffix in ours}
        staged &= self.record.now.keys()
        mode = self.settings.notebooks_in_git
        todo = {name for name in staged if not self.record.is_fit(name, mode)}
        # What is not staged is to be part of it, so that is formatted as well.
        todo |= self._edited_unseen()
        done = self._treat(todo, todo)
        harmless = (Verdict.NOTEBOOK, Verdict.IN_STEP)
        seen = [it for it in done if it.name in staged or it.verdict in harmless]
        self._apply_all([self._spared(it, paths) for it in seen])
        if self.git_has_both:
            self._want_both(staged)
        if self.to_add:
            _tell(messages.to_add(self.to_add))
        return not self.refused and not self.to_add

    def _edited_unseen(self) -> set[str]:
        """Pairs whose edits are in no commit, since git ignores the notebooks.

        A script that pre-commit has just checked out may hold less than its author
        sees: that pair is left alone.
        """
        found = set()
        for name in self.record.changed() if not self.git_has_both else ():
            was, now = self.record.known(name), self.record.now[name]
            if not now.notebook:
                continue
            if (was and was.script == now.script) or not self._may_be_part(name):
                found.add(name)
        return found

    def _may_be_part(self, name: str) -> bool:
        """Whether a script may have just been put in place of one that holds more."""
        script = self.record.now[name].script
        return script is not None and script[1] >= self._begun  # its status changed

    @cached_property
    def _begun(self) -> float:
        return putting_away_since()

    def _spared(self, treated: Treated, staged: set[str]) -> Treated:
        """Without the notebook, if it may know more than the script that is there.

        It would lose what is put away. Where git does not have it, it is early enough
        if it follows after the commit; where git has it, the script is to be added.
        """
        script = f"{treated.name}.py"
        follows = treated.verdict is Verdict.SCRIPT and treated.notebook is not None
        if not follows or not self._may_be_part(treated.name):
            return treated
        if self.git_has_both and script in staged:
            return treated
        if self.git_has_both:
            _tell(messages.lacks(script))
            self.to_add.append(script)
            treated = treated._replace(script=None, formatted=0)
        return treated._replace(notebook=None, base=None, lost=None)

    def _want_both(self, staged: set[str]) -> None:
        """Where git has both sides, a commit brings both."""
        paths = [name + suffix for name in sorted(staged) for suffix in SUFFIXES]
        there = [path for path in paths if os.path.exists(f"{self.root}/{path}")]
        for path in set(there) - repository.tracked(self.root, there):
            if path not in self.to_add:
                _tell(messages.lacks(path))
                self.to_add.append(path)

    def refresh(self) -> bool:
        """Have the notebooks follow their scripts; what was edited stays as it is."""
        if self.git_has_both:
            return True  # git brings both
        done = self._treat(self.record.changed(), scripts=False)
        for treated in done:
            edited = treated.verdict in (Verdict.NOTEBOOK, Verdict.BOTH)
            if edited and self.record.now[treated.name].script:
                _tell(messages.left(treated))
        leave = (Verdict.NOTEBOOK, Verdict.BOTH, Verdict.HALF)
        self._apply_all([it for it in done if it.verdict not in leave], quiet=True)
        return True

    def sync(self) -> bool:
        """Bring all pairs in sync, wherever that is safe."""
        self._apply_all(self._treat(self.record.changed()))
        return self._all_in_step()

    def check(self) -> bool:
        """Tell which pairs are not in sync, and change nothing."""
        for treated in self._treat(self.record.changed()):
            fine = treated.verdict in (None, Verdict.IN_STEP, Verdict.PARKED)
            if not self.git_has_both and not self.record.now[treated.name].notebook:
                fine = True  # it is to be made yet
            if treated.unreadable or not fine:
                _tell(messages.differs(treated))
                self.refused = True
        return self._all_in_step()

    def _all_in_step(self) -> bool:
        if not self.refused:
            print(messages.in_step(len(self.record.now)))
        return not self.refused

    def take(self, wins: str, files: list[str]) -> bool:
        """Overwrite one side of some pairs with the other.

        Args:
            wins: The suffix of the side that is kept.
            files: One file of each pair, either.

        Raises:
            Failure: A file is none of a pair's, or the side to keep is not there.
        """
        names = {self._name(file) for file in files}  # both files of a pair, perhaps
        for name in sorted(names):
            if not os.path.exists(f"{self.root}/{name}{wins}"):
                raise Failure(f"There is no {name}{wins}. Nothing was changed.")
        done = self._treat(names, wins=wins)
        self._apply_all(done)
        for treated in done:
            if not treated.verdict and not treated.unreadable:
                _tell(messages.not_ours(f"{treated.name}{wins}"))
                self.refused = True
        return not self.refused

    def _name(self, file: str) -> str:
        folder, name = os.path.split(file)
        # Not of the file: it may be a link to one that is elsewhere.
        folder = os.path.relpath(os.path.realpath(folder), os.path.realpath(self.root))
        path = os.path.normpath(os.path.join(folder, name))
        stem, suffix = os.path.splitext(path)
        if suffix not in SUFFIXES or not stem.startswith(f"{FOLDER}/"):
            raise Failure(
                f"{file} is no notebook or script in {FOLDER}/. Nothing was changed."
            )
        return stem

    def _treat(
        self,
        names: Iterable[str],
        staged: Iterable[str] = (),
        wins: str = "",
        scripts: bool = True,
    ) -> list[Treated]:
        chosen = sorted(names)
        if not chosen:
            return []
        few = len(chosen) <= FEW
        black = Apart(self.root) if few and staged else None
        from remote_lab.pairs.reconcile import Ward  # loads jupytext, which takes long

        paths = [name + suffix for name in chosen for suffix in SUFFIXES]
        head = repository.texts(self.root, "HEAD", paths)
        ours = repository.texts(self.root, ":2", paths) if wins else {}
        tasks = [
            self._task(name)._replace(
                head=(head.get(f"{name}.py"), head.get(f"{name}.ipynb")),
                ours=ours.get(f"{name}.ipynb"),
                staged=name in staged,
                scripts=scripts,
                wins=wins,
            )
            for name in chosen
        ]
        ward = Ward(self.root, *self.settings, black)
        if not few:
            return _on_all_cores(ward.treat, tasks)
        done = [ward.treat(task) for task in tasks]
        if black:
            black.end()
        return done

    def _task(self, name: str) -> Task:
        """What is known of a pair without reading it."""
        entry = self.record.entry(name)
        self._notes[name] = noted = history.stat_of_note(self.root, name)
        news = noted and (entry is None or noted != entry.note)
        return Task(
            name=name,
            entry=entry,
            note=history.note_of(self.root, name) if news else None,
            log=self._log,
        )

    def _apply_all(self, done: list[Treated], quiet: bool = False) -> None:
        """Do what was worked out for pairs, note it, and tell."""
        lost = {it.name: it.lost for it in done if it.lost is not None}
        kept = repository.keep(self.root, lost)
        for treated in done:
            self._apply(treated, kept.get(treated.name, ""), quiet)

    def _apply(self, treated: Treated, kept: str, quiet: bool) -> None:
        if treated.unreadable:
            there = self.record.now[treated.name]
            _tell(messages.unreadable(*treated.unreadable, there))
            self.refused = self.refused or not quiet
        elif treated.verdict in (Verdict.BOTH, Verdict.HALF):
            there = self.record.now[treated.name]
            _tell(messages.refusal(treated, there, self._may_be_part(treated.name)))
            self.refused = True
        try:
            known = Entry(
                stats=Stats(),
                base=entry.base if (entry := self.record.entry(treated.name)) else None,
                moment=history.last(self._log),
                note=self._notes[treated.name],
            )
            written = write(
                self.root, self.record, treated, known, self._lasts(treated)
            )
        except Changed as changed:
            _tell(str(changed))
            self.refused = True
            return
        tracked = [f for f in written if self.git_has_both or f.endswith(".py")]
        self.to_add += tracked
        if not quiet and (tracked or treated.lost):
            _tell(messages.followed(treated, written, kept))

    def _lasts(self, treated: Treated) -> bool:
        """Whether what is written now stays.

        pre-commit takes it back from a file with edits that it has put away, and the
        pair is then not what it is now: that must not be noted as in sync.
        """
        seen = self.record.now.get(treated.name, Stats())
        todo = []
        if treated.script is not None:
            todo.append(seen.script)
        if treated.notebook is not None and self.git_has_both:
            todo.append(seen.notebook)
        changed = [stat[1] for stat in todo if stat]
        return not changed or max(changed) < self._begun


def _on_all_cores(treat: Callable[[Task], Treated], tasks: list[Task]) -> list[Treated]:
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    # Forked, with all that is loaded: to load it again takes longer than the work.
    with ProcessPoolExecutor(
        max_workers=min(len(tasks), os.cpu_count() or 1),
        mp_context=multiprocessing.get_context("fork"),
        initializer=_begin,
        initargs=(treat,),
    ) as pool:
        share = max(1, len(tasks) // 32)
        return list(pool.map(_treat_one, tasks, chunksize=share))


def _begin(treat: Callable[[Task], Treated]) -> None:
    """Keep what a process of the pool works with: black, too, once it has loaded it."""
    global _treat_here
    _treat_here = treat
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who waits for it tells


def _treat_one(task: Task) -> Treated:
    return _treat_here(task)


def _tell(text: str) -> None:
    print(text, file=sys.stderr)
