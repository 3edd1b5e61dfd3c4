"""What most commands begin with: the project, one of its remotes, its connection."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

from remote_lab import settings
from remote_lab.errors import FAILED, Busy
from remote_lab.laptop import configured
from remote_lab.laptop.identity import claim
from remote_lab.transport.connection import Connection
from remote_lab.ui import show


def remote_name(ctx: click.Context, param: click.Parameter, text: str) -> list[str]:
    """The names of the remotes that begin so, for the shell's completion."""
    return [n for n in settings.load(ctx.find_root().obj).remotes if n.startswith(text)]


T = TypeVar("T")

yes_option = click.option(
    "--yes", is_flag=True, help="End kernels and terminals in the lab without asking."
)


def confirmed(action: Callable[[bool], T], yes: bool) -> T:
    """Do what may end kernels: at a terminal, ask first if it would.

    Args:
        action: Is called with whether they may be ended.
        yes: Whether the command line has --yes.

    Raises:
        Busy: There is no terminal to ask at; nothing was changed.
    """
    try:
        return action(yes)
    except Busy as busy:
        if not sys.stdin.isatty():
            raise
        show.note(busy.what)
    if not click.confirm("Should they end?", err=True):
        show.note("Nothing was changed.")
        sys.exit(FAILED)
    return action(True)


name_argument = click.argument("name", required=False, shell_complete=remote_name)


def project_root() -> Path:
    """The folder of the project that this command is of."""
    root: Path = click.get_current_context().find_root().obj
    return root


def current_project() -> settings.Project:
    """The project that this command is of, with its notes on this laptop."""
    project = settings.load(project_root())
    claim(project)
    return project


def connect(name: str | None) -> Connection:
    """The way to the remote of that name; without one, to the only one."""
    project = current_project()
    return Connection(project, choose(project, name))


def choose(project: settings.Project, name: str | None) -> settings.Remote:
    """The remote of that name; without one, the only one.

    Raises:
        Problem: There is none, or several; or this laptop is not set up for it.
    """
    if name is None or name in project.remotes:
        configured.refuse(project, name)
    return project.pick(name)
