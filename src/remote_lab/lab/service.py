"""The lab on a remote: start, stop, restart, its logs and password, its address."""

import re
import shlex
import sys
from collections.abc import Callable
from dataclasses import dataclass

from remote_lab.errors import Problem, Unreachable, busy, inside
from remote_lab.push.dotfiles import no_sudo
from remote_lab.remote_programs import LAB, values
from remote_lab.remote_state import no_tmux
from remote_lab.transport.connection import Connection
from remote_lab.transport.process import MOST
from remote_lab.transport.program import SH, program
from remote_lab.transport.session import Record, number
from remote_lab.transport.ssh_config import is_path

PROGRAMS = ("state", "places", *LAB, "port", "answer")


@dataclass(frozen=True)
class LabState:
    """How the lab is.

    Attributes:
        backend: What runs it; "none" if nothing ever did.
        running: Whether its server process is there.
        notes: What the user should know.
        inside: What runs in it, in words; empty if nothing does.
    """

    backend: str
    running: bool
    notes: tuple[str, ...] = ()
    inside: str = ""


@dataclass(frozen=True)
class Address:
    """Where a running lab listens on its remote, and its token.

    Attributes:
        target: The remote end of the forward: a socket's path, or host:port.
    """

    target: str
    token: str


def act(
    connection: Connection, verb: str, sure: bool = False, port: int = 0
) -> LabState:
    """Start, stop or restart the lab.

    Args:
        connection: The way to the remote.
        verb: start, stop or restart.
        sure: Whether kernels and terminals in it may be ended.
        port: With start: where it should listen from now on.

    Raises:
        Busy: Some run in it, and may not.
        Problem: It can't be done; the message names the missing need.
    """
    main = {
        "start": "port_free\nbackend_start\nlab_wait\nlab_status",
        "stop": "lab_idle\nbackend_stop\nlab_status",
        "restart": "lab_idle\nport_free\nlab_restart\nlab_wait\nlab_status",
    }[verb]
    if port:
        main = "lab_idle\nport_set\nlab_restart\nlab_wait\nlab_status"
        verb = f"start --port {port}"
    asked = values(connection, restart="yes" if sure else "no", wanted=str(port))
    status, records = connection.run(program(*PROGRAMS, values=asked, main=main))
    if status and records[-1:] and records[-1][0] == "busy":
        what = inside(*[*records[-1][1:], "", ""][:2])
        again = connection.verb(f"lab {verb} --yes")
        raise busy(connection.remote.name, what, again)
    if status:
        raise _failed(connection, records)
    return _state(records)


def check(connection: Connection) -> LabState:
    """Wait until the lab listens, after a push or an undo has restarted it.

    Raises:
        Problem: It does not come up; the message has the last lines of its log.
    """
    try:
        return _state(_run(connection, "lab_wait\nlab_status"))
    except Unreachable:
        raise
    except Problem as error:
        raise Problem(error.what, "The files are in place.", error.todo) from None


def restart_command(connection: Connection, busy: object) -> str:
    """The command that restarts the lab, as it has to be typed now.

    Args:
        connection: The way to the remote.
        busy: Whether anything runs in the lab.
    """
    return connection.verb(f"lab restart{' --yes' if busy else ''}")


def ready(connection: Connection) -> tuple[LabState, Address]:
    """Start the lab if need be, and wait until it listens.

    Raises:
        Problem: It can't be started, or does not come up.
    """
    records = _run(
        connection, "port_free\nbackend_start\nlab_wait\nlab_address\nlab_status"
    )
    return _state(records), _address(connection, records)


def address(connection: Connection) -> Address:
    """Ask a remote where its lab listens.

    Raises:
        Problem: The lab does not run.
    """
    return _address(connection, _run(connection, "lab_address"))


def taken(connection: Connection, port: str, account: str, other: str) -> str:
    """Who has the port of a lab.

    Args:
        connection: The way to the remote.
        port: The port there.
        account: Whose the program is that listens on it.
        other: Its name, where it is of the same account; else empty.
    """
    who = f"{other} (account {account})" if other else f"the account {account}"
    return (
        f"Port {port} on {connection.remote.name}, where the lab should listen, is"
        f" taken by {who}."
    )


def own_tmux(connection: Connection) -> str:
    """How to list and attach the project's own tmux server, which plain tmux hides."""
    server = f"tmux -L {connection.project.slug}"
    attach = connection.shell(f"{server} attach").replace("ssh ", "ssh -t ", 1)
    return (
        "The project has a tmux server of its own. List it:"
        f" {connection.shell(f'{server} ls')}   Attach it: {attach}"
    )


def logs(
    connection: Connection, take: Callable[[str], object], lines: int, follow: bool
) -> None:
    """Read the last lines that the lab has written.

    Args:
        connection: The way to the remote.
        take: Is given each line, as it comes.
        lines: How many.
        follow: Go on with what it writes, until interrupted.

    Raises:
        Problem: There is no log.
    """
    records: list[Record] = []

    def hear(record: Record) -> None:
        if records == [("logs",)]:
            take("\t".join(record))
        else:
            records.append(record)

    asked = values(connection, restart="no", lines=str(lines))
    asked["follow"] = "yes" if follow else "no"
    text = program(*PROGRAMS, values=asked, main="lab_logs")
    if connection.run(text, sys.maxsize if follow else MOST, hear)[0]:
        raise _failed(connection, records)


