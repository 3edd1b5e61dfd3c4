"""The push: dotfiles, code and environment, in this order, to one remote."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field

from remote_lab.env import stamp
from remote_lab.env.stamp import EnvironmentReport
from remote_lab.errors import (
    NOTHING,
    REMOTE_EDITED,
    UNREACHABLE,
    Busy,
    OutcomeUnknown,
    Problem,
)
from remote_lab.lab import service
from remote_lab.push import code, dotfiles, manifest
from remote_lab.push.dotfiles_result import DotfilesResult
from remote_lab.remote_programs import values
from remote_lab.remote_state import LabState, RemoteState, labelled
from remote_lab.settings import PARTS, Mode, Part
from remote_lab.transport.connection import Connection
from remote_lab.ui import show


@dataclass
class Options:
    """How to push.

    Attributes:
        only: Which parts: home, code, env.
        mode: apply, force or dry; see dotfiles.push.
        restart: Restart the lab if it needs it, even with kernels running.
    """

    only: frozenset[Part] = frozenset(PARTS)
    mode: Mode = "apply"
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
    """What a push did on one remote.

    Attributes:
        remote: The remote's name.
        dotfiles: What was done to the dotfiles; None if they were left out.
        commit: The commit that was brought there; empty if none was.
        built: How the environment was built; None if it was not.
        started: Whether it started the lab, or had another backend manage it.
        restarted: What was restarted, or has read its settings again: lab, tmux.
        restart_pending: What runs in the lab, if its restart is pending; else empty.
        backend: What manages the lab; "none" if it was never started; None if unknown.
        problem: Why the push ended early; None if it did not.
    """

    remote: str
    dotfiles: DotfilesResult | None = None
    commit: str = ""
    built: EnvironmentReport | None = None
    started: bool = False
    restarted: list[str] = field(default_factory=list)
    restart_pending: str = ""
    backend: str | None = None
    problem: Problem | None = field(default=None, repr=False)

    @property
    def has_changes(self) -> bool:
        """Whether anything was changed, or would be."""
        done = self.dotfiles and (self.dotfiles.changed or self.dotfiles.generation)
        return bool(done or self.commit or self.built or self.started or self.restarted)

    @property
    def result(self) -> tuple[str, str]:
        """The result in a word or two, and the details."""
        if isinstance(self.problem, OutcomeUnknown):
            return "unknown", ""  # the problem is printed in full
        if self.problem:
            words = {REMOTE_EDITED: "changed there", UNREACHABLE: "not reached"}
            return words.get(self.problem.code, "failed"), ""
        if not self.has_changes:
            return "nothing to do", ""
        parts = []
        if self.dotfiles and self.dotfiles.changed:
            parts.append(f"dotfiles: {len(self.dotfiles.changed)}")
        if self.commit:
            parts.append(f"commit {self.commit[:10]}")
        if self.built:
            parts.append("environment")
        if self.started:
            parts.append(f"lab managed by {labelled(self.backend or '')}")
        if "lab" in self.restarted:
            parts.append("restarted the lab")
        return "done", ", ".join(parts)

    @property
    def diff(self) -> list[str]:
        """What would change, after a dry run or a clash."""
        if self.problem:
            return self.problem.diff
        return self.dotfiles.diff if self.dotfiles else []

    def json(self) -> dict[str, object]:
        """The outcome for `--json`."""
        done = self.dotfiles or DotfilesResult()
        return {
            "remote": self.remote,
            "ok": self.problem is None,
            "error": self.problem.what if self.problem else None,
            "changed": sorted(done.changed),
            "kept": done.kept,
            "diff": self.diff,
            "generation": done.generation,
            "commit": self.commit,
            "environment": asdict(self.built) if self.built else None,
            "lab": self.backend,
            "restarted": "lab" in self.restarted,
            "restart_pending": bool(self.restart_pending),
        }


def push(
    connection: Connection,
    options: Options,
    read: list[manifest.Dotfile] | None = None,
    go_on: Callable[[], bool] = lambda: True,
) -> Outcome:
    """Push to one remote; a problem is kept in the outcome, not raised.

    What was done before it stays done: each part stands by itself, and the next
    push goes on from there.

    Args:
        connection: The way to the remote.
        options: How to push.
        read: What home/remote holds, if it was read already.
        go_on: Called before each part: whether to begin it.
    """
    outcome = Outcome(connection.remote.name)
    try:
        with connection.dialled():
            if read is None and "home" in options.only:
                again = connection.command(options.command)
                read = manifest.read(connection.project, again)
            _Push(connection, options, outcome, go_on).run(read)
    except Problem as error:
        outcome.problem = error
    except OSError as error:  # the disk here is full, ...
        outcome.problem = Problem(f"This laptop could not do it: {error}.")
    return outcome


class _Push:
    """One push to one remote, part by part; the outcome is filled in as it goes."""

    def __init__(
        self,
        connection: Connection,
        options: Options,
        outcome: Outcome,
        go_on: Callable[[], bool],
    ) -> None:
        self._connection, self._options = connection, options
        self._outcome, self._go_on = outcome, go_on
        self._name = connection.remote.name

    def run(self, read: list[manifest.Dotfile] | None) -> None:
        """Do the parts in their order.

        Args:
            read: What home/remote holds; None if dotfiles are left out.
        """
        state = self._dotfiles(read)
        self._outcome.backend = state.lab.backend
        self._code(state)
        self._environment(state)
        if self._options.dry:
            return
        self._notebooks(state)
        self._lab(state.lab)

    def _begins(self, part: Part) -> bool:
        """Whether a part is to be done; raises a Problem after a Ctrl-C."""
        dry = self._options.dry
        if part in self._options.only and not self._go_on():
            raise Problem(
                f"Interrupted: the {'dry run' if dry else 'push'} for {self._name} went"
                " no further.",
                NOTHING if dry else "What was done before is in place.",
                self._connection.command(self._options.command),
            )
        return part in self._options.only

    def _dotfiles(self, read: list[manifest.Dotfile] | None) -> RemoteState:
        if read is None:
            return dotfiles.query(self._connection)
        options = self._options
        more = options.only != {"home"}
        done = dotfiles.push(
            self._connection, read, options.mode, options.restart, code=more
        )
        self._outcome.dotfiles = done
        _show_dotfiles(self._connection, done, options.dry)
        self._restarted(done)
        return done.state

    def _code(self, state: RemoteState) -> None:
        if not self._begins("code"):
            return
        dry = self._options.dry
        commit = code.push(self._connection, state.code, state.current, dry)
        self._outcome.commit = commit
        if commit and not dry:
            show.done(f"{self._name}: code at commit {commit[:10]}.")

    def _environment(self, state: RemoteState) -> None:
        if not self._begins("env"):
            return
        connection = self._connection
        wanted = stamp.stamp(connection.project, connection.command("push"))
        if wanted == state.code.stamp:
            return
        if self._options.dry:
            show.step(f"Would build the environment on {self._name}.")
        else:
            # Imported here, since few pushes build: packaging takes long to load.
            from remote_lab.env.build import build

            self._outcome.built = build(connection, wanted, state.current)

    def _notebooks(self, state: RemoteState) -> None:
        """Update the notebooks, if scripts came, or a push before was cut off."""
        pending = (
            state.code.notebooks_pending
            and state.code.stamp
            and "code" in self._options.only
        )
        if self._outcome.commit or self._outcome.built or pending:
            for text in code.refresh_notebooks(self._connection):
                show.note(f"{self._name}: {text}")

    def _lab(self, lab: LabState) -> None:
        """Start a lab that was never started; restart one for what is new for it."""
        outcome, connection = self._outcome, self._connection
        # One that was just restarted may not report its process yet.
        running = lab.running or "lab" in outcome.restarted
        wanted = values(connection)["service"]
        if lab.backend == "none":
            if "env" in self._options.only:
                self._first_start()
            return
        if running and wanted not in ("auto", lab.backend):
            self._move(lab, wanted)
            return
        if running and outcome.built:
            self._restarted(dotfiles.renew_lab(connection, self._options.restart))
        if "lab" in outcome.restarted:
            service.check(connection)
            what = "environment" if outcome.built else "settings"
            show.done(f"{self._name}: restarted the lab with the new {what}.")

    def _first_start(self) -> None:
        lab = service.control(self._connection, "start")
        for note in lab.notes:
            show.note(note)
        self._outcome.started, self._outcome.backend = True, lab.backend
        show.done(
            f"{self._name}: started the lab, managed by {labelled(lab.backend)}."
            f" {self._connection.command('open')}"
        )

    def _move(self, lab: LabState, wanted: str) -> None:
        """Have another backend manage the lab, where the project now asks for it."""
        outcome, connection = self._outcome, self._connection
        former, restart = lab.backend, self._options.restart
        try:
            outcome.backend = service.control(connection, "restart", restart).backend
        except Busy:
            outcome.restart_pending = lab.contents or "kernels or terminals"
            show.note(
                f"{self._name}: {labelled(former)} still manages the lab, with"
                f" {outcome.restart_pending} in it. To change to {labelled(wanted)}:"
                f" {service.restart_command(connection, outcome.restart_pending)}"
            )
            return
        outcome.started = True
        show.done(
            f"{self._name}: {labelled(wanted)} manages the lab now; it was"
            f" {labelled(former)}."
        )

    def _restarted(self, done: DotfilesResult) -> None:
        """Note what was restarted, and show that a lab with kernels in it was not."""
        outcome, connection = self._outcome, self._connection
        outcome.restarted += done.restarted
        if "tmux" in done.restarted:
            show.done(f"{self._name}: tmux has read its new settings.")
        pending = done.restart_pending
        if pending and not outcome.restart_pending:
            show.note(
                f"{self._name}: the lab was not restarted, since {pending} run in it."
                " To restart it with what was pushed:"
                f" {service.restart_command(connection, pending)}"
            )
        outcome.restart_pending = pending or outcome.restart_pending


def _show_dotfiles(connection: Connection, done: DotfilesResult, dry: bool) -> None:
    name = connection.remote.name
    words = {"put": "put", "drop": "deleted", "clash": "overwrote"}
    if dry:
        words = {
            "put": "would put",
            "drop": "would delete",
            "clash": "would overwrite",
        }
    for path, action in done.changed.items():
        show.step(f"{name}: {words[action]} ~/{path}")
    for path, target in done.linked.items():
        show.note(
            f"{name}: ~/{path} is a link of yours, and stays one; its content"
            f" {'would go' if dry else 'went'} into {target}"
        )
    for path in done.kept:
        show.note(f"{name}: ~/{path} was changed on the remote; it was left alone.")
    for text in done.notes:
        show.note(f"{name}: {text}")
    if done.generation:
        show.done(f"{name}: dotfiles are in place (generation {done.generation}).")
    if done.block_deleted:
        note = f".local/state/remote-lab/{connection.project.slug}/bashrc-block"
        show.note(
            f"{name}: you deleted the project's block from ~/.bashrc: it stays out, and"
            f" the aliases with it. To have it back: {connection.shell(f'rm {note}')}  "
            f" then: {connection.command('push')}"
        )
