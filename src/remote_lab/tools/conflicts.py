"""Finding the marks that git leaves in a file where a merge was not finished."""

import re

from remote_lab.settings import Project
from remote_lab.tools.git import git, git_succeeds

BEGIN, END = "<<<<<<< ", ">>>>>>> "
MARK = re.compile(f"^({BEGIN}|{END})".encode(), re.MULTILINE)


def is_marked(data: bytes) -> bool:
    """Whether a text has a conflict mark."""
    return bool(MARK.search(data))


def marked_files(project: Project, commit: str) -> list[str]:
    """The text files of a commit that have both marks; one alone may be a document's.

    Args:
        project: The project.
        commit: A commit that the laptop has.
    """
    marks = ("-I", "--all-match", "-e", f"^{BEGIN}", "-e", f"^{END}", commit)
    if not git_succeeds(project, "grep", "-q", *marks):
        return []
    lines = git(project, "grep", "-l", *marks).splitlines()
    return [line.removeprefix(f"{commit}:") for line in lines]
