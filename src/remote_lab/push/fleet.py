"""Push to many remotes side by side, and show the result of each.

No more than a few log in at once, for sshd drops logins when ten are under way through
one server, as through a jump host. Where a password or a code is asked for, that is
done for one remote after another, while the others go on.
"""

import signal
import sys
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from threading import BoundedSemaphore, Event

from remote_lab.errors import NOTHING, Problem, Refused
from remote_lab.push import manifest
from remote_lab.push.one_remote import Options, Outcome, push
from remote_lab.settings import Project, Remote
from remote_lab.transport.connection import Connection
from remote_lab.ui import show
from remote_lab.ui.table import Table

AT_ONCE = 8


def push_all(
    project: Project, remotes: list[Remote], options: Options
) -> list[Outcome]:
    """Push to several remotes.

    Args:
        project: The project.
        remotes: Which of its remotes.
        options: How to push.

    Returns:
        The result for each remote, in their order; a problem is kept in it.
    """
    try:
        again = project.command(options.command, *remotes)
        dotfiles = manifest.read(project, again) if "home" in options.only else None
    except Problem as error:  # nothing can be pushed anywhere
        return [Outcome(remote.name, problem=error) for remote in remotes]
    table = Table()
    if sys.stderr.isatty():
        # Imported here, since only a terminal needs it: rich takes 60 ms to load.
        from remote_lab.ui.live_table import LiveTable

        table = LiveTable(len(remotes))
    with table:
        return _Pushes(project, options, dotfiles, table).all(remotes)


class _Pushes:
    """Pushes that are under way side by side."""

    def __init__(
        self,
        project: Project,
        options: Options,
        dotfiles: list[manifest.Dotfile] | None,
        table: Table,
    ) -> None:
        self._project, self._options, self._dotfiles = project, options, dotfiles
        self._table = table
        self._at_once = BoundedSemaphore(AT_ONCE)
        self._stopped = Event()
        self._outcomes: dict[str, Outcome] = {}

    def all(self, remotes: list[Remote]) -> list[Outcome]:
        """Push to all; a Ctrl-C, which the terminal sends to each ssh too, ends it."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            under_way = {pool.submit(self._quiet, r): r for r in remotes}
            try:
                for future in as_completed(under_way):
                    self._through(under_way[future], future.result())
            except KeyboardInterrupt:
                self._stopped.set()
                # `uv run` passes on a second one. And a handler, unlike SIG_IGN, is
                # not handed down to an ssh, which a further Ctrl-C can end.
                signal.signal(signal.SIGINT, lambda *_: None)
                self._table.resume()
                show.note("Interrupted: waiting for the result of those under way ...")
                pool.shutdown(cancel_futures=True)
                for future, remote in under_way.items():
                    self._outcomes.setdefault(remote.name, self._result(future, remote))
        return [self._outcomes[remote.name] for remote in remotes]

    def _quiet(self, remote: Remote) -> Outcome:
        with self._at_once, show.redirected(self._table.begin(remote.name)):
            return self._push(remote, ask=False)

    def _asking(self, remote: Remote) -> Outcome:
        hear = self._table.begin(remote.name)

        def let_in(sign: str, text: str) -> None:
            self._table.resume()  # it has answered: nobody is asked any more
            hear(sign, text)

        with self._at_once, show.redirected(let_in):
            self._table.pause()
            show.line("?", f"{remote.name} asks:")
            try:
                return self._push(remote, ask=True)
            finally:
                self._table.resume()

    def _push(self, remote: Remote, ask: bool) -> Outcome:
        way = Connection(self._project, remote, ask)
        return push(way, self._options, self._dotfiles, self._goes_on)

    def _goes_on(self) -> bool:
        return not self._stopped.is_set()

    def _through(self, remote: Remote, outcome: Outcome) -> None:
        if isinstance(outcome.problem, Refused) and sys.stdin.isatty():
            # Known only if nothing comes between.
            self._outcomes[remote.name] = self._interrupted(remote, "under way")
            outcome = self._asking(remote)
        self._outcomes[remote.name] = outcome
        self._table.end(remote.name, outcome.result[0])

    def _result(self, future: Future[Outcome], remote: Remote) -> Outcome:
        if future.cancelled():
            return self._interrupted(remote, "not yet begun")
        return future.result()

    def _interrupted(self, remote: Remote, how: str) -> Outcome:
        dry = self._options.dry
        problem = Problem(
            f"Interrupted: the {'dry run' if dry else 'push'} for {remote.name} was"
            f" {how}.",
            NOTHING if dry else f"{remote.name} has the old state, or the new one.",
            self._project.command(self._options.command, remote),
        )
        return Outcome(remote.name, problem=problem)
