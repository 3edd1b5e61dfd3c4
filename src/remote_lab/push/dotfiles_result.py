"""What a push, an undo or a remove did to the dotfiles on one remote."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from remote_lab.errors import inside
from remote_lab.remote_state import RemoteState
from remote_lab.transport.session import Record


@dataclass
class DotfilesResult:
    """What was done to the dotfiles on one remote, and the state that it left.

    Attributes:
        state: What the remote reports of itself.
        changed: What was done to each path: put, drop or clash (overwritten).
        kept: Paths that the user changed on the remote, and that were left alone; after
            a remove, the copy of them.
        linked: Paths that are links of the user's, and the files of the user's that
            were, or would be, written instead.
        diff: What would change, after a dry run or a clash.
        generation: The generation that is in use now, if there is a new one.
        former: The generation that was in use before an undo.
        restarted: What was restarted, or has read its settings again: lab, tmux.
        restart_pending: What runs in the lab, if its restart is pending; else empty.
        block_deleted: Whether the user has deleted our block from ~/.bashrc there.
        key_kept: Whether the laptop's key stays in authorized_keys after a remove.
        lingers: The account for which a remove kept lingering, which a push enabled.
        notes: What the user should know.
        failure: The last record, if it is none of these: of a program that failed.
    """

    state: RemoteState = field(default_factory=RemoteState)
    changed: dict[str, str] = field(default_factory=dict)
    kept: list[str] = field(default_factory=list)
    linked: dict[str, str] = field(default_factory=dict)
    diff: list[str] = field(default_factory=list)
    generation: str = ""
    former: str = ""
    restarted: list[str] = field(default_factory=list)
    restart_pending: str = ""
    block_deleted: bool = False
    key_kept: bool = False
    lingers: str = ""
    notes: list[str] = field(default_factory=list)
    failure: Record = ()

    @classmethod
    def parse(cls, records: Iterable[Record]) -> "DotfilesResult":
        """The result that records report, and the state among them."""
        result = cls(RemoteState.parse(records))
        for record in result.state.other:
            result._add(record)
        result.notes += result.state.lab.notes
        return result

    def _add(self, record: Record) -> None:
        match record:
            case ("put" | "drop" | "clash" as action, path):
                self.changed[path] = action
            case ("kept", path):
                self.kept.append(path)
            case ("own", path, target):
                self.linked[path] = target
            case ("diff", *line):
                self.diff.append("\t".join(line))
            case ("generation", in_use, *former):
                self.generation, self.former = in_use, "".join(former)
            case ("restarted" | "reloaded", what):
                self.restarted.append(what)
            case ("staged", "lab", count, kernels):
                self.restart_pending = inside(count, kernels)
            case ("unblocked",):
                self.block_deleted = True
            case ("key",):
                self.key_kept = True
            case ("lingers", account):
                self.lingers = account
            case ("undone",):
                self.notes.append(
                    "The undo before, whose result was not reported here, had been"
                    " done: this one went back no further."
                )
            case ("bashrc", path):
                self.notes.append(f"{path} could not be written: no aliases there.")
            case ("unlingered",):
                self.notes.append(
                    "Disabled lingering, which a push had enabled: the account's"
                    " systemd ends again when you log out."
                )
            case _:
                self.failure = record
