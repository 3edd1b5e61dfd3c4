"""The sh programs that run on a remote: the files of the lab, and common values."""

from remote_lab.settings import BACKENDS
from remote_lab.transport.connection import Connection

# The lab's files in sh/: each backend is one of them.
LAB = ("lab", *(f"backends/{name.replace('-', '_')}" for name in BACKENDS))


def values(connection: Connection, **more: str) -> dict[str, str]:
    """The variables that each program needs.

    Args:
        connection: The way to the remote.
        **more: Variables of this program alone.
    """
    project = connection.project
    # The sandbox is on the user's own machine: its systemd and tmux are the user's.
    service = "process" if connection.remote.sandbox else project.service
    name = connection.remote.name
    return {**project.names, "remote": name, "service": service, **more}


def yes_or_no(answer: bool) -> str:
    """A truth value, as the programs test it."""
    return "yes" if answer else "no"
