"""Pushing to many remotes side by side: each goes its way, and all fates are told.

No more than a few log in at once, for sshd drops logins when ten are under way through
one server, as through a jump host. Where a password or a code is asked for, that is
done for one remote after another, while the others go on.
"""

import signal
import sys
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from threading import BoundedSemaphore

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
    at_once = BoundedSemaphore(AT_ONCE)
    board = LiveBoard(len(remotes)) if sys.stderr.isatty() else Board()

    def go(remote: Remote, ask: bool) -> Outcome:
        with at_once, show.heard_by(board.ear(remote.name)):
            return push(Connection(project, remote, ask), options, pieces)

    outcomes: dict[str, Outcome] = {}
    with board, ThreadPoolExecutor(AT_ONCE) as pool:
        under_way = {pool.submit(go, remote, False): remote for remote in remotes}
        try:
            for future in as_completed(under_way):
                remote, outcome = under_way[future], future.result()
                if isinstance(outcome.problem, Refused) and sys.stdin.isatty():
                    with board.silent():
                        show.step(f"{remote.name} asks:")
                        outcome = go(remote, True)
                outcomes[remote.name] = outcome
                board.end(remote.name, outcome.fate[0])
        except KeyboardInterrupt:
            outcomes |= _given_up(pool, under_way, outcomes)
    return [outcomes[remote.name] for remote in remotes]


def _given_up(
    pool: ThreadPoolExecutor,
    under_way: dict[Future[Outcome], Remote],
    known: dict[str, Outcome],
) -> dict[str, Outcome]:
    """The fates of the rest after a Ctrl-C; the terminal tells each ssh of it too."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # `uv run` passes on a second one
    show.note("Interrupted: seeing what became of those under way ...")
    pool.shutdown(cancel_futures=True)
    fates = {}
    for future, remote in under_way.items():
        if remote.name in known:
            continue
        if future.cancelled():
            problem = Problem(
                f"Interrupted before {remote.name} had its turn.",
                f"{remote.name} is as it was.",
                f"./remote push {remote.name}",
            )
            fates[remote.name] = Outcome(remote.name, problem=problem)
        else:
            fates[remote.name] = future.result()
    return fates


def table(outcomes: list[Outcome]) -> None:
    """Tell each one's fate, a line a remote."""
    width = max(len(outcome.remote) for outcome in outcomes)
    for outcome in outcomes:
        fate, particulars = outcome.fate
        show.line(
            "✗" if outcome.problem else "✓",
            f"{outcome.remote:<{width}}  {fate:<13}  {particulars}".rstrip(),
        )
