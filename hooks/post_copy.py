"""What Copier runs after generating a project: its own `./remote setup`.

It never fails, since Copier would then delete the new project. It runs under Copier's
own Python, 3.9 or later, in the project's folder. With `--quiet`, as Copier was called,
only what went wrong is printed. With the name of the answers file, the folder had a
project before: the template's version of a file that is there is put beside it.
"""

from __future__ import annotations

import importlib
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from beside import write_beside


def find_uv() -> str | None:
    """The path of uv: on PATH, beside Copier, or where its installer puts it."""
    try:
        beside = importlib.import_module("uv").find_uv_bin()
    except (ImportError, AttributeError, FileNotFoundError):
        beside = None
    usual = str(Path.home() / ".local" / "bin")
    return shutil.which("uv") or beside or shutil.which("uv", path=usual)


def resume(why: str, *first: str) -> None:
    """Print what happened, that nothing is lost, and what to type next.

    Args:
        why: What happened.
        *first: Commands that have to come before `./remote setup`.
    """
    project = os.path.relpath(Path.cwd(), os.environ.get("PWD", Path.cwd()))
    enter = "" if project == "." else f"cd {shlex.quote(project)} && "
    print(f"\n{why} The project's files are complete. Next:", file=sys.stderr)
    for command in (*first, f"{enter}./remote setup"):
        print(f"  {command}", file=sys.stderr)


def set_up(uv: str, quiet: bool) -> bool:
    """Run `./remote setup`.

    Args:
        uv: The path of uv.
        quiet: Whether its output is printed only if it fails.

    Returns:
        Whether it succeeded.

    Raises:
        OSError: uv could not be run.
    """
    command = [uv, "run", "-q", "--script", "remote", "setup"]
    if not quiet:
        return subprocess.run(command, check=False).returncode == 0
    done = subprocess.run(
        command,
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    if done.returncode:
        print(done.stdout.decode(errors="replace"), end="", file=sys.stderr)
    return done.returncode == 0


def put_beside(answers_file: str) -> None:
    """Put beside the user's files what was not written over them."""
    try:
        write_beside(answers_file)
    except Exception as error:  # whatever Copier raises: the project stays
        print(
            f"\nThe template's versions of your files were not made: {error}\n"
            "Your files are as they were.",
            file=sys.stderr,
        )


def main() -> None:
    """Set the project up, or print how to do it later."""
    quiet, existing = "--quiet" in sys.argv[1:], "".join(sys.argv[2:])
    if existing:
        put_beside(existing)
    uv = find_uv()
    if uv is None:
        resume(
            "uv, which runs ./remote, is not installed.",
            "pipx install uv    # or: curl -LsSf https://astral.sh/uv/install.sh | sh",
        )
        return
    try:
        done = set_up(uv, quiet)
    except KeyboardInterrupt:
        resume("The setup was interrupted.")
    except OSError as error:
        resume(f"{uv} could not be run: {error.strerror}.")
    else:
        if not done:
            resume("The setup did not finish: the reason is above.")
    if shutil.which("uv") is None:
        print(
            f"\n./remote needs uv, and {uv} is not on your PATH. Next:\n"
            "  pipx install uv",
            file=sys.stderr,
        )


if __name__ == "__main__":
    main()
