"""The project's Python environment on a remote, from the lock file.

A remote with internet access downloads the packages. To one without, the laptop sends
uv and the locked wheels, and the environment is built there, offline. The building is
in build.py, which is loaded only if there is something to build.
"""

import hashlib
from dataclasses import dataclass

from remote_lab.errors import Problem
from remote_lab.settings import Project
from remote_lab.tools.git import git

# The files that decide what is in an environment; environment/ lands in its etc/.
DECISIVE = {
    "uv": ("uv.lock", "pyproject.toml", "environment"),
    "conda": ("environment.yml", "pyproject.toml", "environment"),
}


@dataclass
class EnvironmentReport:
    """The result of building an environment.

    Attributes:
        how: "fetched there" or "brought from here".
        sent_files: How many wheels were sent.
        sent_bytes: What was sent, uv included.
        uv_sent: Whether uv was put there.
        seconds: How long it took.
    """

    how: str = "fetched there"
    sent_files: int = 0
    sent_bytes: int = 0
    uv_sent: bool = False
    seconds: float = 0.0


def stamp(project: Project, again: str) -> str:
    """A checksum of what the environment is built from, as it is in the last commit.

    The remote keeps it in ~/<dir>/.venv/.remote-lab-stamp, once the build is complete.

    Args:
        project: The project.
        again: What to type once the lock file is committed.

    Raises:
        Problem: There is no lock file in the commit.
    """
    first, *others = DECISIVE[project.environment]
    if not git(project, "ls-tree", "HEAD", "--", first):
        write = "uv lock && " if first == "uv.lock" else ""
        raise Problem(
            f"{first} is not committed, and the environment is built from it.",
            "The environment there is as it was.",
            f"{write}git add {first} && git commit -m 'Add {first}' && {again}",
        )
    listed = git(project, "ls-tree", "HEAD", "--", first, *others)
    return hashlib.sha256(f"{listed}\n".encode()).hexdigest()
