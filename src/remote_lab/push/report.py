"""What a push shows at its end: as JSON, or a line and the problems of each remote."""

import json

import click

from remote_lab.errors import Problem
from remote_lab.push.one_remote import Outcome
from remote_lab.ui import show


def report(outcomes: list[Outcome], as_json: bool) -> None:
    """Show what a push did on each remote.

    Args:
        outcomes: The outcome for each remote.
        as_json: As JSON on standard output; problems are still shown for a person.
    """
    if as_json:
        click.echo(json.dumps([outcome.json() for outcome in outcomes], indent=2))
    else:
        for outcome in outcomes:
            if outcome.diff and len(outcomes) > 1:
                show.step(f"{outcome.remote}:")
            show.diff(outcome.diff)
    if len(outcomes) > 1:
        _problems(outcomes)
        _table(outcomes)
    elif outcomes[0].problem:
        show.problem(outcomes[0].problem)
    elif not outcomes[0].has_changes:
        show.done(f"{outcomes[0].remote}: nothing to do.")


def _problems(outcomes: list[Outcome]) -> None:
    """Show each problem once, with the names of the remotes that have it."""
    met: dict[tuple[str, str, str], list[str]] = {}
    for outcome in outcomes:
        if error := outcome.problem:
            key = (error.what, error.unchanged, error.todo)
            met.setdefault(key, []).append(outcome.remote)
    for (what, still, todo), names in met.items():
        if len(names) > 1 or names[0] not in what:
            what = f"{', '.join(names)}: {what}"
        show.problem(Problem(what, still, todo))


def _table(outcomes: list[Outcome]) -> None:
    """Show the result of each remote, in one line each."""
    width = max(len(outcome.remote) for outcome in outcomes)
    for outcome in outcomes:
        result, details = outcome.result
        show.line(
            "✗" if outcome.problem else "✓",
            f"{outcome.remote:<{width}}  {result:<13}  {details}".rstrip(),
        )