def set_password(connection: Connection, password: str) -> LabState:
    """Let a password open the lab too, beside the token, from its next start on.

    Args:
        connection: The way to the remote.
        password: It travels on ssh's standard input, and is kept hashed.
    """
    hashing = (SH / "hash_password.py").read_text(encoding="utf-8")
    main = "lab_password\nlab_status"
    return _state(_run(connection, main, password=password, hash_password=hashing))


def _run(connection: Connection, main: str, **more: str) -> list[Record]:
    asked = values(connection, restart="no", **more)
    status, records = connection.run(program(*PROGRAMS, values=asked, main=main))
    if status:
        raise _failed(connection, records)
    return records


def _address(connection: Connection, records: list[Record]) -> Address:
    """What a remote says goes into an ssh configuration, and into a URL."""
    told = {record[0]: record[1] for record in records if len(record) == 2}
    socket, token = told.get("socket"), told.get("token", "")
    port = number(told.get("port", ""))
    if socket is None:
        target, good = f"127.0.0.1:{port}", 0 < port < 65536
    else:
        target, good = socket, is_path(socket)
    if not good or not re.fullmatch("[!-~]{1,1000}", token):
        raise Problem(
            f"The lab on {connection.remote.name} names an odd place, or an odd token:"
            f" {socket or told.get('port')}",
            "Nothing was opened.",
            f"{connection.verb('lab restart')}   (look: {connection.verb('lab logs')})",
        )
    return Address(target, token)


def _state(records: list[Record]) -> LabState:
    told = [*dict.fromkeys(records)]  # a restart picks the backend twice
    for record in records:
        match record:
            case ("lab", backend, running, _):
                notes = (*filter(None, (_note(backend, record) for record in told)),)
                within = [inside(*r[1:]) for r in told if r[0] == "inside" and r[2:]]
                return LabState(backend, running == "running", notes, *within[:1])
    raise Problem("The remote did not say how its lab is.")


def _note(backend: str, record: Record) -> str | None:
    """What a record of the choice of the backend tells the user; None for another."""
    match record:
        case ("nolinger", account):
            return _no_linger(backend, account)
        case ("tmuxless", folder) if backend == "process":
            return no_tmux(folder)
    return None


def _no_linger(backend: str, account: str) -> str:
    if backend == "systemd-user":
        then = "and the lab with it."
    else:
        then = f"so {backend} runs the lab; a reboot of the machine ends it."
    return (
        f"This account's systemd ends when you log out, {then} Ask an admin for: sudo"
        f" loginctl enable-linger {shlex.quote(account)}"
    )


def _failed(connection: Connection, records: list[Record]) -> Problem:
    remote = connection.remote
    match records[-1] if records else ():
        case ("nohome",):
            return Problem(
                f"{remote.name} has none of this project's files yet.",
                todo=connection.verb("push"),
            )
        case ("noexec",):
            return Problem(
                f"No program can be run from the home on {remote.name}: it is mounted"
                " noexec, or ~/.config has lost its modes.",
                "Nothing was started.",
                "Ask an admin for a home where programs may run. Look:"
                f" {connection.shell('findmnt -T .')}",
            )
        case ("noroom", folder):
            return Problem(
                f"tmux on {remote.name} can't make its socket in {folder}.",
                "Nothing was started.",
                'Set service = "auto" in remote.toml, then: '
                + connection.verb("lab start"),
            )
        case ("nosystemd",):
            return Problem(
                f"{remote.name} has no systemd that answers this account.",
                "Nothing was started.",
                'Set service = "auto" or "tmux" in remote.toml, then: '
                + connection.verb("push"),
            )
        case ("notmux",):
            return Problem(
                f"tmux is not installed on {remote.name}.",
                "Nothing was started.",
                "Ask for it (Debian, Ubuntu: sudo apt install tmux), or set service ="
                ' "auto" in remote.toml',
            )
        case ("nosudo", *command):
            return no_sudo(connection, command)
        case ("noenv",):
            return Problem(
                f"{remote.name} has no environment yet.",
                todo=connection.verb("push"),
            )
        case ("nolog",):
            return Problem(
                f"The lab on {remote.name} has not been started yet: it has no log.",
                todo=connection.verb("lab start"),
            )
        case ("notrunning", *last):
            lines = "".join(f"\n  {line}" for line in last if line)
            wrote = f" The last lines of its log:{lines}" if lines else ""
            return Problem(
                f"The lab on {remote.name} does not run.{wrote}",
                todo=f"{connection.verb('lab logs')}   (to start it:"
                f" {connection.verb('lab start')})",
            )
        case ("foreign", port, account, other, free):
            return Problem(
                taken(connection, port, account, other),
                "Nothing was sent to it.",
                connection.verb(f"lab start --port {number(free)}"),
            )
        case ("onsocket",):
            return Problem(
                f"The lab on {remote.name} listens on a socket, not on a port.",
                "Nothing was changed.",
                connection.verb("lab start"),
            )
        case ("nostart", backend):
            return Problem(
                f"The lab on {remote.name} could not be started by {backend}.",
                todo=connection.verb("lab logs"),
            )
    said = " ".join(records[-1]) if records else "no reason given"
    return Problem(f"{remote.name}: {said}", todo=connection.verb("lab logs"))
