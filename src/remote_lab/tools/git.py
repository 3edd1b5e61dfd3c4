"""Running git in the project."""

from pathlib import Path

from remote_lab.errors import Problem
from remote_lab.settings import Project
from remote_lab.tools.programs import run, succeeds

OPTIONS = (
    # Without the locks that `git status` takes to be quick the next time: they would
    # block the user's own git, and a Ctrl-C could leave one.
    "--no-optional-locks",
    # And without hooks: they may run what a remote has just sent.
    *("-c", "core.hooksPath=/dev/null"),
    *("-c", "core.quotePath=false"),
)


def git(project: Project, *arguments: str | Path) -> str:
    """The output of a git command in the project, stripped.

    Args:
        project: The project.
        *arguments: Of git; the first is the command.

    Raises:
        Problem: git is not installed, or the command failed.
    """
    try:
        return run(_argv(project, arguments)).strip()
    except Problem as error:
        _, failed, reason = error.what.partition("` failed: ")
        if not failed:
            raise
        raise Problem(
            f"git {arguments[0]} failed: {reason}",
            todo="Fix that, or try: ./remote setup",
        ) from None


def git_succeeds(project: Project, *arguments: str | Path) -> bool:
    """Whether a git command in the project succeeds; its output is dropped."""
    return succeeds(_argv(project, arguments))


def _argv(project: Project, arguments: tuple[str | Path, ...]) -> list[str | Path]:
    return ["git", *OPTIONS, "-C", project.root, *arguments]
