"""Messages for the user; what a remote sent can't control the terminal."""

import sys
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import click

from remote_lab.errors import Problem

Listener = Callable[[str, str], object]
# Receives the messages of this thread; None: they go to the terminal.
_listener: ContextVar[Listener | None] = ContextVar("listener", default=None)


@contextmanager
def redirected(listener: Listener) -> Iterator[None]:
    """Send the messages of this thread elsewhere; problems still go to the terminal.

    Args:
        listener: Is called with the sign (done: ✓, a note: !, a step: none) and the
            text.
    """
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


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
    """Whether it is no control, format or unassigned character, and no line end."""
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
    if not _redirected("", text):
        click.secho(plain(text), err=True)


def done(text: str) -> None:
    """Something that was done."""
    if not _redirected("✓", text):
        line("✓", text)


def note(text: str) -> None:
    """Something that the user should know; it needs no action at once."""
    if not _redirected("!", text):
        line("!", text)


def problem(error: Problem) -> None:
    """An error: what happened, what is unchanged, what to type next."""
    line("✗", error.what)
    for more in (error.unchanged, error.todo and f"Next: {error.todo}"):
        if more:
            line(" ", more)


def _redirected(sign: str, text: str) -> bool:
    listener = _listener.get()
    if listener:
        listener(sign, text)
    return bool(listener)


def line(sign: str, text: str) -> None:
    """A sign in its colour, and a text, on standard error."""
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
