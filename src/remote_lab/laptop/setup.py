"""Setup: all that follows a copy or a clone, step by step; safe to repeat."""

import re
import shutil
import sys
from collections.abc import Callable

import click

from remote_lab.errors import Problem
from remote_lab.laptop import configured, existing, git_hooks
from remote_lab.laptop import install as laptop_install
from remote_lab.laptop.git_hooks import run_step
from remote_lab.laptop.notebooks import pairs
from remote_lab.push.fleet import push_all
from remote_lab.push.one_remote import Options, push
from remote_lab.settings import LOGIN, Project, Remote, save_personal
from remote_lab.tools.programs import succeeds
from remote_lab.tools.uv import find_uv
from remote_lab.transport.connection import Connection
from remote_lab.transport.ssh_config import ask, ssh_config
from remote_lab.ui import show


def setup(project: Project, user: str | None = None) -> bool:
    """Run every step; one that fails does not stop the others.

    Args:
        project: The project.
        user: This user's login on the remotes, where it is not the project's.

    Returns:
        Whether all went well.

    Raises:
        Problem: That can't be a login.
    """
    if text := existing.to_type(project):
        show.note(text)
        return True
    project = logins(project, user)
    _clear_former(project)
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
    good = [_done(project, name, step) for name, step in steps]
    if not all(good):
        show.note("The project is whole. To go on where it stopped: ./remote setup")
    return all(good)


def _clear_former(project: Project) -> None:
    """Delete what Python left of remote_lab/, which earlier versions had in a project.

    `copier update` deletes its files, and git knows nothing of Python's caches.
    """
    former = project.root / "remote_lab"
    if all("__pycache__" in path.parts for path in former.rglob("*") if path.is_file()):
        shutil.rmtree(former, ignore_errors=True)


def _done(project: Project, name: str, step: Callable[[Project], str]) -> bool:
    try:
        show.done(f"{name}: {step(project)}")
    except Problem as error:
        show.problem(error)
        return False
    return True


def logins(project: Project, user: str | None) -> Project:
    """Note this user's own login on the remotes, asked for where the project is new.

    Who made the project has answered already. In a clone, the login in its files is
    somebody else's, most likely.
    """
    remotes = [remote for remote in project.remotes.values() if not remote.sandbox]
    if user is not None:
        for remote in remotes:
            project = save_personal(project.root, remote.name, user=user)
        return project
    if not (project.setup_laptop or project.setup_push):
        return project
    for remote in remotes:
        new = not configured.is_noted(project, remote) and not remote.user
        if not new or not _came_by_git(project, remote):
            continue
        options = ask(["-F", str(ssh_config(project)), remote.host])
        usual, host = options["user"][0], options["hostname"][0]
        if not sys.stdin.isatty():
            show.note(
                f"{remote.name} is logged in to as {usual}, as the project has it. If"
                f" your login is another: ./remote setup --user LOGIN"
            )
            continue
        login = click.prompt(
            f"Your login on {remote.name} ({host})",
            default=usual,
            value_proc=_login,
            err=True,
        )
        if login != usual:
            project = save_personal(project.root, remote.name, user=login)
    return project


def _login(text: str) -> str:
    if not re.fullmatch(LOGIN, text):
        raise click.UsageError("Type a login name, without spaces or quotes.")
    return text


def _came_by_git(project: Project, remote: Remote) -> bool:
    """Whether a remote is in what was committed: Copier's hook runs before that."""
    section = rf"^\[remotes\.{re.escape(remote.name)}\]"
    look = ["git", "grep", "-q", "-E", section, "HEAD", "--", "remote.toml"]
    return succeeds(look, project.root)


def repository(project: Project) -> str:
    """Make the project a git repository of its own, if it is none."""
    if (project.root / ".git").exists():
        return "there already"
    run_step(project.root, ["git", "init", "-q", "-b", "main"])
    return "made, on branch main"


def lock(project: Project) -> str:
    """Write the lock file, where there is none: what is in git is kept."""
    if project.environment == "conda":
        return "conda: environment.yml is what there is"
    if (project.root / "uv.lock").exists():
        return "uv.lock is there already"
    run_step(project.root, [find_uv(), "lock", "-q"])
    if existing.kept(project) is not None:
        return "uv.lock written: git add uv.lock && git commit"
    if succeeds(["git", "cat-file", "-e", "HEAD:pyproject.toml"], project.root):
        # Alone: what else the user has staged is the user's.
        run_step(project.root, ["git", "add", "uv.lock"])
        run_step(
            project.root, ["git", "commit", "-q", "-m", "Add uv.lock", "--", "uv.lock"]
        )
    return "uv.lock written"


def notebooks(project: Project) -> str:
    """Make the notebooks that are not there, from their scripts."""
    if pairs(project, "sync"):
        raise Problem(
            "Not all notebooks are in sync with their scripts.",
            "No edit was overwritten.",
            "./remote pairs",
        )
    return "in sync with their scripts"


def first_commit(project: Project) -> str:
    """Commit everything, in a repository that has no commit yet."""
    if succeeds(["git", "rev-parse", "-q", "--verify", "HEAD"], project.root):
        if not succeeds(["git", "cat-file", "-e", "HEAD:remote.toml"], project.root):
            raise Problem(
                "The project's files are not committed, and the code travels by git.",
                "What was committed before is as it was; the new files are there.",
                "git add -A && git commit -m 'Add Remote Lab' && ./remote setup",
            )
        return "there already"
    run_step(project.root, ["git", "add", "-A"])
    if not succeeds(["git", "var", "GIT_AUTHOR_IDENT"], project.root):
        raise Problem(
            "git does not know who you are.",
            "The files are staged, not committed.",
            'git config --global user.name "Your Name" && git config --global'
            " user.email you@example.org && ./remote setup",
        )
    run_step(
        project.root, ["git", "commit", "-q", "-m", f"{project.slug}: as generated"]
    )
    return "made"


def hooks(project: Project) -> str:
    """Install git's hooks: our own, and pre-commit's."""
    new = git_hooks.install(project.root)
    return f"installed: {', '.join(new)}" if new else "installed already"


def install(project: Project) -> str:
    """Set up the laptop."""
    laptop_install.install(project)
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
    verb = "is" if len(outcomes) == 1 else "are"
    return f"{names} {verb} ready: {first.command('open')}"
