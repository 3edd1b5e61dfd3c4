"""The home pieces on a remote: push, undo and remove, and what the remote says of it.

One connection carries the pieces and sh/apply.sh; the remote compares, stages a
generation and turns one link. What it reports comes back as records.
"""

import os
import re
import shlex
from collections.abc import Callable

from remote_lab.errors import (
    LOCK,
    NOTHING,
    REMOTE_EDITED,
    UNREACHABLE,
    Broken,
    OutcomeUnknown,
    Problem,
    busy,
    inside,
    limit,
    locked,
    reason,
)
from remote_lab.push import manifest
from remote_lab.remote_programs import LAB, values
from remote_lab.remote_state import HomeReport
from remote_lab.tools.files import write_whole
from remote_lab.transport.bundle import Bundle
from remote_lab.transport.connection import Connection
from remote_lab.transport.program import program
from remote_lab.transport.session import number
from remote_lab.ui import show

PROGRAMS = (*("state", "lock", "places", "bashrc", "former", "compare", *LAB, "apply"),)
BACK = (*PROGRAMS, "back")
BLOCKED = re.compile("not a directory|file exists", re.IGNORECASE)
FULL = re.compile("no space left|quota|read-only", re.IGNORECASE)


def push(
    connection: Connection,
    pieces: list[manifest.Piece],
    mode: str = "apply",
    restart: bool = False,
    *,
    code: bool = True,
) -> HomeReport:
    """Bring home/remote to a remote; sh/apply.sh has the three-way rule (judge).

    Args:
        connection: The way to the remote.
        pieces: What home/remote holds.
        mode: apply; force (what was edited there gives way); dry (only tell).
        restart: Restart the lab if it needs it, even with kernels running.
        code: Whether to ask how the code there is, as well.

    Raises:
        Problem: The remote holds edits that the push would overwrite (exit code 3),
            or could not do it; then everything is as it was.
        Unreachable: It can't be reached.
        OutcomeUnknown: The connection broke, and did not come back.
    """
    asked = values(connection, mode=mode, restart="yes" if restart else "no")
    more = ("code",) if code else ()
    main = "push_home\nlab_status\nin_use" + ("\ncode_state" if code else "")
    bundle = Bundle(program(*PROGRAMS, *more, values=asked, main=main))
    manifest.pack(connection.project, pieces, bundle)
    report = HomeReport()
    try:
        status, errors = connection.deliver(bundle, report.take, dry=mode == "dry")
    except Broken as error:
        if mode == "dry":
            again = connection.verb("push --dry-run")
            raise Broken(error.what, NOTHING, again) from None
        _what_became(connection, "push", bundle.id, report)
        # Behind the switch, it may have been cut off: the same again does what is left.
        return _finished(
            report, lambda: push(connection, pieces, mode, restart, code=code)
        )
    if status:
        raise _failed(connection, report, errors)
    return report


def look(connection: Connection) -> HomeReport:
    """Ask a remote what it has of the code, and how its lab is."""
    return _run(
        connection, (*PROGRAMS, "code"), "code_state\nlab_status\nin_use", False
    )


def renew_lab(connection: Connection, restart: bool) -> HomeReport:
    """Have the lab take up a new environment, if it is idle or the user says so."""
    main = ': >"$current/pending/lab"\nfollow_up\nlab_status'
    return _run(connection, PROGRAMS, main, restart)


def undo(connection: Connection, restart: bool = False) -> HomeReport:
    """Turn the switch back to the generation before the one in use.

    Raises:
        Problem: There is none, or it could not be done.
        OutcomeUnknown: The connection broke, and did not come back.
    """
    # Until it is known how it ended, the next undo goes by the same name: the remote
    # goes back once for it, however often it is asked.
    note = connection.project.state / f"{connection.remote.name}.undo"
    id = note.read_text(encoding="utf-8") if note.exists() else os.urandom(8).hex()
    write_whole(note, id)
    report = _verb(connection, "undo", id, restart)
    note.unlink()
    return report


