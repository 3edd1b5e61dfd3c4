"""What a remote reports of the dotfiles there, of its lab and its code: parsed once."""

from dataclasses import dataclass, field

from remote_lab.errors import inside
from remote_lab.push.code import RemoteCode
from remote_lab.transport.session import Record


@dataclass
class HomeReport:
    """What became of the home pieces on one remote.

    Attributes:
        changed: What was done to each path: take, drop or clash (overwritten).
        kept: Paths that the user has made his own there.
        behind: Paths that the user made links of, and the files of his that were, or
            would be, written instead.
        diff: What would change, after a dry run or a clash.
        generation: The generation that is in use now, if the push made one.
        followed: What was restarted or loaded anew.
        staged: What runs in the lab that waits for its restart; empty if none waits.
        inside: What runs in the lab.
        unblocked: Whether the user has deleted our block from ~/.bashrc there.
        key: Whether the laptop's key stays in authorized_keys after a remove.
        lingers: The account that a remove left lingering, though a push had enabled it.
        notes: What the user should know.
        current: The push whose dotfiles are in use.
    """

    changed: dict[str, str] = field(default_factory=dict)
    kept: list[str] = field(default_factory=list)
    behind: dict[str, str] = field(default_factory=dict)
    diff: list[str] = field(default_factory=list)
    generation: str = ""
    former: str = ""
    followed: list[str] = field(default_factory=list)
    staged: str = ""
    inside: str = ""
    unblocked: bool = False
    key: bool = False
    lingers: str = ""
    notes: list[str] = field(default_factory=list)
    lab: tuple[str, str, str] = ("none", "stopped", "0")
    code: RemoteCode = field(default_factory=RemoteCode)
    current: str = ""
    failure: Record = ()

    def take(self, record: Record) -> None:
        """Learn from one record."""
        self.code.take(record)
        match record:
            case ("take" | "drop" | "clash" as word, path):
                self.changed[path] = word
            case ("kept", path):
                self.kept.append(path)
            case ("diff", *line):
                self.diff.append("\t".join(line))
            case ("generation", in_use, *former):
                self.generation, self.former = in_use, "".join(former)
            case ("restarted" | "reloaded", what):
                self.followed.append(what)
            case ("staged", "lab", count, kernels):
                self.staged = inside(count, kernels)
            case ("inside", count, kernels):
                self.inside = inside(count, kernels)
            case ("unblocked",):
                self.unblocked = True
            case ("undone",):
                self.notes.append(
                    "The undo before, of which nothing was heard, had been done: this"
                    " one went back no further."
                )
            case ("own", path, target):
                self.behind[path] = target
            case ("bashrc", path):
                self.notes.append(f"{path} could not be written: no aliases there.")
            case ("tmuxless", folder):
                self.notes.append(no_tmux(folder))
            case ("key",):
                self.key = True
            case ("lingers", account):
                self.lingers = account
            case ("unlingered",):
                self.notes.append(
                    "Disabled lingering, which a push had enabled: the account's"
                    " systemd ends again when you log out."
                )
            case ("lab", backend, state, processes):
                self.lab = (backend, state, processes)
            case ("current", push):
                self.current = push
            case ("code" | "cut" | "edited" | "stamp" | "owed", *_):
                pass
            case _:
                self.failure = record


def no_tmux(folder: str) -> str:
    """What to tell where tmux is there, and can't be used."""
    return (
        f"tmux can't make its socket in {folder}, so process runs the lab; a reboot of"
        " the machine ends it."
    )
