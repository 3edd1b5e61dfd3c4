"""Ctrl-C at any line of a session with a remote: it ends, and nothing is left of it."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from laptop import Laptop
from process import wait_until
from project import Project

from remote_lab import settings
from remote_lab.transport import session
from remote_lab.transport.connection import Connection
from remote_lab.transport.program import program

# Who is interrupted while it starts, or ends, what it started has the end of this
# process end that.
OUTSIDE = ("__init__", "__enter__", "__exit__")


class Interrupted:
    """A Ctrl-C that comes right before the nth line that the session runs."""

    def __init__(self, number: int) -> None:
        self.left = number

    def __call__(self, frame: FrameType, event: str, _: Any) -> Any:
        code = frame.f_code
        if code.co_filename != session.__file__ or code.co_name in OUTSIDE:
            return None
        if event == "line":
            self.left -= 1
            if self.left == 0:
                raise KeyboardInterrupt
        return self


@contextmanager
def traced(tracer: Callable[..., Any]) -> Any:
    """Have a tracer see what this thread, and no other one, runs."""
    before = sys.gettrace()
    sys.settrace(tracer)
    try:
        yield
    finally:
        sys.settrace(before)


def running() -> list[str]:
    """The children of this process that run; one that has ended is reaped."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    children = []
    for task in Path("/proc/self/task").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):  # a thread that has ended
            children += (task / "children").read_text().split()
    return children


def test_ctrl_c_at_any_line(
    laptop: Laptop, monkeypatch: pytest.MonkeyPatch, counted: Callable[[str], None]
) -> None:
    monkeypatch.setenv("HOME", str(laptop.home))
    project = settings.load(Project.rendered(laptop).root)
    connection = Connection(project, project.pick(None))
    text = program("state", values=project.names, main="say here")
    threads = threading.active_count()
    before, number, through = set(running()), 0, False
    while not through:
        number += 1
        interrupted = Interrupted(number)
        with suppress(KeyboardInterrupt), traced(interrupted):  # and no other error
            through = connection.run(text)[1] == [("here",)]
        wait_until(lambda: threading.active_count() == threads, "its threads to end")
        wait_until(lambda: before.issuperset(running()), "its program to end")
    assert number > 30
    counted(f"a Ctrl-C before each of {number - 1} lines of a session")
