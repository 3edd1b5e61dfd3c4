"""Words for the user: on the terminal, harmless whatever a remote sent."""

import sys
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import click

from remote_lab.errors import Problem

# Who hears what is told, as (sign, text), where that is not the terminal itself.
_ear: ContextVar[Callable[[str, str], object] | None] = ContextVar("ear", default=None)


@contextmanager
def heard_by(ear: Callable[[str, str], object]) -> Iterator[None]:
    """Have what this thread tells go elsewhere; problems are still told here.

    Args:
        ear: Is given the sign (done: ✓, a note: !, a step: none) and the text.
    """
    token = _ear.set(ear)
    try:
        yield
    finally:
        _ear.reset(token)


def plain(text: str) -> str:
    """The text with control characters and line ends of any kind made visible.

    Args:
        text: What came from a remote, or from a file there.
    """
    return "".join(
        (
            character
            if character == "\t" or _is_harmless(character)
            else _escape(character)
        )
        for character in text
    )


def _is_harmless(character: str) -> bool:
    """Whether it is no control, format or unassigned character, and ends no line."""
    category = unicodedata.category(character)
    return category[0] != "C" and category not in ("Zl", "Zp")


def _escape(character: str) -> str:
    """A character as Python and JSON write it: \\x1b, \\u2028, \\U000e0001."""
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def step(text: str) -> None:
    """One line of progress, on standard error: standard output is for results."""
    if not _heard("", text):
        click.secho(plain(text), err=True)


def done(text: str) -> None:
    """One thing that is now so."""
    if not _heard("✓", text):
        line("✓", text)


def note(text: str) -> None:
    """Something the user should know, and need do nothing about at once."""
    if not _heard("!", text):
        line("!", text)


def problem(error: Problem) -> None:
    """An error: what happened, what is as it was, what to type next."""
    line("✗", error.what)
    for more in (error.unchanged, error.todo and f"Next: {error.todo}"):
        if more:
            line(" ", more)


def _heard(sign: str, text: str) -> bool:
    ear = _ear.get()
    if ear:
        ear(sign, text)
    return bool(ear)


def line(sign: str, text: str) -> None:
    """A sign in its colour, and what it says, on standard error."""
    colours = {"✓": "green", "!": "yellow", "✗": "red"}
    first, *more = text.split("\n")
    click.echo(f"{click.style(sign, fg=colours.get(sign))} {plain(first)}", err=True)
    for rest in more:
        click.echo(f"  {plain(rest)}", err=True)


def diff(lines: list[str]) -> None:
    """A unified diff, coloured as git does."""
    colours = {"+": "green", "-": "red", "@": "cyan"}
    for line in lines:
        click.secho(plain(line), fg=colours.get(line[:1]))
    sys.stdout.flush()
