"""Setup: all that follows a copy or a clone, step by step, again without harm."""

import subprocess
from collections.abc import Callable

from remote_lab import git_hooks, laptop, show
from remote_lab.connection import Connection
from remote_lab.errors import Problem
from remote_lab.many import push_all
from remote_lab.notebooks import find_uv, pairs
from remote_lab.push import Options, push
from remote_lab.settings import Project


def setup(project: Project) -> bool:
    """Run every step; one that fails does not stop the others.

    Returns:
        Whether all went well.
    """
    steps: list[tuple[str, Callable[[Project], str]]] = [
        ("git repository", repository),
        ("lock file", lock),
        ("notebooks", notebooks),  # of which the first commit may take some
        ("first commit", first_commit),
        ("git hooks", hooks),
    ]
    if project.setup_laptop:
        steps.append(("laptop", install))
    if project.setup_push:
        steps.append(("push", push_everywhere))
    good = [_run(project, name, act) for name, act in steps]
    if not all(good):
        show.note("The project is whole. To go on where it stopped: ./remote setup")
    return all(good)


def _run(project: Project, name: str, act: Callable[[Project], str]) -> bool:
    try:
        show.done(f"{name}: {act(project)}")
    except Problem as error:
        show.problem(error)
        return False
    return True


def repository(project: Project) -> str:
    """Make the project a git repository of its own, if it is none."""
    if (project.root / ".git").exists():
        return "there already"
    _do(project, "git", "init", "-q", "-b", "main")
    return "made, on branch main"


def lock(project: Project) -> str:
    """Write the lock file, where there is none: what is in git is kept."""
    if project.environment == "conda":
        return "conda: environment.yml is what there is"
    if (project.root / "uv.lock").exists():
        return "uv.lock is there already"
    _do(project, find_uv(), "lock", "-q")
    if _try(project, "git", "cat-file", "-e", "HEAD:pyproject.toml"):
        # Alone: what else the user has staged is the user's.
        _do(project, "git", "add", "uv.lock")
        _do(project, "git", "commit", "-q", "-m", "Add uv.lock", "--", "uv.lock")
    return "uv.lock written"


def notebooks(project: Project) -> str:
    """Make the notebooks that are not there, from their scripts."""
    if pairs(project, "sync"):
        raise Problem(
            "Not all notebooks are in step with their scripts.",
            "No edit was overwritten.",
            "./remote pairs",
        )
    return "in step with their scripts"


def first_commit(project: Project) -> str:
    """Commit everything, in a repository that has no commit yet."""
    if _try(project, "git", "rev-parse", "-q", "--verify", "HEAD"):
        if not _try(project, "git", "cat-file", "-e", "HEAD:remote.toml"):
            raise Problem(
                "The project's files are not committed, and the code travels by git.",
                "What was committed before is as it was; the new files are there.",
                "git add -A && git commit -m 'Add Remote Lab' && ./remote setup",
            )
        return "there already"
    _do(project, "git", "add", "-A")
    if not _try(project, "git", "var", "GIT_AUTHOR_IDENT"):
        raise Problem(
            "git does not know who you are.",
            "The files are staged, not committed.",
            'git config --global user.name "Your Name" && git config --global'
            " user.email you@example.org && ./remote setup",
        )
    _do(project, "git", "commit", "-q", "-m", f"{project.slug}: as generated")
    return "made"


def hooks(project: Project) -> str:
    """Install git's hooks: our own, and pre-commit's."""
    new = git_hooks.install(project.root)
    return f"installed: {', '.join(new)}" if new else "installed already"


def install(project: Project) -> str:
    """Set up the laptop."""
    laptop.install(project)
    return "set up"


def push_everywhere(project: Project) -> str:
    """Push to every remote."""
    remotes = list(project.remotes.values())
    first = Connection(project, remotes[0])
    if len(remotes) == 1:
        outcomes = [push(first, Options())]
    else:
        outcomes = push_all(project, remotes, Options())
    for outcome in outcomes:
        if outcome.problem:
            raise outcome.problem
    names = " and ".join(project.remotes)
    return (
        f"{names} {'is' if len(outcomes) == 1 else 'are'} ready: {first.verb('open')}"
    )


def _do(project: Project, *command: str) -> None:
    try:
        done = subprocess.run(
            command, cwd=project.root, check=False, capture_output=True, text=True
        )
    except FileNotFoundError:
        raise Problem(f"{command[0]} is not installed.", todo="Install it.") from None
    if done.returncode:
        said = (done.stderr or done.stdout).strip()
        raise Problem(
            f"`{' '.join(command)}` failed: {said}",
            "The project's files are as they were.",
            "Mend that, then: ./remote setup",
        )


def _try(project: Project, *command: str) -> bool:
    try:
        done = subprocess.run(
            command, cwd=project.root, check=False, capture_output=True
        )
    except FileNotFoundError:
        return False
    return done.returncode == 0
