"""Pushing to the sandbox, whole or by hand: what the tests of the push share."""

import io

from project import Project
from remote_lab import home, settings, tree
from remote_lab.connection import Connection, program
from remote_lab.parcel import Parcel

TMUX = ".config/titanic/tmux.conf"
BASHRC = ".config/titanic/bashrc"


def push(project: Project, *more: str, check: bool = True) -> str:
    """Push the home pieces; what was said."""
    done = project.remote("push", "--only", "home", *more, check=check)
    return done.stdout + done.stderr


def stream(
    project: Project, main: str = "push_home", mode: str = "apply"
) -> tuple[list[str], dict[str, str], bytes]:
    """The command, environment and bytes of a push, to be cut or killed by hand.

    Args:
        project: Whose home pieces, and whose sandbox.
        main: push_home, undo_home or remove_home.
        mode: apply, force or dry.
    """
    read = settings.load(project.root)
    connection = Connection(read, read.pick(None))
    values = home.values(connection, mode=mode, restart="no")
    programs = home.PROGRAMS if main == "push_home" else home.BACK
    parcel = Parcel(program(*programs, values=values, main=main))
    if main == "push_home":
        tree.pack(read, tree.read(read), parcel)
    data = io.BytesIO()
    data.write(f": ; {parcel.line('titanic', mode == 'dry')}\n".encode())
    parcel.write(data)
    env = {**(connection.env() or {}), "PATH": project.laptop.env["PATH"]}
    return connection.argv(), env, data.getvalue()


def after_push(project: Project) -> dict[str, bytes]:
    """What the home sees of the project once it is pushed."""
    return {
        str(path.relative_to(project.pieces)): path.read_bytes()
        for path in project.pieces.rglob("*")
        if path.is_file()
    }
