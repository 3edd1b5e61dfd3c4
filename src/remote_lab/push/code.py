"""The code: the project's own commits, brought into a working clone on the remote."""

import re
import shlex
import tempfile
from pathlib import Path

from remote_lab.env.lock import refuse_stale
from remote_lab.errors import REMOTE_EDITED, Problem
from remote_lab.push import pairs_program
from remote_lab.push.code_errors import CUT, RULES
from remote_lab.remote_failures import failed
from remote_lab.remote_state import CodeState, RemoteState
from remote_lab.settings import Project
from remote_lab.tools.conflicts import marked_files
from remote_lab.tools.git import git, git_succeeds
from remote_lab.transport.bundle import Bundle
from remote_lab.transport.connection import Connection
from remote_lab.transport.program import program
from remote_lab.transport.session import Record
from remote_lab.ui import show


def push(
    connection: Connection, there: CodeState, current: str = "", dry: bool = False
) -> str:
    """Bring the laptop's commit to the remote.

    Args:
        connection: The way to the remote.
        there: What it has.
        current: The push whose dotfiles are in use there (RemoteState).
        dry: Only report what would be done.

    Returns:
        The commit that was sent, or nothing where the remote has it.

    Raises:
        Problem: It can't be done without losing something there.
    """
    project, name = connection.project, connection.remote.name
    repair = there.cut and not dry
    if repair:
        there = _repaired(connection)
    _refuse(connection, there)
    if not _known(project, "HEAD"):
        raise Problem(
            "Nothing is committed here yet, and code is pushed by git.",
            "The code there is as it was.",
            f"git add -A && git commit -m 'Begin' && {connection.command('push')}",
        )
    head = git(project, "rev-parse", "HEAD")
    if git(project, "status", "--porcelain"):
        show.note(
            "There are changes here that are not committed: they are not pushed."
            " (git commit -am 'what you did')"
        )
    _refuse_conflicts(connection)
    branch = branch_of(project)
    keeps_pairs = pairs_program.build()
    is_there = (there.head, there.branch) == (head, branch)
    lacks_program = there.pairs_program != pairs_program.checksum(keeps_pairs)
    if is_there and not lacks_program:
        return head if repair else ""
    if not is_there:
        refuse_stale(project, connection.command("push"), there.head)
    if dry and is_there:
        show.step(f"Would bring {name} the program that keeps notebooks in sync.")
        return head
    if dry:
        show.step(f"Would bring commit {head[:10]} ({branch}) to {name}.")
        return head
    values = {**project.names, "mode": "apply", "branch": branch, "commit": head}
    values |= {"expected": current, "found": there.head}
    values |= {"author": _config(project, "name"), "email": _config(project, "email")}
    main = "code_program" if is_there else "code_switch"
    text = program("state", "lock", "code", values=values, main=main)
    bundle = Bundle(text, packed=False)
    if lacks_program:
        bundle.add(pairs_program.NAME, keeps_pairs)
    with tempfile.TemporaryDirectory() as folder:
        if not is_there and not _is_ancestor(project, head, there.head):
            commits = Path(folder) / "code.bundle"
            less = [] if there.head == "none" else [f"^{there.head}"]
            git(project, "bundle", "create", "-q", str(commits), "HEAD", *less)
            bundle.add("code.bundle", commits)
        records: list[Record] = []
        status, errors = bundle.deliver(connection, records.append)
        if status or ("switched", head) not in records:
            raise _failed(connection, records, errors)
    return head


def _repaired(connection: Connection) -> CodeState:
    """Complete a checkout that was cut off.

    Returns:
        What the remote has then.
    """
    project, name = connection.project, connection.remote.name
    values = {**project.names, "mode": "apply"}
    main = "code_repair\ncode_state"
    text = program("state", "lock", "code", "repair", values=values, main=main)
    records: list[Record] = []
    status, errors = Bundle(text).deliver(connection, records.append)
    if status:
        raise _failed(connection, records, errors)
    show.note(f"{name}: a push was cut off while it changed the code; completed it.")
    return RemoteState.parse(records).code


