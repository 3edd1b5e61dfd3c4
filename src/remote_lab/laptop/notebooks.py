"""Notebooks on the laptop: the program pairs, which has its own packages."""

import subprocess
from pathlib import Path

from remote_lab.laptop import git_hooks
from remote_lab.settings import Project
from remote_lab.tools.uv import find_uv
from remote_lab.ui import show

PROGRAM = Path(__file__).resolve().parents[1] / "pairs/__main__.py"


def pairs(project: Project, *words: str) -> int:
    """Run the program that keeps notebooks and scripts in sync.

    Args:
        project: The project.
        *words: Its command line.

    Returns:
        Its exit code.

    Raises:
        Problem: There is no uv to run it with.
    """
    # uv would take the script's folder for a project, and refuse one in its cache.
    command = [find_uv(), "run", "--quiet", "--project", str(project.root)]
    command += ["--script", str(PROGRAM), "--root", str(project.root), *words]
    return subprocess.run(command, check=False).returncode


def note_stale_hooks(project: Project) -> None:
    """Say so if git's hooks run another version of that program; not for setup."""
    if (project.root / ".git").exists() and git_hooks.is_stale(project.root):
        show.note(
            "The git hooks run another version of the program than this project"
            " names. To have them run this one: ./remote setup"
        )
