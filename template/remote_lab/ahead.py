"""A head start: ssh takes longest, so it is on its way while the program still loads.

Only for verbs that are sure to need it at once, and loaded before all that they need.
"""

from pathlib import Path

from remote_lab import settings
from remote_lab.connection import Connection
from remote_lab.errors import Problem

ROOT = Path(__file__).resolve().parent.parent
VERBS = ("push", "undo")


def dial(words: list[str]) -> None:
    """Begin to connect to the remote that a command line means, if it means one.

    Args:
        words: The command line. What is wrong with it is told by who reads it in full.
    """
    if not words or words[0] not in VERBS or {"--all", "-h", "--help"} & {*words}:
        return
    try:
        project = settings.load(ROOT)
        names = [word for word in words[1:] if word in project.remotes]
        if len(names) < 2:
            Connection(project, project.pick(names[0] if names else None)).dial()
    except (Problem, OSError):
        pass
