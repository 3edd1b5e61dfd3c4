"""Pushing to many remotes side by side: each goes its way, and all fates are told.

No more than a few log in at once, for sshd drops logins when ten are under way through
one server, as through a jump host. Where a password or a code is asked for, that is
done for one remote after another, while the others go on.
"""

import signal
import sys
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from threading import BoundedSemaphore, Event

from remote_lab import show, tree
from remote_lab.board import Board, LiveBoard
from remote_lab.connection import Connection
from remote_lab.errors import Problem, Refused
from remote_lab.push import Options, Outcome, push
from remote_lab.settings import Project, Remote

AT_ONCE = 8


def push_all(
    project: Project, remotes: list[Remote], options: Options
) -> list[Outcome]:
    """Push to several remotes.

    Args:
        project: The project.
        remotes: Which of its remotes; what became of them is told in this order.
        options: How to push.

    Raises:
        Problem: What is here can't be pushed anywhere.
    """
    pieces = tree.read(project) if "home" in options.only else None
    board = LiveBoard(len(remotes)) if sys.stderr.isatty() else Board()
    with board:
        return _Pushes(project, options, pieces, board).all(remotes)


class _Pushes:
    """Pushes that are under way side by side."""

    def __init__(
        self,
        project: Project,
        options: Options,
        pieces: list[tree.Piece] | None,
        board: Board,
    ) -> None:
        self._project, self._options, self._pieces = project, options, pieces
        self._board = board
        self._at_once = BoundedSemaphore(AT_ONCE)
        self._interrupted = Event()
        self._outcomes: dict[str, Outcome] = {}

    def all(self, remotes: list[Remote]) -> list[Outcome]:
        """Do them; a Ctrl-C, which the terminal gives to each ssh too, ends them."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            under_way = {pool.submit(self._quiet, r): r for r in remotes}
            try:
                for future in as_completed(under_way):
                    self._through(under_way[future], future.result())
            except KeyboardInterrupt:
                self._interrupted.set()
                # `uv run` passes on a second one. And a handler, unlike SIG_IGN, is
                # not handed down to an ssh, which a further Ctrl-C can end.
                signal.signal(signal.SIGINT, lambda *_: None)
                self._board.speak()
                show.note("Interrupted: seeing what became of those under way ...")
                pool.shutdown(cancel_futures=True)
                for future, remote in under_way.items():
                    self._outcomes.setdefault(remote.name, _fate(future, remote))
        return [self._outcomes[remote.name] for remote in remotes]

    def _quiet(self, remote: Remote) -> Outcome:
        with self._at_once, show.heard_by(self._board.ear(remote.name)):
            return self._push(remote, ask=False)

    def _asking(self, remote: Remote) -> Outcome:
        hear = self._board.ear(remote.name)

        def let_in(sign: str, text: str) -> None:
            self._board.speak()  # it has answered: nobody is asked any more
            hear(sign, text)

        with self._at_once, show.heard_by(let_in):
            self._board.hush()
            show.line("?", f"{remote.name} asks:")
            try:
                return self._push(remote, ask=True)
            finally:
                self._board.speak()

    def _push(self, remote: Remote, ask: bool) -> Outcome:
        way = Connection(self._project, remote, ask)
        return push(way, self._options, self._pieces, self._goes_on)

    def _goes_on(self) -> bool:
        return not self._interrupted.is_set()

    def _through(self, remote: Remote, outcome: Outcome) -> None:
        if isinstance(outcome.problem, Refused) and sys.stdin.isatty():
            # Known only if nothing comes between.
            self._outcomes[remote.name] = _interrupted(remote, "was being pushed to")
            outcome = self._asking(remote)
        self._outcomes[remote.name] = outcome
        self._board.end(remote.name, outcome.fate[0])


def _fate(future: Future[Outcome], remote: Remote) -> Outcome:
    if future.cancelled():
        return _interrupted(remote, "had not had its turn")
    return future.result()


def _interrupted(remote: Remote, when: str) -> Outcome:
    problem = Problem(
        f"Interrupted when {remote.name} {when}.",
        f"{remote.name} is as before, or as after: never in between.",
        f"./remote push {remote.name}",
    )
    return Outcome(remote.name, problem=problem)


def table(outcomes: list[Outcome]) -> None:
    """Tell each one's fate, a line a remote."""
    width = max(len(outcome.remote) for outcome in outcomes)
    for outcome in outcomes:
        fate, particulars = outcome.fate
        show.line(
            "✗" if outcome.problem else "✓",
            f"{outcome.remote:<{width}}  {fate:<13}  {particulars}".rstrip(),
        )
