"""Notebooks on the laptop: pairs, which has its own packages, and its git hooks."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from remote_lab.errors import Problem
from remote_lab.settings import Project

PROGRAM = "remote_lab/pairs/__main__.py"
QUICK = "remote_lab/pairs/hook.sh"
# After each of these, other scripts may be in the working tree.
AFTER = ("post-checkout", "post-commit", "post-merge", "post-rewrite")
# pre-commit checks out what is staged while it runs, and then takes it back.
BLOCK = f"""\
# >>> remote lab: notebooks follow their scripts >>>
if [ -z "$_PRE_COMMIT_SKIP_POST_CHECKOUT" ] && [ -f {PROGRAM} ]; then
    sh {QUICK} refresh uv run --quiet --script {PROGRAM} refresh || :
fi
# <<< remote lab <<<
"""
# As a former version of this program had it.
FORMER = re.compile(r"# >>> remote lab: .*?# <<< remote lab <<<\n", re.DOTALL)


def pairs(project: Project, *words: str) -> int:
    """Run the program that keeps notebooks and scripts in step.

    Args:
        project: The project.
        *words: Its command line.

    Returns:
        Its exit code.

    Raises:
        Problem: There is no uv to run it with.
    """
    program = str(project.root / PROGRAM)
    command = [find_uv(), "run", "--quiet", "--script", program, *words]
    return subprocess.run(command, check=False).returncode


def find_uv() -> str:
    """The uv to use.

    Raises:
        Problem: There is none.
    """
    path = os.environ.get("UV") or shutil.which("uv")  # `uv run` names itself
    if not path:
        raise Problem(
            "uv is not installed, and the lock file and hooks need it.",
            todo="pipx install uv, or see https://docs.astral.sh/uv; then:"
            " ./remote setup",
        )
    return path


def follow_git(folder: Path) -> list[str]:
    """Have git call for a refresh whenever it has brought other scripts.

    Args:
        folder: Where git looks for the repository's hooks.

    Returns:
        The hooks that are new. What else is in a hook stays, such as git-lfs's call.

    Raises:
        Problem: A hook is no shell program.
    """
    folder.mkdir(parents=True, exist_ok=True)
    new = []
    for name in AFTER:
        hook = folder / name
        made = not hook.exists()
        before = "#!/bin/sh\n" if made else _read(hook)
        if BLOCK in before:
            continue
        first, _, rest = before.partition("\n")
        if not re.match(r"#!.*\b(ba|da|k|z)?sh\b", first):
            raise Problem(
                f"{hook} is no shell program.",
                "It is as it was.",
                f"Have it run this: uv run --quiet --script {PROGRAM} refresh",
            )
        rest = FORMER.sub("", rest)
        # At the top: what follows may end with an exit of its own.
        hook.write_bytes(f"{first}\n{BLOCK}{rest}".encode("utf-8", "surrogateescape"))
        if made:
            hook.chmod(0o755)
        new.append(name)
    return new


def _read(hook: Path) -> str:
    return hook.read_bytes().decode("utf-8", "surrogateescape")
