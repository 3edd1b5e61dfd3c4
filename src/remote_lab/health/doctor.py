"""Doctor: run the checks on the laptop and the remotes, and show the results."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import groupby
from typing import TypeVar

import click

from remote_lab.errors import Problem
from remote_lab.health import checks
from remote_lab.health.checks import Check, Finding, Result
from remote_lab.laptop import configured
from remote_lab.remote_programs import LAB, values
from remote_lab.remote_state import RemoteState
from remote_lab.settings import Project, Remote
from remote_lab.transport import bundle
from remote_lab.transport.connection import Connection
from remote_lab.transport.program import program
from remote_lab.ui.show import plain

# What the lab, the environment and status use, beyond the needs of a push.
MORE = "awk base64 cat chmod comm cut date df ls nohup nproc sleep tee tr uname"
SIGNS = {
    Result.OK: ("✓", "green"),
    Result.INFO: ("✓", "green"),
    Result.WARNING: ("!", "yellow"),
    Result.ERROR: ("✗", "red"),
}
T = TypeVar("T")


def examine(project: Project, remotes: list[Remote]) -> list[Finding]:
    """Check the laptop, and side by side the way to each remote, and the remote.

    Args:
        project: The project.
        remotes: Which of its remotes. Only a single one may ask for a password.
    """
    laptop = checks.Laptop(project, any(not remote.sandbox for remote in remotes))
    # If several asked at once, nobody could tell which one asks.
    ways = [Connection(project, remote, ask=len(remotes) == 1) for remote in remotes]
    found = [*_run(checks.LAPTOP, laptop)]
    with ThreadPoolExecutor(8) as pool:
        for findings in pool.map(_remote, ways):
            found += findings
    return found


def report(found: list[Finding]) -> None:
    """Print the findings, those of each remote under its name; not what was skipped."""
    shown = [finding for finding in found if finding.result != Result.SKIPPED]
    several = len({finding.remote for finding in shown} - {None}) > 1
    for name, findings in groupby(shown, lambda finding: finding.remote):
        if several:
            click.echo(f"{name or 'This laptop'}:")
        for finding in findings:
            _show(finding)


def _show(finding: Finding) -> None:
    sign, colour = SIGNS[finding.result]
    first, *more = finding.what.split("\n")
    click.echo(f"{click.style(sign, fg=colour)} {plain(first)}")
    for line in more:
        click.echo(f"  {plain(line)}")
    if not finding.good:
        click.echo(f"  Next: {plain(finding.fix or '')}")


def _run(every: Iterable[Check[T]], subject: T) -> Iterator[Finding]:
    for check in every:
        for finding in check.run(subject):
            yield replace(finding, check=check.name)


def _remote(connection: Connection) -> list[Finding]:
    name = connection.remote.name
    try:
        if connection.remote in configured.lacking(connection.project):
            raise configured.problem(connection.remote)
        state = _query(connection)
        found = [
            Finding(Result.OK, f"{name} can be reached.", check="connection"),
            *_run(checks.REMOTE, checks.Remote(connection, state)),
        ]
    except Problem as error:
        found = [replace(checks.failure(error), check="connection")]
    return [replace(finding, remote=name) for finding in found]


def _query(connection: Connection) -> RemoteState:
    text = program(
        *("state", "places", *LAB, "port", "code", "status"),
        values=values(connection, restart="no", programs=f"{bundle.NEEDS} {MORE}"),
        main="needs\nmachine\ncode_state\ncode_check\nlab_status\nport_state",
    )
    return RemoteState.parse(connection.run(text)[1])
