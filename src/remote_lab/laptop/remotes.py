"""Add and forget: the project's list of remotes, changed between two updates."""

import shlex
import subprocess
import sys
from pathlib import Path

import click

from remote_lab import settings
from remote_lab.errors import USAGE, Problem
from remote_lab.laptop import configured, install
from remote_lab.laptop.answers import Answers, Change, write
from remote_lab.laptop.installed import Installed
from remote_lab.settings import Project
from remote_lab.transport.connection import Connection
from remote_lab.ui import show


def add(project: Project, name: str, how: dict[str, str | int]) -> Project:
    """Add a remote to the project's files, and set this laptop up for it.

    Args:
        project: The project.
        name: The remote's.
        how: host, and perhaps user, port and proxy_jump, as the answers have them.

    Returns:
        The project, with it.

    Raises:
        Problem: It can't be a remote, or a file can't be written.
    """
    answers = Answers(project)
    had_ssh = any(not remote.sandbox for remote in project.remotes.values())
    answers.values["more_remotes"] = [*answers.more, {"name": name, **how}]
    answers.check()
    answers.pin()
    if not had_ssh and answers.more[-1]["host"] != "sandbox":
        # Answered for a project without ssh, where there was nothing to set up.
        answers.values["setup_laptop"] = True
    write(changes := answers.changes())
    project = settings.load(project.root)
    remote = project.remotes[name]
    way = "a folder: .sandbox" if remote.sandbox else f"ssh {remote.host}"
    url = f"http://127.0.0.1:{remote.lab_port}/{project.slug}/"
    show.done(f"{name} is a remote of the project: {way}; its lab: {url}")
    _advise_commit(project, changes, f"Add the remote {name}")
    if len(project.remotes) == 2:
        first = next(iter(project.remotes))
        show.note(f"From now on, say which remote: ./remote open {first}")
    if not remote.sandbox and (project.setup_laptop or not Installed(project).empty):
        try:
            install.install(project, [name])
        except Problem as error:
            again = f"./remote install {name}"
            todo = f"{error.todo}   Then: {again}" if error.todo else again
            still = f"{name} is in the project's files. {error.unchanged}"
            raise Problem(error.what, still, todo, error.code) from None
    return project


def forget(project: Project, name: str) -> None:
    """Take a remote out of the project's files and out of this laptop.

    What a push has put there stays there.

    Raises:
        Problem: It is the first one, or the only one, or a file can't be written.
    """
    remote, first = project.pick(name), next(iter(project.remotes))
    if name == first:
        raise Problem(
            f"{name} is the project's first remote, which every project has.",
            "Nothing was changed.",
            "To have another machine in its place, commit, then: ./remote update"
            " -r :current: -d remote_host=HOST   (to leave that"
            f" machine: {Connection(project, remote).command('remove')})",
            USAGE,
        )
    answers = Answers(project)
    answers.pin()
    gone = next(r for r in answers.more if r["name"] == name)
    answers.values["more_remotes"] = [r for r in answers.more if r["name"] != name]
    changes = answers.changes()
    _confirm(name)
    install.end_connections(Connection(project, remote))
    write(changes)
    own = settings.forget_personal(project.root, name)
    for file in ("target", "relay", "keeper", "starting", "tunnel_config"):
        (project.state / f"{name}.{file}").unlink(missing_ok=True)
    there = Path(".sandbox", name) if remote.sandbox else None
    project = settings.load(project.root)
    if not Installed(project).empty:
        install.install(project, [])
    else:
        configured.note(project, [])
    show.done(f"{name} is no longer a remote of the project.")
    if own:
        show.note(f"Your own settings for it are gone as well: {own}")
    _advise_commit(project, changes, f"Forget the remote {name}")
    if there:
        show.note(f"Its folder stays: {there}. To delete it: rm -rf {there}")
        return
    words = {"user": "--user", "port": "--port", "proxy_jump": "--jump"}
    more = [
        f"{words[key]} {shlex.quote(str(gone[key]))}" for key in words if gone.get(key)
    ]
    back = " ".join(["./remote add", name, shlex.quote(gone["host"]), *more])
    show.note(
        f"What was pushed to {gone['host']} stays there, and so does your key. To take"
        f" the project off it: {back} && ./remote remove {name} && ./remote forget"
        f" {name}"
    )


def _confirm(name: str) -> None:
    if not sys.stdin.isatty():
        return
    show.note(f"What was pushed to {name} stays there; first: ./remote remove {name}")
    if not click.confirm(f"Forget {name} now?", err=True):
        raise Problem(
            f"{name} was not forgotten.",
            "Nothing was changed.",
            f"./remote open {name}",
        )


def _advise_commit(project: Project, changes: list[Change], message: str) -> None:
    """Print how to commit the changed files, for teammates and the next update."""
    if not (project.root / ".git").exists():
        return
    names = [str(change.path.relative_to(project.root)) for change in changes]
    asked = ["git", "status", "--porcelain", "-z", "--untracked-files=all", "--"]
    done = subprocess.run(
        [*asked, *names], cwd=project.root, check=False, capture_output=True, text=True
    )
    changed = {entry[3:] for entry in done.stdout.split("\0")}
    files = shlex.join(name for name in names if name in changed)
    if files:
        show.note(
            "Commit it, for your teammates and the next update:"
            f" git add {files} && git commit -m {shlex.quote(message)} -- {files}"
        )
