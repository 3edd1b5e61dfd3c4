"""The dotfiles on a remote: push, undo and remove.

One connection carries the dotfiles and sh/apply.sh; the remote compares, stages a
generation and switches one link. It reports in records: DotfilesResult.
"""

import os
from collections.abc import Callable
from typing import Literal

from remote_lab.errors import (
    NOTHING,
    UNREACHABLE,
    Broken,
    OutcomeUnknown,
    Problem,
    limit,
)
from remote_lab.push import manifest
from remote_lab.push.dotfiles_errors import LIMIT, RULES
from remote_lab.push.dotfiles_result import DotfilesResult
from remote_lab.remote_failures import failed
from remote_lab.remote_programs import LAB, values, yes_or_no
from remote_lab.remote_state import RemoteState
from remote_lab.settings import Mode
from remote_lab.tools.files import write_whole
from remote_lab.transport.bundle import Bundle
from remote_lab.transport.connection import Connection
from remote_lab.transport.program import program
from remote_lab.transport.session import Record
from remote_lab.ui import show

PROGRAMS = (*("state", "lock", "places", "bashrc", "former", "compare", *LAB, "apply"),)
BACK = (*PROGRAMS, "back")
Way = Literal["undo", "remove"]


def push(
    connection: Connection,
    dotfiles: list[manifest.Dotfile],
    mode: Mode = "apply",
    restart: bool = False,
    *,
    code: bool = True,
) -> DotfilesResult:
    """Bring home/remote to a remote; sh/compare.sh has the three-way rule (judge).

    Args:
        connection: The way to the remote.
        dotfiles: What home/remote holds.
        mode: apply; force (overwrite what was changed there); dry (only report).
        restart: Restart the lab if it needs it, even with kernels running.
        code: Whether to query the state of the code there as well.

    Raises:
        Problem: The push would overwrite changes on the remote (exit code 3), or
            failed; then everything is as it was.
        Unreachable: It can't be reached.
        OutcomeUnknown: The connection broke, and did not come back.
    """
    needed = values(connection, mode=mode, restart=yes_or_no(restart))
    more = ("code",) if code else ()
    main = "push_home\nlab_status\nin_use" + ("\ncode_state" if code else "")
    bundle = Bundle(program(*PROGRAMS, *more, values=needed, main=main))
    manifest.pack(connection.project, dotfiles, bundle)
    records: list[Record] = []
    try:
        status, errors = bundle.deliver(connection, records.append, dry=mode == "dry")
    except Broken as error:
        if mode == "dry":
            again = connection.command("push --dry-run")
            raise Broken(error.what, NOTHING, again) from None
        result = _after_a_cut(connection, "push", bundle.id, records)
        # It may have been cut off behind the switch: a repetition does what is left.
        return _completed(
            result, lambda: push(connection, dotfiles, mode, restart, code=code)
        )
    result = DotfilesResult.parse(records)
    if status:
        raise _failed(connection, result, errors)
    return result


def query(connection: Connection) -> RemoteState:
    """Query the state of a remote's code and lab, and which push is in use."""
    main = "code_state\nlab_status\nin_use"
    return _run(connection, (*PROGRAMS, "code"), main, False).state


def renew_lab(connection: Connection, restart: bool) -> DotfilesResult:
    """Restart the lab for a new environment, if it is idle or `restart` is set."""
    main = ': >"$current/pending/lab"\nfollow_up\nlab_status'
    return _run(connection, PROGRAMS, main, restart)


def undo(connection: Connection, restart: bool = False) -> DotfilesResult:
    """Switch back to the generation before the one in use.

    Args:
        connection: The way to the remote.
        restart: Restart the lab if it needs it, even with kernels running.

    Raises:
        Problem: There is none, or it could not be done.
        OutcomeUnknown: The connection broke, and did not come back.
    """
    # Until its result is known, the next undo has the same id: the remote goes back
    # once for it, however often it is repeated.
    note = connection.project.state / f"{connection.remote.name}.undo"
    id = note.read_text(encoding="utf-8") if note.exists() else os.urandom(8).hex()
    write_whole(note, id)
    result = _back(connection, "undo", id, restart)
    note.unlink()
    return result


