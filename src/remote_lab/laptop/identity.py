"""Whose a project's notes on this laptop are: two projects may have one name."""

import shlex
from pathlib import Path

from remote_lab.errors import Problem
from remote_lab.settings import Project
from remote_lab.tools.files import write_whole


def claim(project: Project) -> None:
    """Take the project's notes on this laptop.

    Args:
        project: The project.

    Raises:
        Problem: Another project of that name is on this laptop.
    """
    if refuse_another(project) != project.id:
        write_whole(project.state / "id", f"{project.id} {project.root}\n")


def refuse_another(project: Project) -> str:
    """Whose notes there are under the project's name on this laptop.

    Args:
        project: The project.

    Returns:
        The id that is noted, or nothing.

    Raises:
        Problem: They are another project's, which is still there.
    """
    note = project.state / "id"
    known = note.read_text(encoding="utf-8") if note.exists() else ""
    id, _, root = known.strip().partition(" ")
    if id == project.id:
        return id
    theirs = Path(root) / "remote.toml"
    # A project that was deleted without uninstall left its notes: they are replaced.
    if id and theirs.is_file() and id in theirs.read_text(encoding="utf-8"):
        raise Problem(
            f"Another project called {project.slug} is on this laptop, in {root}.",
            "Both would use the same ssh Host and folders. Nothing was changed.",
            "Make this project again under another name: uvx copier copy --trust"
            " -d project_slug=NAME SOURCE ../NAME   (or uninstall the other one:"
            f" cd {shlex.quote(root)} && ./remote uninstall)",
        )
    return id