def refresh_notebooks(connection: Connection) -> list[str]:
    """Update the notebooks on the remote from the scripts that were pushed.

    Args:
        connection: The way to the remote, whose environment has jupytext.

    Returns:
        Notes for the user, such as of a notebook that was changed on the remote, and
        was left alone.
    """
    needed = connection.project.names
    text = program("state", "code", values=needed, main="code_notebooks")
    return notes(connection, RemoteState.parse(connection.run(text)[1]))


def notes(connection: Connection, state: RemoteState) -> list[str]:
    """What the program for pairs reported on a remote, with commands to type here."""
    folder = shlex.quote(connection.project.dir)

    def typed(found: re.Match[str]) -> str:
        return connection.shell(f"cd {folder} && {found[0]}")

    commands = re.compile(r"(?:\./remote pairs|rm notebooks/).*$|git show [0-9a-f]+")
    return [commands.sub(typed, text) for text in state.notes]


def _is_ancestor(project: Project, commit: str, other: str) -> bool:
    if other == "none":
        return False
    return git_succeeds(project, "merge-base", "--is-ancestor", commit, other)


def _refuse_conflicts(connection: Connection) -> None:
    """Refuse a commit with both marks in one file: a merge that was not finished."""
    files = marked_files(connection.project, "HEAD")
    if files:
        raise Problem(
            f"The commit has unresolved conflicts: {', '.join(files)}",
            "No code was pushed.",
            f"Resolve them, commit, and then: {connection.command('push')}",
        )


def branch_of(project: Project) -> str:
    """The branch that is checked out; "detached" with a detached HEAD."""
    name = git(project, "branch", "--show-current")
    return name or "detached"


def _refuse(connection: Connection, there: CodeState) -> None:
    project, remote = connection.project, connection.remote
    place = project.place
    if there.kind == "nogit":
        raise Problem(
            f"git is not installed on {remote.name}.",
            f"The dotfiles are in place; {place} and the lab are as they were.",
            "Ask an admin for: sudo apt install git   Then:"
            f" {connection.command('push')}",
        )
    if there.kind == "foreign":
        raise Problem(
            f"{place} on {remote.name} has something that is not this project.",
            "It was not touched.",
            "Move it away there, or set another `dir` in remote.toml.",
        )
    if there.edited:
        files = "".join(f"\n  {line}" for line in there.edited[:10])
        stash = connection.shell(f"git -C {shlex.quote(project.dir)} stash -u")
        raise Problem(
            f"{remote.name} has changes in {place} that are in no commit:{files}",
            "They were not touched, and no code was pushed.",
            f"Save them here: {connection.command('save')}   Or stash them there:"
            f" {stash}",
            REMOTE_EDITED,
        )
    if there.head != "none" and not _known(project, there.head):
        raise Problem(
            f"{remote.name} has commits that this laptop does not have.",
            "They were not touched, and no code was pushed.",
            f"Save them here first: {connection.command('save')}",
            REMOTE_EDITED,
        )


def _known(project: Project, commit: str) -> bool:
    """Whether the laptop has a commit."""
    return git_succeeds(project, "cat-file", "-e", f"{commit}^{{commit}}")


def _config(project: Project, key: str) -> str:
    """The user's name or email, as git has it; empty where it has none."""
    try:
        return git(project, "config", f"user.{key}")
    except Problem:
        return ""


def cut(connection: Connection) -> Problem:
    """The error where the code on a remote is part old, part new."""
    return failed(connection, (CUT,), ("cut",))


def _failed(connection: Connection, records: list[Record], errors: str) -> Problem:
    failure = records[-1] if records else ()
    again = connection.command("push")
    return failed(connection, RULES, failure, errors, part="code", again=again)
