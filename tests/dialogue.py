"""Copier's questions, as a person sees them: a terminal whose screen a test reads."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Self

import pyte
from render import QUESTIONS

ENTER = "\r"
# What somebody types who takes the defaults, where there is one.
SHORT = {"project_name": "Whales of 1900", "remote_host": "sandbox"}


class Dialogue:
    """A program in a terminal of a certain size."""

    def __init__(self, *command: str, home: Path, columns: int, rows: int = 50) -> None:
        """Start it.

        Args:
            command: The program, by its path, and its arguments.
            home: The home; it runs there, too.
            columns: The terminal's width.
            rows: Its height.
        """
        self.screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self.screen)
        self._status: int | None = None
        # Else prompt_toolkit asks where the cursor is, and waits for the answer.
        env = {**os.environ, "HOME": str(home), "PROMPT_TOOLKIT_NO_CPR": "1"}
        self._child, self._terminal = pty.fork()
        if self._child == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("4H", rows, columns, 0, 0))
            os.chdir(home)
            os.execve(command[0], command, {**env, "TERM": "xterm-256color"})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._status is None:
            os.kill(self._child, signal.SIGKILL)
            os.waitpid(self._child, 0)
        os.close(self._terminal)

    @property
    def text(self) -> str:
        """What the screen shows now."""
        return "\n".join(line.rstrip() for line in self.screen.display).strip()

    def type(self, keys: str) -> None:
        """Type something."""
        os.write(self._terminal, keys.encode())

    def wait_for(self, *awaited: str, timeout: float = 60) -> str | None:
        """Wait until one of several texts is whole on the screen.

        Returns:
            That text, or none where the program has ended instead.

        Raises:
            TimeoutError: Neither happened; the message holds the screen.
        """
        deadline = time.monotonic() + timeout
        while True:
            for text in awaited:
                if text in self.text:
                    return text
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"none of {awaited} in:\n{self.text}")
            if select.select([self._terminal], [], [], left)[0]:
                try:
                    said = os.read(self._terminal, 65536)
                except OSError:  # on Linux, what a closed terminal gives
                    said = b""
                if not said:
                    return None
                self._stream.feed(said)

    def end(self) -> int:
        """The exit code of a program that has ended."""
        if self._status is None:
            self._status = os.waitstatus_to_exitcode(os.waitpid(self._child, 0)[1])
        return self._status


def copier_copy(
    home: Path, *options: str, source: str = "t", target: str = "p", columns: int = 80
) -> Dialogue:
    """`copier copy`, in a terminal.

    Args:
        home: The home, in which it runs.
        *options: For Copier.
        source: The template, as seen from there.
        target: The project's folder, as seen from there.
        columns: The terminal's width.
    """
    command = [sys.executable, "-m", "copier", "copy", *options, source, target]
    return Dialogue(*command, home=home, columns=columns)


def help_of(question: str) -> str:
    """What the screen shows of a question's help, where it is whole."""
    return str(QUESTIONS[question]["help"]).strip()


def walk(
    dialogue: Dialogue, answers: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Answer whatever is asked, until the program ends.

    Args:
        dialogue: A copy under way.
        answers: What to type at each question; at the others, Enter alone.

    Returns:
        Each question that was asked, in order, with the screen after its answer was
        typed and before Enter.

    Raises:
        TimeoutError: A help text was not whole on the screen, or an answer was refused.
    """
    typed = {**SHORT, **(answers or {})}
    left = {help_of(name): name for name, how in QUESTIONS.items() if "help" in how}
    seen: dict[str, str] = {}
    while found := dialogue.wait_for(*left):
        name = left.pop(found)
        if how := QUESTIONS[name].get("choices"):
            assert all(choice in dialogue.text for choice in how), dialogue.text
        seen[name] = dialogue.text
        if QUESTIONS[name]["type"] == "bool" and name in typed:
            dialogue.type(typed[name])  # is its own Enter
            continue
        if name in typed:
            dialogue.type(typed[name])
            dialogue.wait_for(f"\n   {typed[name]}")
            seen[name] = dialogue.text
        dialogue.type(ENTER)
    return seen


def last_line(screen: str) -> str:
    """The line at which somebody types: the last one that is not empty."""
    return re.split(r"\n+", screen.strip())[-1]
