"""What most commands begin with: the project, one of its remotes, the way to it."""

import click

from remote_lab import settings
from remote_lab.connection import Connection
from remote_lab.identity import claim


def remote_name(ctx: click.Context, param: click.Parameter, text: str) -> list[str]:
    """The names of the remotes that begin so, for the shell's completion."""
    return [n for n in settings.load(settings.ROOT).remotes if n.startswith(text)]


name_argument = click.argument("name", required=False, shell_complete=remote_name)


def current_project() -> settings.Project:
    """The project that this command is of, with its notes on this laptop."""
    project = settings.load(settings.ROOT)
    claim(project)
    return project


def connect(name: str | None) -> Connection:
    """The way to the remote of that name; without one, to the only one."""
    project = current_project()
    return Connection(project, project.pick(name))
