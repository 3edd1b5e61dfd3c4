"""What the last record of a program that failed on a remote means to the user."""

import re
import shlex
from collections.abc import Iterable

from remote_lab.errors import LOCK, Busy, Problem, Rule, explained, inside, reason
from remote_lab.transport.connection import Connection
from remote_lab.transport.session import Record

BUSY = Rule(
    "^busy\t",
    "This would end what runs in the lab on {name}: {contents}.",
    "Nothing was changed.",
    "{again}",
    kind=Busy,
)
NO_SUDO = Rule(
    "^nosudo\t",
    "The system service of {name} needs sudo, which was refused or wants a password.",
    "Everything else is in place; the service is as it was.",
    "ssh -t {host} sudo {command}   (or let an admin do it), then the same command"
    " again.",
)
NO_HOME = Rule("^nohome$", "{name} has none of this project's files yet.", "", "{push}")
NO_ENVIRONMENT = Rule("^noenv$", "{name} has no environment yet.", "", "{push}")


def failed(
    connection: Connection,
    rules: Iterable[Rule],
    failure: Record,
    errors: str = "",
    **more: str,
) -> Problem:
    """The error that a failed program means.

    Args:
        connection: The way to the remote.
        rules: The rules. Their patterns are matched against the record, its fields
            between tabs; if it is missing or `nowrite`, the lines of standard error
            follow. Their templates may name what is set here, and what is in `more`.
        failure: The program's last record; empty if there is none.
        errors: What it wrote to standard error.
        **more: Further facts for the templates.
    """
    project, remote, fields = connection.project, connection.remote, failure[1:]
    place, file = project.place, (fields or ("",))[0]
    facts = {
        "name": remote.name,
        "host": remote.host,
        "place": place,
        "dir": project.dir,
        "unlock": connection.shell(LOCK.format(project.slug)),
        "quoted": shlex.quote(file),
        "command": shlex.join(fields),
        "contents": inside(*(*fields, "", "")[:2]),
        "to": f" to {''.join(fields)}" if fields else "",
        "reason": reason(errors),
        # What the record itself has of it, where standard error tells less.
        "why": reason("\n".join([errors, *fields]).strip()),
        "reported": " ".join(failure) or reason(errors),
        "move": connection.shell(shlex.join(["mv", file, f"{file}.mine"])),
        "look_at_disk": connection.shell("df -h ."),
        "look_at_limits": connection.shell("ulimit -a"),
        "look_at_mounts": connection.shell("findmnt -T ."),
        "look_at_code": connection.shell(f"git -C {project.dir} status"),
    }
    for command in (
        *("push", "push --force", "undo", "remove", "remove --yes", "save", "doctor"),
        *("lab start", "lab logs"),
    ):
        name = re.sub("[ -]+", "_", command)
        facts[name] = connection.command(command)
    report = "\t".join(failure)
    if failure[:1] in ((), ("nowrite",)):  # then standard error has the reason
        report += f"\n{errors}"
    error = explained(rules, report, **{**facts, **more})
    return error or Problem(f"{remote.name}: {facts['reported']}", "", facts["doctor"])
