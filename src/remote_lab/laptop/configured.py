"""Which remotes this laptop is set up for: install notes it, each command looks.

A remote that came with an update or from a teammate has no Host in ~/.ssh/config yet,
and does not know the key: ssh would fail to find it, or ask for a password.
"""

import re
from collections.abc import Iterable
from pathlib import Path

from remote_lab.errors import Problem
from remote_lab.settings import Project, Remote
from remote_lab.tools.files import write_whole


def note(project: Project, names: Iterable[str]) -> None:
    """Note that this laptop is set up for these remotes, beside those of before.

    Args:
        project: The project. What it has no longer is forgotten.
        names: The remotes' names.
    """
    known = {*_known(project), *names}
    lines = [f"{name}\n" for name in project.remotes if name in known]
    write_whole(_file(project), "".join(lines))


def lacking(project: Project) -> list[Remote]:
    """The remotes that this laptop is not set up for.

    None, where nothing of the project is installed: our own ssh calls do without.
    """
    if not _file(project).exists() and not _hosts(project).exists():
        return []
    known = _known(project)
    remotes = project.remotes.values()
    return [r for r in remotes if not r.sandbox and r.name not in known]


def is_noted(project: Project, remote: Remote) -> bool:
    """Whether install has set this laptop up for a remote."""
    return remote.name in _known(project)


def refuse(project: Project, name: str | None) -> None:
    """Refuse a remote that this laptop is not set up for.

    Args:
        project: The project.
        name: The remote's; None, where any of them may be meant.

    Raises:
        Problem: It is not set up.
    """
    for remote in lacking(project):
        if name in (None, remote.name):
            raise problem(remote)


def problem(remote: Remote) -> Problem:
    """The error where this laptop is not set up for a remote."""
    return Problem(
        f"This laptop is not set up for {remote.name}, which is new in the project.",
        "Nothing was changed, here or there.",
        f"./remote install {remote.name}   (or, for all that is new, and with the"
        " push: ./remote setup)",
    )


def _file(project: Project) -> Path:
    return project.state / "remotes"


def _hosts(project: Project) -> Path:
    return Path.home() / f".ssh/config.d/{project.slug}.conf"


def _known(project: Project) -> set[str]:
    if _file(project).exists():
        return {*_file(project).read_text(encoding="utf-8").split()}
    # Installed before there was a note: for the Hosts that are in ~/.ssh.
    if not _hosts(project).exists():
        return set()
    text = _hosts(project).read_text(encoding="utf-8", errors="replace")
    hosts = {h for line in re.findall(r"(?m)^Host (.*)$", text) for h in line.split()}
    return {name for name, remote in project.remotes.items() if remote.host in hosts}
