"""Running a program of this machine to its end."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from remote_lab.errors import Problem


def run(
    argv: Sequence[str | Path],
    cwd: Path | None = None,
    more: Mapping[str, str] | None = None,
    *,
    unchanged: str = "",
    todo: str = "",
) -> str:
    """Run a program that has to succeed.

    Args:
        argv: Its command line.
        cwd: The folder where it runs; the current one by default.
        more: Variables to set, on top of our environment.
        unchanged: If it fails: what is as it was.
        todo: If it fails: what to type once that is fixed.

    Returns:
        What it wrote to standard output.

    Raises:
        Problem: It is not installed, or it failed.
    """
    words = [str(word) for word in argv]
    try:
        done = subprocess.run(
            words,
            cwd=cwd,
            env={**os.environ, **(more or {})},
            check=False,
            capture_output=True,
            text=True,
            errors="surrogateescape",  # names of files can be any bytes
        )
    except FileNotFoundError:
        raise Problem(
            f"{words[0]} is not installed on this laptop.",
            unchanged,
            f"Install {words[0]}{f', then: {todo}' if todo else '.'}",
        ) from None
    if done.returncode:
        raise Problem(
            f"`{' '.join(words)}` failed: {(done.stderr or done.stdout).strip()}",
            unchanged,
            f"Fix that{f', then: {todo}' if todo else '.'}",
        )
    return done.stdout


def succeeds(argv: Sequence[str | Path], cwd: Path | None = None) -> bool:
    """Whether a program is installed and succeeds; its output is dropped.

    Args:
        argv: Its command line.
        cwd: The folder where it runs; the current one by default.
    """
    try:
        done = subprocess.run(argv, cwd=cwd, check=False, capture_output=True)
    except FileNotFoundError:
        return False
    return done.returncode == 0
