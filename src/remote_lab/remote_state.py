"""What a remote reports of itself: its lab, code, dotfiles and machine; parsed once.

Push, status, doctor and lab all read a RemoteState. What a command reports of its own
work is not a state: those records are passed on in `other`.
"""

import re
import shlex
from collections.abc import Iterable
from dataclasses import dataclass, field

from remote_lab.errors import inside
from remote_lab.transport.session import Record, number


def labelled(backend: str) -> str:
    """A backend as messages name it: systemd (user) for systemd-user."""
    system, _, kind = backend.partition("-")
    return f"{system} ({kind})" if kind else backend


@dataclass
class LabState:
    """How the lab is.

    Attributes:
        backend: What manages it; "none" if it was never started.
        running: Whether its server process is there.
        processes: How many processes run in it.
        contents: What runs in it, in words; empty if nothing does.
        restart_pending: Whether changed settings wait for its restart.
        no_linger: The account whose systemd ends at logout, where that decided.
        no_tmux: The folder in which tmux can't make its socket, where that decided.
        port: Who else has its port.
        address: Where it listens and its token: socket or port, and token.
    """

    backend: str = "none"
    running: bool = False
    processes: int = 0
    contents: str = ""
    restart_pending: bool = False
    no_linger: str = ""
    no_tmux: str = ""
    port: "PortHolder | None" = None
    address: dict[str, str] = field(default_factory=dict)

    @property
    def notes(self) -> list[str]:
        """What the user should know of the choice of the backend."""
        notes = []
        if self.no_linger:
            then = (
                f"so {labelled(self.backend)} manages the lab; a reboot of the machine"
                " ends it."
            )
            if self.backend == "systemd-user":
                then = "and the lab with it."
            notes.append(
                f"This account's systemd ends when you log out, {then} Ask an admin"
                f" for: sudo loginctl enable-linger {shlex.quote(self.no_linger)}"
            )
        if self.no_tmux and self.backend == "process":
            notes.append(
                f"tmux can't make its socket in {self.no_tmux}, so process manages the"
                " lab; a reboot of the machine ends it."
            )
        return notes


@dataclass(frozen=True)
class PortHolder:
    """Who has the port on which the lab should listen.

    Attributes:
        port: The port.
        account: The account of the program that listens there.
        program: Its name, where it is of the same account; else empty.
        free: The next free port.
    """

    port: str
    account: str
    program: str
    free: int


@dataclass
class CodeState:
    """What the remote has of the project's code.

    Attributes:
        kind: ours, absent, foreign (a folder that isn't ours), nogit.
        head: The commit that is checked out, or "none".
        branch: The branch that is checked out.
        edited: Lines of `git status --porcelain`.
        cut: Whether a checkout was cut off, or is under way.
        notebooks_pending: Whether the notebooks were not updated yet from the scripts
            of the last push.
        stamp: What the environment was built from: env.stamp.
        pairs_program: The checksum of the program for pairs; empty if there is none.
        in_sync: Whether notebooks and scripts are in sync; None if not checked.
    """

    kind: str = "absent"
    head: str = "none"
    branch: str = ""
    edited: list[str] = field(default_factory=list)
    cut: bool = False
    notebooks_pending: bool = False
    stamp: str = ""
    pairs_program: str = ""
    in_sync: bool | None = None


@dataclass
class Machine:
    """The remote as a machine.

    Attributes:
        disk_free: Free in the code's file system, in KiB; None if not reported.
        memory_free: Available memory, in KiB; None if not reported.
        load: The load of the last minute.
        cores: The number of CPU cores.
        gpus: A line for each GPU: name, utilization, memory used, memory.
        shell: The account's login shell.
        missing: The programs that are needed and not installed; None if not checked.
        needs: Other needs (git, tmux, systemd, linger, home, environment) and whether
            each is met.
        account: The login name there.
    """

    disk_free: int | None = None
    memory_free: int | None = None
    load: float | None = None
    cores: int | None = None
    gpus: list[str] = field(default_factory=list)
    shell: str = ""
    missing: list[str] | None = None
    needs: dict[str, bool] = field(default_factory=dict)
    account: str = ""


@dataclass
class RemoteState:
    """All that a remote reports of itself.

    Attributes:
        lab: The lab; None if it was not reported.
        current: The id of the push whose dotfiles are in use.
        notes: What the program for pairs reports.
        other: Records that are no state: what a command reports of its work.
    """

    lab: LabState = field(default_factory=LabState)
    lab_reported: bool = False
    code: CodeState = field(default_factory=CodeState)
    machine: Machine = field(default_factory=Machine)
    current: str = ""
    notes: list[str] = field(default_factory=list)
    other: list[Record] = field(default_factory=list)

    @classmethod
    def parse(cls, records: Iterable[Record]) -> "RemoteState":
        """The state that records report; the other records are kept in `other`."""
        state = cls()
        for record in records:
            known = (
                state._add_lab(record)
                or state._add_code(record)
                or state._add_machine(record)
            )
            if not known:
                state.other.append(record)
        return state

    def _add_lab(self, record: Record) -> bool:
        lab = self.lab
        match record:
            case ("lab", backend, running, processes):
                lab.backend, lab.running = backend, running == "running"
                lab.processes, self.lab_reported = number(processes), True
            case ("inside", count, kernels):
                lab.contents = inside(count, kernels)
            case ("owed",):
                lab.restart_pending = True
            case ("nolinger", account):
                lab.no_linger = account
            case ("tmuxless", folder):
                lab.no_tmux = folder
            case ("foreign", port, account, program, free):
                lab.port = PortHolder(port, account, program, number(free))
            case ("socket" | "port" | "token" as key, value):
                lab.address[key] = value
            case _:
                return False
        return True

    def _add_code(self, record: Record) -> bool:
        code = self.code
        match record:
            case ("current", push):
                self.current = push
            case ("code", kind, *rest):
                code.kind = kind
                code.head, code.branch = rest if len(rest) == 2 else ("none", "")
                # It becomes part of git's command lines on the laptop.
                if not re.fullmatch("[0-9a-f]{40,64}|none", code.head):
                    code.head = "0" * 40
            case ("cut",):
                code.cut = True
            case ("following",):
                code.notebooks_pending = True
            case ("edited", line):
                code.edited.append(line)
            case ("stamp", stamp):
                code.stamp = stamp
            case ("pairs_program", line):
                code.pairs_program = line.split(" ")[0]
            case ("pairs", answer):
                code.in_sync = answer == "yes"
            case ("note", *texts):
                self.notes.append(" ".join(texts))
            case _:
                return False
        return True

    def _add_machine(self, record: Record) -> bool:
        machine = self.machine
        match record:
            case ("disk", free, _):
                machine.disk_free = number(free)
            case ("memory", free, _):
                machine.memory_free = number(free)
            case ("load", load, cores):
                if re.fullmatch(r"\d{1,9}\.\d{1,9}", load, re.ASCII):
                    machine.load, machine.cores = float(load), number(cores)
            case ("gpu", text):
                machine.gpus.append(text)
            case ("shell", shell):
                machine.shell = shell
            case ("missing", names):
                machine.missing = names.split()
            case ("need", "linger", answer, account):
                machine.needs["linger"], machine.account = answer == "yes", account
            case ("need", need, answer):
                machine.needs[need] = answer == "yes"
            case _:
                return False
        return True