def remove(connection: Connection, sure: bool = False, key: str = "") -> DotfilesResult:
    """Remove everything of the project from the account, except code and data.

    Args:
        connection: The way to the remote.
        sure: Whether kernels and terminals in the lab may be ended.
        key: The public key of this laptop: the result has whether it stays there.

    Raises:
        Busy: Some run in the lab, and may not be ended; nothing was changed.
        Problem: It could not be done.
        OutcomeUnknown: The connection broke, and did not come back.
    """
    return _back(connection, "remove", os.urandom(8).hex(), sure, key)


def _run(
    connection: Connection, programs: tuple[str, ...], main: str, restart: bool
) -> DotfilesResult:
    needed = values(connection, restart=yes_or_no(restart))
    status, records = connection.run(program(*programs, values=needed, main=main))
    result = DotfilesResult.parse(records)
    if status:
        raise _failed(connection, result, "")
    return result


def _back(
    connection: Connection, way: Way, id: str, restart: bool, key: str = ""
) -> DotfilesResult:
    needed = values(connection, mode="apply", restart=yes_or_no(restart))
    needed["public_key"] = key
    main = {"undo": "undo_home\nlab_status", "remove": "remove_home"}[way]
    records: list[Record] = []
    try:
        bundle = Bundle(program(*BACK, values=needed, main=main), id)
        status, errors = bundle.deliver(connection, records.append)
    except Broken:
        result = _after_a_cut(connection, way, id, records)
        if way == "remove":
            return result
        return _completed(result, lambda: _back(connection, way, id, restart))
    result = DotfilesResult.parse(records)
    if status:
        raise _failed(connection, result, errors)
    return result


def _after_a_cut(
    connection: Connection,
    command: Literal["push"] | Way,
    id: str,
    records: list[Record],
) -> DotfilesResult:
    """The result of a command whose connection broke: the remote may have finished.

    Args:
        connection: The way to the remote.
        command: The command.
        id: Its id, by which the remote knows it.
        records: What it reported before.

    Raises:
        Problem: It has not finished.
        OutcomeUnknown: The remote can't be queried.
    """
    name = connection.remote.name
    show.note(f"The connection to {name} broke: querying the result of the {command}.")
    needed = values(connection, id=id)
    text = program("state", "lock", "result", values=needed, main="result")
    try:
        _, answer = connection.run(text)
    except Problem as error:
        raise OutcomeUnknown(
            f"The connection to {name} broke, and does not come back: {error.what}",
            f"The remote is as before, or as after this {command}: never in between.",
            f"{connection.command(command)}   (safe to repeat: it does what is left)",
            UNREACHABLE,
        ) from None
    removed = command == "remove"
    if (command, id) in answer or (removed and ("gone",) in answer):
        kept = [record for record in answer if record[0] == "kept"]
        result = DotfilesResult.parse([*records, *kept])
        result.notes.append(f"The connection broke, but the {command} was done.")
        result.state.current = id
        return result
    raise Problem(
        f"The connection to {name} broke before the {command} was done.",
        (
            "Nothing of the project is in use there any more; some of it is left."
            if removed and ("off",) in answer
            else "The files of the remote are as they were."
        ),
        connection.command(command),
    )


def _completed(
    result: DotfilesResult, again: Callable[[], DotfilesResult]
) -> DotfilesResult:
    """What was done before the connection broke, and then by a repetition."""
    try:
        later = again()
    except Problem as error:
        result.notes.append(f"The rest waits for the next push: {error.what}")
        return result
    later.changed = {**result.changed, **later.changed}
    later.generation = later.generation or result.generation
    later.restarted = result.restarted + later.restarted
    later.notes = result.notes + later.notes
    return later


def _failed(connection: Connection, result: DotfilesResult, errors: str) -> Problem:
    failure, rules = result.failure, RULES
    # A banner may mention limits, too: a record that explains more comes first.
    if failure[:1] in ((), ("nowrite",), ("incomplete",)) and limit(errors):
        rules = (LIMIT, *rules)
    changed = [path for path, action in result.changed.items() if action == "clash"]
    again = connection.command("remove --yes")
    facts = {"changed": ", ".join(changed), "limit": limit(errors), "again": again}
    error = failed(connection, rules, failure, errors, **facts)
    error.diff = result.diff if failure == ("clashes",) else []
    return error
