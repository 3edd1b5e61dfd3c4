"""The push: home pieces, code and environment, in this order, on one remote."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from remote_lab.errors import (
    NOTHING,
    REMOTE_EDITED,
    UNREACHABLE,
    Busy,
    OutcomeUnknown,
    Problem,
)
from remote_lab.push import code, dotfiles, manifest
from remote_lab.remote_programs import values
from remote_lab.remote_state import HomeReport
from remote_lab.settings import PARTS
from remote_lab.transport.connection import Connection
from remote_lab.ui import show

if TYPE_CHECKING:
    from remote_lab.env.stamp import EnvironmentReport


@dataclass
class Options:
    """How to push.

    Attributes:
        only: Which parts: home, code, env.
        mode: apply, force or dry; see dotfiles.push.
        restart: Restart the lab if it needs it, even with kernels running.
    """

    only: frozenset[str] = frozenset(PARTS)
    mode: str = "apply"
    restart: bool = False

    @property
    def dry(self) -> bool:
        """Whether nothing is to be changed."""
        return self.mode == "dry"

    @property
    def command(self) -> str:
        """What to type to have the same once more, less the remote's name."""
        return "push --dry-run" if self.dry else "push"


@dataclass
class Outcome:
    """What a push came to on one remote.

    Attributes:
        started: Whether it started the lab, or had another backend run it.
        followed: What was restarted or loaded anew: lab, tmux.
        staged: What runs in the lab that waits for its restart; empty if none waits.
    """

    remote: str
    pieces: HomeReport | None = None
    commit: str = ""
    built: "EnvironmentReport | None" = None
    started: bool = False
    followed: list[str] = field(default_factory=list)
    staged: str = ""
    lab: str | None = None  # what runs it; none: nothing ever did; None: not known
    problem: Problem | None = field(default=None, repr=False)

    @property
    def news(self) -> bool:
        """Whether anything was changed, or would be."""
        moved = self.pieces and (self.pieces.changed or self.pieces.generation)
        did = self.commit or self.built or self.started or self.followed
        return bool(moved or did)

    @property
    def fate(self) -> tuple[str, str]:
        """What became of it, in a word or two, and the particulars."""
        if self.problem:
            words = {REMOTE_EDITED: "edited there", UNREACHABLE: "not reached"}
            fate = words.get(self.problem.code, "failed")
            unknown = isinstance(self.problem, OutcomeUnknown)
            return "unknown" if unknown else fate, ""  # the problem is told in full
        if not self.news:
            return "nothing to do", ""
        parts = []
        if self.pieces and self.pieces.changed:
            parts.append(f"home pieces: {len(self.pieces.changed)}")
        if self.commit:
            parts.append(f"commit {self.commit[:10]}")
        if self.built:
            parts.append("environment")
        if self.started:
            parts.append(f"lab by {self.lab}")
        if "lab" in self.followed:
            parts.append("restarted the lab")
        return "done", ", ".join(parts)

    @property
    def diff(self) -> list[str]:
        """What would change, after a dry run or a clash."""
        if self.problem:
            return self.problem.diff
        return self.pieces.diff if self.pieces else []

    def json(self) -> dict[str, object]:
        """The outcome for `--json`."""
        report = self.pieces
        return {
            "remote": self.remote,
            "ok": self.problem is None,
            "error": self.problem.what if self.problem else None,
            "changed": sorted(report.changed) if report else [],
            "kept": report.kept if report else [],
            "diff": self.diff,
            "generation": report.generation if report else "",
            "commit": self.commit,
            "environment": asdict(self.built) if self.built else None,
            "lab": self.lab,
            "restarted": "lab" in self.followed,
            "restart_pending": bool(self.staged),
        }


def push(
    connection: Connection,
    options: Options,
    pieces: list[manifest.Piece] | None = None,
    go_on: Callable[[], bool] = lambda: True,
) -> Outcome:
    """Push to one remote; a problem is kept in the outcome, not raised.

    What was done before it stays done: each part stands by itself, and the next
    push goes on from there.

    Args:
        connection: The way to the remote.
        options: How to push.
        pieces: What home/remote holds, if that is known already.
        go_on: Asked before each part: whether to begin it.
    """
    outcome = Outcome(connection.remote.name)
    try:
        with connection.dialled():
            if pieces is None and "home" in options.only:
                again = connection.verb(options.command)
                pieces = manifest.read(connection.project, again)
            _push(connection, options, outcome, pieces, go_on)
    except Problem as error:
        outcome.problem = error
    except OSError as error:  # the disk here is full, ...
        outcome.problem = Problem(f"This laptop could not do it: {error}.")
    return outcome


