"""The command update: the project's files, from a newer template."""

import sys

import click

from remote_lab.commands.common import current_project
from remote_lab.errors import FAILED


@click.command()
@click.option(
    "-d",
    "--data",
    "answers",
    multiple=True,
    metavar="QUESTION=ANSWER",
    help="Change an answer; may be given several times.",
)
@click.option(
    "-r", "--vcs-ref", "ref", default="", metavar="REF", help="A tag or commit of it."
)
@click.option(
    "--conflict",
    type=click.Choice(["inline", "rej"]),
    default="inline",
    help="How to leave what can't be merged.",
)
@click.option(
    "--source", metavar="ADDRESS", help="Take updates from there from now on."
)
def update(
    answers: tuple[str, ...], ref: str, conflict: str, source: str | None
) -> None:
    """Update the project's files from the template.

    It merges what the template has learned with what you edited, and prints what to
    type next. No remote is touched. Only new questions are asked.
    """
    if source and (answers or ref):
        raise click.UsageError("--source goes alone: it changes the address only.")
    from remote_lab.update.run import move_source, update_project

    project = current_project()
    if source:
        move_source(project, source)
    elif not update_project(project, list(answers), ref, conflict):
        sys.exit(FAILED)
