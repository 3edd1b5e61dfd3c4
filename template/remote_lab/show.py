"""Words for the user: on the terminal, harmless whatever a remote sent."""

import sys
import unicodedata

import click

from remote_lab.errors import Problem


def plain(text: str) -> str:
    """The text with control characters, escapes among them, made visible.

    Args:
        text: What came from a remote, or from a file there.
    """
    return "".join(
        (
            character
            if character == "\t" or unicodedata.category(character)[0] != "C"
            else f"\\x{ord(character):02x}"
        )
        for character in text
    )


def step(text: str) -> None:
    """One line of progress, on standard error: standard output is for results."""
    click.secho(plain(text), err=True)


def done(text: str) -> None:
    """One thing that is now so."""
    _told("✓", "green", text)


def note(text: str) -> None:
    """Something the user should know, and need do nothing about at once."""
    _told("!", "yellow", text)


def problem(error: Problem) -> None:
    """An error: what happened, what is as it was, what to type next."""
    _told("✗", "red", error.what)
    for line in (error.still, error.todo and f"Next: {error.todo}"):
        if line:
            _told(" ", None, line)


def _told(sign: str, colour: str | None, text: str) -> None:
    first, *more = text.split("\n")
    click.echo(f"{click.style(sign, fg=colour)} {plain(first)}", err=True)
    for line in more:
        click.echo(f"  {plain(line)}", err=True)


def diff(lines: list[str]) -> None:
    """A unified diff, coloured as git does."""
    colours = {"+": "green", "-": "red", "@": "cyan"}
    for line in lines:
        click.secho(plain(line), fg=colours.get(line[:1]))
    sys.stdout.flush()
