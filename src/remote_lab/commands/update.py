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
    "-r",
    "--vcs-ref",
    "ref",
    default="",
    metavar="REF",
    help="The template's version: a tag or a commit.",
)
@click.option(
    "--conflict",
    type=click.Choice(["inline", "rej"]),
    default="inline",
    help="Mark conflicts in the file, or write FILE.rej.",
)
@click.option(
    "--source", metavar="ADDRESS", help="Take updates from this address from now on."
)
def update(
    answers: tuple[str, ...], ref: str, conflict: str, source: str | None
) -> None:
    """Update the project's files from the template.

    It merges the template's changes with your edits, and prints what to type next. No
    remote is touched. Only new questions are asked.
    """
    if source and (answers or ref):
        raise click.UsageError(
            "--source changes only the address: give no -d and no -r."
        )
    from remote_lab.update.run import move_source, update_project

    project = current_project()
    if source:
        move_source(project, source)
    elif not update_project(project, list(answers), ref, conflict):
        sys.exit(FAILED)