def _push(
    connection: Connection,
    options: Options,
    outcome: Outcome,
    pieces: list[manifest.Piece] | None,
    go_on: Callable[[], bool],
) -> None:
    def begin(part: str) -> bool:
        if part in options.only and not go_on():
            raise Problem(
                f"Interrupted: the {'dry run' if dry else 'push'} for {name} went no"
                " further.",
                NOTHING if dry else "What was done before is in place.",
                connection.verb(options.command),
            )
        return part in options.only

    project, name = connection.project, connection.remote.name
    dry = options.dry
    if pieces is not None:
        more = options.only != {"home"}
        there = dotfiles.push(
            connection, pieces, options.mode, options.restart, code=more
        )
        outcome.pieces = there
        _tell_home(connection, there, dry)
        _follow(connection, outcome, there)
    else:
        there = dotfiles.look(connection)
    outcome.lab = there.lab[0]
    if begin("code"):
        outcome.commit = code.push(connection, there.code, there.current, dry)
        if outcome.commit and not dry:
            show.done(f"{name}: code at commit {outcome.commit[:10]}.")
    if begin("env"):
        from remote_lab.env import stamp

        wanted = stamp.stamp(project, connection.verb("push"))
        if wanted != there.code.stamp and dry:
            show.step(f"Would build the environment on {name}.")
        elif wanted != there.code.stamp:
            outcome.built = stamp.build(connection, wanted, there.current)
    # Or a push before this one was cut off.
    owed = there.code.following and there.code.stamp and "code" in options.only
    if (outcome.commit or outcome.built or owed) and not dry:
        for text in code.refresh_notebooks(connection):
            show.note(f"{name}: {text}")
    if not dry:
        _see_to_lab(connection, outcome, there, options)


def _see_to_lab(
    connection: Connection,
    outcome: Outcome,
    there: HomeReport,
    options: Options,
) -> None:
    """Start a lab that never ran; have one that runs take up what is new for it."""
    former, state, _ = there.lab
    # One that was just restarted may not have got so far as to report its process.
    runs = state == "running" or "lab" in outcome.followed
    wanted = values(connection)["service"]
    if former == "none":
        if "env" in options.only:
            _first_start(connection, outcome)
        return
    if runs and wanted not in ("auto", former):
        _move(connection, outcome, there, wanted, options.restart)
        return
    if runs and outcome.built:
        renewed = dotfiles.renew_lab(connection, options.restart)
        _follow(connection, outcome, renewed)
    if "lab" in outcome.followed:
        from remote_lab.lab import service

        service.check(connection)
        what = "environment" if outcome.built else "settings"
        show.done(f"{outcome.remote}: restarted the lab with the new {what}.")


def _first_start(connection: Connection, outcome: Outcome) -> None:
    from remote_lab.lab import service

    state = service.act(connection, "start")
    for note in state.notes:
        show.note(note)
    outcome.started, outcome.lab = True, state.backend
    show.done(
        f"{outcome.remote}: the lab runs, kept up by {state.backend}."
        f" {connection.verb('open')}"
    )


def _move(
    connection: Connection,
    outcome: Outcome,
    there: HomeReport,
    wanted: str,
    restart: bool,
) -> None:
    """Have another backend run the lab, where the project now asks for another."""
    from remote_lab.lab import service

    former = there.lab[0]
    try:
        outcome.lab = service.act(connection, "restart", restart).backend
    except Busy:
        outcome.staged = there.inside or "kernels or terminals"
        show.note(
            f"{outcome.remote}: {former} still runs the lab, with {outcome.staged} in"
            f" it. To have {wanted} run it, when you like:"
            f" {service.restart_command(connection, outcome.staged)}"
        )
        return
    outcome.started = True
    show.done(f"{outcome.remote}: {wanted} runs the lab now; it was {former}.")


def _tell_home(connection: Connection, report: HomeReport, dry: bool) -> None:
    name = connection.remote.name
    words = {"take": "put", "drop": "took away", "clash": "overwrote"}
    for path, word in report.changed.items():
        show.step(f"{name}: {'would have ' if dry else ''}{words[word]} ~/{path}")
    for path, target in report.behind.items():
        show.note(
            f"{name}: ~/{path} is a link of yours, and stays one; what came"
            f" {'would go' if dry else 'went'} into {target}"
        )
    for path in report.kept:
        show.note(f"{name}: ~/{path} is as edited there; it was left alone.")
    for text in report.notes:
        show.note(f"{name}: {text}")
    if report.generation:
        show.done(f"{name}: home pieces in place (generation {report.generation}).")
    if report.unblocked:
        note = f".local/state/remote-lab/{connection.project.slug}/bashrc-block"
        show.note(
            f"{name}: you deleted the project's block from ~/.bashrc: it stays out, and"
            f" the aliases with it. To have it back: {connection.shell(f'rm {note}')}  "
            f" then: {connection.verb('push')}"
        )


def _follow(connection: Connection, outcome: Outcome, report: HomeReport) -> None:
    """Note what followed the push; a lab with kernels in it waits, and that is told."""
    outcome.followed += report.followed
    if "tmux" in report.followed:
        show.done(f"{outcome.remote}: reloaded tmux's settings.")
    if report.staged and not outcome.staged:
        from remote_lab.lab.service import restart_command

        show.note(
            f"{outcome.remote}: the lab goes on as it was, with {report.staged} in it."
            " To restart it with what was pushed:"
            f" {restart_command(connection, report.staged)}"
        )
    outcome.staged = report.staged or outcome.staged
