"""Whether uv.lock is what pyproject.toml asks for; a push and a commit need that."""

import sys
import tempfile
from pathlib import Path

from remote_lab.errors import Problem
from remote_lab.settings import Project
from remote_lab.tools.git import git, git_succeeds
from remote_lab.tools.programs import run
from remote_lab.tools.uv import find_uv

STALE = "uv.lock is older than pyproject.toml: the environment would lack what is new."
FILES = ("pyproject.toml", "uv.lock")


def is_stale(folder: Path) -> bool:
    """Whether uv would write another uv.lock.

    Args:
        folder: Where pyproject.toml and uv.lock are.

    Returns:
        False also where uv can't find out without network, such as a version that the
        build backend works out.

    Raises:
        Problem: uv is not on PATH.
    """
    try:
        run([find_uv(), "lock", "--check", "--offline"], folder)
    except Problem as error:
        # Of a new dependency, uv has no versions without network.
        signs = ("needs to be updated", "No solution found")
        return "Failed to build" not in error.what and any(
            sign in error.what for sign in signs
        )
    return False


def refuse_stale(project: Project, again: str, former: str = "") -> None:
    """Refuse to push a commit whose uv.lock is stale.

    Args:
        project: The project.
        again: What to type once it is committed.
        former: A commit that was checked; nothing is done where its files are the same.

    Raises:
        Problem: It is stale.
    """
    listed = git(project, "ls-tree", "--name-only", "HEAD", "--", *FILES).splitlines()
    same = ("diff", "--quiet", former, "HEAD", "--", *FILES)
    if listed != [*FILES] or (former and git_succeeds(project, *same)):
        return
    with tempfile.TemporaryDirectory() as folder:
        for name in FILES:
            text = git(project, "show", f"HEAD:{name}")
            Path(folder, name).write_text(text, encoding="utf-8")
        if is_stale(Path(folder)):
            raise Problem(
                STALE,
                "The code and the environment there are as they were.",
                f"uv lock && git commit -m 'Update uv.lock' uv.lock && {again}",
            )


def main() -> int:
    """The pre-commit hook `lock`; pre-commit stashes what is not staged.

    Returns:
        The exit code.
    """
    if not Path("uv.lock").exists():
        return 0
    try:
        stale = is_stale(Path.cwd())
    except Problem as error:
        print(f"{error.what} uv.lock was not checked.", file=sys.stderr)
        return 0
    if stale:
        print(f"{STALE}\nNothing was committed. Type: uv lock && git add uv.lock")
    return int(stale)
