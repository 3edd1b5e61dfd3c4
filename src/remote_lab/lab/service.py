"""The lab on a remote: start, stop, restart, its logs and password, its address."""

import re
import sys
from collections.abc import Callable
from dataclasses import dataclass

from remote_lab.errors import Problem, Unreachable
from remote_lab.lab.errors import RULES
from remote_lab.remote_failures import failed
from remote_lab.remote_programs import LAB, values, yes_or_no
from remote_lab.remote_state import LabState, PortHolder, RemoteState
from remote_lab.settings import Action
from remote_lab.transport.connection import Connection
from remote_lab.transport.process import MOST
from remote_lab.transport.program import SH, program
from remote_lab.transport.session import Record, number
from remote_lab.transport.ssh_config import is_path

PROGRAMS = ("state", "places", *LAB, "port", "answer")


@dataclass(frozen=True)
class Address:
    """Where a running lab listens on its remote, and its token.

    Attributes:
        target: The remote end of the forward: a socket's path, or host:port.
    """

    target: str
    token: str


def control(
    connection: Connection, action: Action, sure: bool = False, port: int = 0
) -> LabState:
    """Start, stop or restart the lab.

    Args:
        connection: The way to the remote.
        action: What to do.
        sure: Whether kernels and terminals in it may be ended.
        port: With start: where it should listen from now on; 0 to keep that.

    Raises:
        Busy: Some run in it, and may not be ended.
        Problem: It can't be done; the message names the missing need.
    """
    command: str = action
    main = {
        "start": "port_free\nbackend_start\nlab_wait\nlab_status",
        "stop": "lab_idle\nbackend_stop\nlab_status",
        "restart": "lab_idle\nport_free\nlab_restart\nlab_wait\nlab_status",
    }[action]
    if port:
        main = "lab_idle\nport_set\nlab_restart\nlab_wait\nlab_status"
        command = f"start --port {port}"
    needed = values(connection, restart=yes_or_no(sure), wanted=str(port))
    status, records = connection.run(program(*PROGRAMS, values=needed, main=main))
    if status:
        raise _failed(connection, records, connection.command(f"lab {command} --yes"))
    return _lab(RemoteState.parse(records))


def check(connection: Connection) -> LabState:
    """Wait until the lab listens, after a push or an undo has restarted it.

    Raises:
        Problem: It does not come up; the message has the last lines of its log.
    """
    try:
        return _lab(_run(connection, "lab_wait\nlab_status"))
    except Unreachable:
        raise
    except Problem as error:
        raise Problem(error.what, "The files are in place.", error.todo) from None


def restart_command(connection: Connection, busy: object) -> str:
    """The command that restarts the lab.

    Args:
        connection: The way to the remote.
        busy: Whether anything runs in the lab: then it has to be agreed to.
    """
    return connection.command(f"lab restart{' --yes' if busy else ''}")


def ready(connection: Connection) -> tuple[LabState, Address]:
    """Start the lab if need be, and wait until it listens.

    Raises:
        Problem: It can't be started, or does not come up.
    """
    state = _run(
        connection, "port_free\nbackend_start\nlab_wait\nlab_address\nlab_status"
    )
    return _lab(state), _address(connection, state)


def address(connection: Connection) -> Address:
    """Query where a remote's lab listens.

    Raises:
        Problem: The lab is not running.
    """
    return _address(connection, _run(connection, "lab_address"))


def taken(connection: Connection, holder: PortHolder) -> str:
    """A sentence: who has the port of a lab."""
    who = f"the account {holder.account}"
    if holder.program:
        who = f"{holder.program} (account {holder.account})"
    return (
        f"Port {holder.port} on {connection.remote.name}, where the lab should listen,"
        f" is taken by {who}."
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
    connection: Connection, output: Callable[[str], object], lines: int, follow: bool
) -> None:
    """Read the last lines that the lab has written.

    Args:
        connection: The way to the remote.
        output: Is called with each line, as it comes.
        lines: How many.
        follow: Go on with what it writes, until interrupted.

    Raises:
        Problem: There is no log.
    """
    records: list[Record] = []

    def receive(record: Record) -> None:
        if records == [("logs",)]:
            output("\t".join(record))
        else:
            records.append(record)

    needed = values(connection, restart="no", lines=str(lines))
    needed["follow"] = yes_or_no(follow)
    text = program(*PROGRAMS, values=needed, main="lab_logs")
    if connection.run(text, sys.maxsize if follow else MOST, receive)[0]:
        raise _failed(connection, records)


def set_password(connection: Connection, password: str) -> LabState:
    """Set a password that opens the lab, beside the token, from its next start on.

    Args:
        connection: The way to the remote.
        password: It travels on ssh's standard input, and is kept hashed.
    """
    hashing = (SH / "hash_password.py").read_text(encoding="utf-8")
    main = "lab_password\nlab_status"
    return _lab(_run(connection, main, password=password, hash_password=hashing))


def _run(connection: Connection, main: str, **more: str) -> RemoteState:
    needed = values(connection, restart="no", **more)
    status, records = connection.run(program(*PROGRAMS, values=needed, main=main))
    if status:
        raise _failed(connection, records)
    return RemoteState.parse(records)


def _address(connection: Connection, state: RemoteState) -> Address:
    """The reported address, checked: it goes into an ssh configuration, and a URL."""
    reported = state.lab.address
    socket, token = reported.get("socket"), reported.get("token", "")
    port = number(reported.get("port", ""))
    if socket is None:
        target, good = f"127.0.0.1:{port}", 0 < port < 65536
    else:
        target, good = socket, is_path(socket)
    if not good or not re.fullmatch("[!-~]{1,1000}", token):
        raise Problem(
            f"The lab on {connection.remote.name} reports an invalid address, or an"
            f" invalid token: {socket or reported.get('port')}",
            "Nothing was opened.",
            f"{connection.command('lab restart')}   (look:"
            f" {connection.command('lab logs')})",
        )
    return Address(target, token)


def _lab(state: RemoteState) -> LabState:
    if not state.lab_reported:
        raise Problem("The remote did not report the state of its lab.")
    return state.lab


def _failed(connection: Connection, records: list[Record], again: str = "") -> Problem:
    """The error that a failed program means.

    Args:
        connection: The way to the remote.
        records: What the program reported.
        again: The same command, with the user's agreement to end what runs in the lab.
    """
    failure = records[-1] if records else ("no reason given",)
    holder = RemoteState.parse(records).lab.port
    lines = "".join(f"\n  {line}" for line in failure[1:] if line)
    facts = {"log": f" The last lines of its log:{lines}" if lines else ""}
    if holder:
        facts["taken"] = taken(connection, holder)
        facts["other_port"] = connection.command(f"lab start --port {holder.free}")
    return failed(connection, RULES, failure, again=again, **facts)
