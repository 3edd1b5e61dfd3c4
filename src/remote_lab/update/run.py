"""The update, from the check before it to the steps after it."""

import shlex
import tomllib

from remote_lab.env.lock import is_stale
from remote_lab.laptop.answers import Answers
from remote_lab.settings import Project
from remote_lab.ui import show
from remote_lab.update import copier, source
from remote_lab.update.steps import Updated

WIDTH = 37  # of the column with the commands


def update_project(
    project: Project, answers: list[str], ref: str, conflict: str
) -> bool:
    """Update a project, and print what to type next.

    Args:
        project: The project.
        answers: Answers to change, each QUESTION=ANSWER.
        ref: The template's version; empty for the newest release.
        conflict: "inline" or "rej".

    Returns:
        Whether all was merged.

    Raises:
        Problem: It could not be updated.
    """
    copier.refuse_unfinished(project)
    copier.update(project, answers, ref, conflict)
    done = _updated(project)
    if not done.changes:
        show.done(f"The files are at {done.version} already; nothing was changed.")
        _warn_of_folder(project)
        return True
    show.done(f"The files are at {done.version}; no remote was touched.")
    for change in done.changes:
        show.step(f"  {change.what:8} {change.path}")
    for line in done.by_hand:
        show.step(line)
    show.step("Next:")
    for command, why in done.steps:
        show.step(f"  {command:{WIDTH}}{why}".rstrip())
    show.step("Teammates then pull, and type: ./remote setup")
    if not done.by_hand:
        _warn_of_folder(project)
    return not done.by_hand


def move_source(project: Project, address: str) -> None:
    """Take updates and the program from another address, and print what to type next.

    Raises:
        Problem: It can't be; nothing was changed.
    """
    copier.refuse_unfinished(project)
    files = source.move(project, address)
    show.done(f"Updates, and ./remote itself, come from {address} now.")
    commit = ["git", "commit", "-m", f"Remote Lab from {address}", *files]
    show.step(f"Next: {shlex.join(commit)}")
    _warn_of_folder(project)


def _updated(project: Project) -> Updated:
    changes = copier.changes(project)
    answers = [c for c in changes if c.path.startswith(".copier-answers")]
    conflict = any(change.what == "conflict" for change in answers)
    values = {} if conflict else Answers(project).values
    try:
        settings = tomllib.loads((project.root / "remote.toml").read_text("utf-8"))
    except (OSError, ValueError):  # conflicts
        settings = {}
    locked = (project.root / "uv.lock").exists()
    return Updated(
        version=str(values.get("_commit", "the template's version")),
        changes=changes,
        stale=locked and is_stale(project.root),
        several=len(settings.get("remotes", {})) > 1,
        pushes=bool(settings.get("setup", {}).get("push")),
    )


def _warn_of_folder(project: Project) -> None:
    address = str(Answers(project).values.get("_src_path", ""))
    if copier.is_folder(address):
        show.note(
            f"The template is a folder on this machine: {address}. Teammates can't"
            " update from it. Once it has a URL: ./remote update --source ADDRESS"
        )
