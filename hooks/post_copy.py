"""What Copier runs after generating a project: its own `./remote setup`.

It never fails, since Copier would then take the new project away again. It runs under
Copier's own Python, 3.9 or later, in the project's folder.
"""

from __future__ import annotations

import importlib
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path


def find_uv() -> str | None:
    """The path of uv: on PATH, beside Copier, or where its installer puts it."""
    try:
        beside = importlib.import_module("uv").find_uv_bin()
    except (ImportError, AttributeError, FileNotFoundError):
        beside = None
    usual = str(Path.home() / ".local" / "bin")
    return shutil.which("uv") or beside or shutil.which("uv", path=usual)


def resume(why: str, *first: str) -> None:
    """Say what happened, that nothing is lost, and what to type next.

    Args:
        why: What happened.
        *first: Commands that have to come before `./remote setup`.
    """
    project = os.path.relpath(Path.cwd(), os.environ.get("PWD", Path.cwd()))
    print(f"\n{why} The project itself is whole. To go on:", file=sys.stderr)
    for command in (*first, f"cd {shlex.quote(project)} && ./remote setup"):
        print(f"  {command}", file=sys.stderr)


def was_there() -> bool:
    """Whether the project is an old one: `copier recopy` runs the tasks of a copy.

    Then it was committed, or ./remote has noted it on this laptop.
    """
    look = ["git", "cat-file", "-e", "HEAD:./remote.toml"]
    try:
        if not subprocess.run(look, check=False, capture_output=True).returncode:
            return True
        settings = Path("remote.toml").read_text(encoding="utf-8")
        known = dict(re.findall(r'^(slug|id) = "([a-z0-9-]+)"', settings, re.MULTILINE))
        notes = Path.home() / ".local/state/remote-lab" / known["slug"] / "laptop/id"
        return notes.is_file() and known["id"] in notes.read_text(encoding="utf-8")
    except (OSError, ValueError, KeyError):
        return False


def main() -> None:
    """Set the project up, or say how to do it later."""
    if was_there():
        print(
            "\nThe project was here before: no remote was touched. See git diff, then"
            " type: ./remote setup",
            file=sys.stderr,
        )
        return
    uv = find_uv()
    if uv is None:
        resume(
            "uv, which runs ./remote, is not installed.",
            "pipx install uv    # or: curl -LsSf https://astral.sh/uv/install.sh | sh",
        )
        return
    try:
        done = subprocess.run(
            [uv, "run", "-q", "--script", "remote", "setup"], check=False
        )
    except KeyboardInterrupt:
        resume("The setup was interrupted.")
    except OSError as error:
        resume(f"{uv} could not be run: {error.strerror}.")
    else:
        if done.returncode:
            resume("The setup did not come to its end.")
    if shutil.which("uv") is None:
        print(
            f"\n./remote needs uv on your PATH, and there is only {uv}."
            " Put one there:\n  pipx install uv",
            file=sys.stderr,
        )


if __name__ == "__main__":
    main()