def remove(connection: Connection, sure: bool = False, key: str = "") -> HomeReport:
    """Take everything of the project off the account, but its code and data.

    Args:
        connection: The way to the remote.
        sure: Whether kernels and terminals in the lab may be ended.
        key: The public key of this laptop: the report has whether it stays there.

    Raises:
        Busy: Some run in the lab, and may not be ended; nothing was changed.
        Problem: It could not be done.
        OutcomeUnknown: The connection broke, and did not come back.
    """
    return _verb(connection, "remove", os.urandom(8).hex(), sure, key)


def _run(
    connection: Connection, programs: tuple[str, ...], main: str, restart: bool
) -> HomeReport:
    asked = values(connection, restart="yes" if restart else "no")
    report = HomeReport()
    status, records = connection.run(program(*programs, values=asked, main=main))
    for record in records:
        report.take(record)
    if status:
        raise _failed(connection, report, "")
    return report


def _verb(
    connection: Connection, verb: str, id: str, restart: bool, key: str = ""
) -> HomeReport:
    agreed = "yes" if restart else "no"
    asked = values(connection, mode="apply", restart=agreed, public_key=key)
    main = {"undo": "undo_home\nlab_status", "remove": "remove_home"}[verb]
    report = HomeReport()
    try:
        bundle = Bundle(program(*BACK, values=asked, main=main), id)
        status, errors = connection.deliver(bundle, report.take)
    except Broken:
        _what_became(connection, verb, id, report)
        if verb == "remove":
            return report
        return _finished(report, lambda: _verb(connection, verb, id, restart))
    if status:
        raise _failed(connection, report, errors)
    return report


def _what_became(
    connection: Connection, verb: str, id: str, report: HomeReport
) -> None:
    """After a cut: the remote may have finished. Ask it, by the verb's own name.

    Raises:
        Problem: It has not finished.
        OutcomeUnknown: It can't be asked.
    """
    name = connection.remote.name
    show.note(f"The connection to {name} broke: asking what became of the {verb}.")
    asked = values(connection, id=id)
    try:
        _, records = connection.run(
            program("state", "lock", "result", values=asked, main="result")
        )
    except Problem as error:
        raise OutcomeUnknown(
            f"The connection to {name} broke, and does not come back: {error.what}",
            f"The remote is as before, or as after this {verb}: never in between.",
            f"{connection.verb(verb)}   (again: it finds out, and does only what is"
            " left to do)",
            UNREACHABLE,
        ) from None
    for record in records:
        if record[0] == "kept":
            report.take(record)
    if (verb, id) in records or (verb == "remove" and ("gone",) in records):
        report.notes.append(f"The connection broke, but the {verb} had arrived.")
        report.current = id
        return
    off = verb == "remove" and ("off",) in records
    raise Problem(
        f"The connection to {name} broke before the {verb} was through.",
        (
            "Nothing of the project is in use there any more; some of it is left."
            if off
            else "The files of the remote are as they were."
        ),
        connection.verb(verb),
    )


def _finished(report: HomeReport, again: Callable[[], HomeReport]) -> HomeReport:
    """What was done before the connection broke, and what was left to do."""
    try:
        later = again()
    except Problem as error:
        report.notes.append(f"What follows it waits for the next push: {error.what}")
        return report
    later.changed = {**report.changed, **later.changed}
    later.generation = later.generation or report.generation
    later.followed = report.followed + later.followed
    later.notes = report.notes + later.notes
    return later


def no_sudo(connection: Connection, command: list[str]) -> Problem:
    """The error where the system service needs sudo, and does not get it."""
    return Problem(
        f"The system service of {connection.remote.name} needs sudo, which was refused"
        " or wants a password.",
        "Everything else is in place; the service is as it was.",
        f"ssh -t {connection.remote.host} sudo {shlex.join(command)}   (or let an admin"
        " do it), then the same command again.",
    )


