"""Commands for the lab and the tunnel to it.

What a command needs is imported when it runs: --help and completion are quicker so.
"""

import sys
from contextlib import suppress

import click

from remote_lab.commands.common import (
    choose,
    confirmed,
    connect,
    current_project,
    name_argument,
    yes_option,
)
from remote_lab.errors import Problem
from remote_lab.remote_state import labelled
from remote_lab.settings import Action
from remote_lab.transport.connection import Connection
from remote_lab.ui import show

PASSWORD = 8  # so many characters at least


@click.command("open")
@name_argument
@click.option("--no-browser", is_flag=True, help="Print the URL and open nothing.")
def open_(name: str | None, no_browser: bool) -> None:
    """Open the lab: start it and the tunnel if need be, and open the browser.

    If the browser shows nothing, open the URL that is printed.
    """
    from remote_lab.lab import browser, opening
    from remote_lab.transport import agent

    with agent.for_command(connection := connect(name)):
        url = opening.open_lab(connection)
    click.echo(url)
    if not no_browser:
        browser.browse(connection, url)


@click.group()
def lab() -> None:
    """Start, stop or restart the lab; its logs and password."""


@lab.command()
@name_argument
@click.option(
    "--port",
    type=click.IntRange(1024, 65535),
    help="Of the remote, with lab_listen = port: listen there from now on.",
)
@yes_option
def start(name: str | None, port: int | None, yes: bool) -> None:
    """Start the lab, and enable it at every boot."""
    _act(name, "start", yes, port or 0)


@lab.command()
@name_argument
@yes_option
def stop(name: str | None, yes: bool) -> None:
    """Stop the lab; its kernels end: if there are any, it asks first."""
    _act(name, "stop", yes)


@lab.command()
@name_argument
@yes_option
def restart(name: str | None, yes: bool) -> None:
    """Restart the lab; its kernels end: if there are any, it asks first."""
    _act(name, "restart", yes)


def _act(name: str | None, action: Action, yes: bool, port: int = 0) -> None:
    from remote_lab.lab import service as labs

    connection = connect(name)
    state = confirmed(
        lambda agreed: labs.control(connection, action, agreed, port), yes
    )
    for note in state.notes:
        show.note(note)
    word = "is running" if state.running else "is stopped"
    show.done(f"The lab {word}, managed by {labelled(state.backend)}.")
    if state.running and state.backend == "tmux":
        show.step(labs.own_tmux(connection))


@lab.command()
@name_argument
@click.option("-n", "--lines", default=50, show_default=True, help="How many lines.")
@click.option("-f", "--follow", is_flag=True, help="Go on until Ctrl-C.")
def logs(name: str | None, lines: int, follow: bool) -> None:
    """The last lines that the lab has written."""
    from remote_lab.lab import service as labs

    with suppress(KeyboardInterrupt):  # how `-f` ends
        labs.logs(
            connect(name), lambda line: click.echo(show.plain(line)), lines, follow
        )


@lab.command()
@name_argument
def password(name: str | None) -> None:
    """Set a password for the lab: asked for, or taken from standard input."""
    from remote_lab.lab import service as labs

    connection = connect(name)
    if sys.stdin.isatty():
        text = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    else:
        text = sys.stdin.readline().rstrip("\n")
    if len(text) < PASSWORD:
        raise Problem(
            f"A password for the lab needs at least {PASSWORD} characters.",
            "Nothing was changed, and nothing was sent.",
            "The same command, with a longer one:"
            f" {connection.command('lab password')}",
        )
    state = labs.set_password(connection, text)
    again = labs.restart_command(connection, state.contents)
    show.done(f"The password is set; it applies from the next start: {again}")


@click.group()
def tunnel() -> None:
    """The tunnel to the lab: up, down, status."""


@tunnel.command()
@name_argument
def up(name: str | None) -> None:
    """Open the tunnel; safe to repeat."""
    from remote_lab.lab import service as labs
    from remote_lab.lab.tunnel import tunnel as tunnel_to
    from remote_lab.transport import agent

    with agent.for_command(connection := connect(name)):
        way = tunnel_to(connection)
        new = way.up(labs.address(connection).target)
    show.done(f"The tunnel {'is' if new else 'was'} up: http://127.0.0.1:{way.port}")


@tunnel.command()
@name_argument
def down(name: str | None) -> None:
    """Close the tunnel; the lab runs on."""
    from remote_lab.lab.tunnel import tunnel as tunnel_to

    was = tunnel_to(connect(name)).down()
    show.done("The tunnel is down." if was else "There was no tunnel.")


@tunnel.command("status")
@name_argument
def tunnel_status(name: str | None) -> None:
    """Which tunnels are up: each remote, up or down, and its port here."""
    from remote_lab.lab.tunnel import tunnel as tunnel_to

    project = current_project()
    for remote in [choose(project, name)] if name else project.remotes.values():
        way = tunnel_to(Connection(project, remote))
        click.echo(f"{remote.name}\t{'up' if way.is_up() else 'down'}\t{way.port}")