def _failed(connection: Connection, report: HomeReport, errors: str) -> Problem:
    name, slug = connection.remote.name, connection.project.slug
    as_was = f"{name} is as it was."
    failure = report.failure
    # A banner may talk of limits, too: where the remote knows better, that counts.
    if failure[:1] in ((), ("nowrite",), ("incomplete",)) and (met := limit(errors)):
        return Problem(
            f"A limit of the account on {name} is too low for this: {met}",
            as_was,
            f"Look at them: {connection.shell('ulimit -a')}   and ask who runs it.",
        )
    # Some shells end at once where a file can't be made, with no last record.
    if not failure and FULL.search(errors):
        failure = ("nowrite",)
    match failure:
        case ("clashes",):
            paths = [p for p, word in report.changed.items() if word == "clash"]
            return Problem(
                f"Edited on {name} since the last push, and changed here too:"
                f" {', '.join(paths)}.",
                as_was,
                "Take over what you want into home/remote, then:"
                f" {connection.verb('push --force')}   (what is there now is kept:"
                f" {connection.verb('undo')})",
                REMOTE_EDITED,
                report.diff,
            )
        case ("locked", owner):
            return locked(name, owner, connection.shell(LOCK.format(slug)))
        case ("foreign", place):
            away = connection.shell(shlex.join(["mv", place, f"{place}.mine"]))
            return Problem(
                f"~/{place} on {name} is there already, and not ours.",
                as_was,
                f"Move it away: {away}   then: {connection.verb('push')}",
            )
        case ("nowrite", *place) if BLOCKED.search(errors):
            return Problem(
                f"{name} can't write{' to ' if place else ''}{''.join(place)}:"
                f" {reason(errors)}",
                as_was,
                "Something stands where a folder has to be. Move it away there, then:"
                f" {connection.verb('push')}",
            )
        case ("nowrite" | "stopped" as when, *place):
            return Problem(
                f"{name} can't write{' to ' if place else ''}{''.join(place)}:"
                f" {reason(errors)}",
                as_was if when == "nowrite" else f"The lab is stopped. Else {as_was}",
                "Is the disk full, your quota, or the home read-only? Look with:"
                f" {connection.shell('df -h .')}   (df -i, where files are counted)",
            )
        case ("incomplete",):
            return Problem(
                f"What was sent to {name} did not arrive whole: {reason(errors)}",
                as_was,
                "If the disk is full, make room; if tar or gzip is missing, ask for it;"
                f" then: {connection.verb('push')}",
            )
        case ("nosudo", *command):
            return no_sudo(connection, command)
        case ("never",):
            return Problem(
                f"There is nothing of this project on {name}: it was never pushed"
                " there, or has been removed.",
                todo=connection.verb("push"),
            )
        case ("owed", file):
            return Problem(
                f"{name} can't write to {file}, the file that a link of yours leads to:"
                f" {reason(errors)}",
                "It is owed that by the push or undo before; of this one, nothing was"
                " done.",
                f"Once it can be written: {connection.verb('push')}",
            )
        case ("unsettled",):
            return Problem(
                f"{name} can't bring to its disk what was written: {reason(errors)}",
                "All is in place, but a power cut now could undo it.",
                f"Look at the disk: {connection.shell('df -h .')}   then:"
                f" {connection.verb('push')}",
            )
        case ("behind", file, verb):
            return Problem(
                f"{name} can't write to {file}, the file that a link of yours leads"
                f" to: {reason(errors)}",
                "All else is in place, and nothing is half written.",
                f"Once it can be written, it will be: {connection.verb(verb)}",
            )
        case ("remains", place):
            return Problem(
                f"{name} can't take ~/{place} away: {reason(errors)}",
                "Nothing of the project is in use there any more.",
                f"Once that is mended, again: {connection.verb('remove')}",
            )
        case ("busy", count, kernels):
            again = connection.verb("remove --yes")
            return busy(name, inside(count, kernels), again)
        case ("first", count, _):
            yes = " --yes" if number(count) else ""
            return Problem(
                f"This was the first push to {name}: there is none before it.",
                as_was,
                f"To take everything off again: {connection.verb('remove' + yes)}",
            )
        case ("pruned", generation):
            return Problem(
                f"The generation before, {generation}, is no longer kept.",
                as_was,
                "Take the former files from git, then: " + connection.verb("push"),
            )
    said = " ".join(failure) or reason(errors)
    return Problem(f"{name} did not take it: {said}", as_was, connection.verb("doctor"))
