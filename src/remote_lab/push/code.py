"""The code: the project's own commits, brought into a working clone on the remote."""

import re
import shlex
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from remote_lab.errors import LOCK, REMOTE_EDITED, Problem, locked, overtaken, reason
from remote_lab.push import pairs_program
from remote_lab.settings import Project
from remote_lab.tools.conflicts import marked_files
from remote_lab.tools.git import git, git_succeeds
from remote_lab.transport.bundle import Bundle
from remote_lab.transport.connection import Connection
from remote_lab.transport.program import program
from remote_lab.transport.session import Record
from remote_lab.ui import show


@dataclass
class RemoteCode:
    """What the remote has of the project's code.

    Attributes:
        kind: ours, absent, foreign (a folder that isn't ours), nogit.
        head: The commit there, or "none".
        edited: Lines of `git status --porcelain`.
        cut: Whether a checkout was cut off there, or is under way.
        following: Whether its notebooks do not follow the scripts that came yet.
        stamp: What its environment was built from.
        pairs_program: The checksum of its program for pairs; empty where it has none.
    """

    kind: str = "absent"
    head: str = "none"
    branch: str = ""
    edited: list[str] = field(default_factory=list)
    cut: bool = False
    following: bool = False
    stamp: str = ""
    pairs_program: str = ""

    def take(self, record: Record) -> None:
        """Learn from one record of code_state."""
        match record:
            case ("code", kind, *rest):
                self.kind = kind
                self.head, self.branch = rest if len(rest) == 2 else ("none", "")
                # It goes into git's command lines here.
                if not re.fullmatch("[0-9a-f]{40,64}|none", self.head):
                    self.head = "0" * 40
            case ("cut",):
                self.cut = True
            case ("following",):
                self.following = True
            case ("edited", line):
                self.edited.append(line)
            case ("stamp", stamp):
                self.stamp = stamp
            case ("pairs_program", line):
                self.pairs_program = line.split(" ")[0]


def push(
    connection: Connection, there: RemoteCode, current: str = "", dry: bool = False
) -> str:
    """Bring the laptop's commit to the remote.

    Args:
        connection: The way to the remote.
        there: What it has.
        current: The push whose dotfiles are in use there (HomeReport).
        dry: Only say what would be done.

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
            "Nothing is committed here yet, and the code travels by git.",
            "The code there is as it was.",
            f"git add -A && git commit -m 'Begin' && {connection.verb('push')}",
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
        status, errors = connection.deliver(bundle, records.append)
        if status or ("switched", head) not in records:
            raise _failed(connection, records, errors)
    return head


def _repaired(connection: Connection) -> RemoteCode:
    """Have a checkout that was cut off completed.

    Returns:
        What the remote has then.
    """
    project, name = connection.project, connection.remote.name
    values = {**project.names, "mode": "apply"}
    main = "code_repair\ncode_state"
    text = program("state", "lock", "code", "repair", values=values, main=main)
    records: list[Record] = []
    status, errors = connection.deliver(Bundle(text), records.append)
    if status:
        raise _failed(connection, records, errors)
    show.note(f"{name}: a push was cut off while it changed the code; completed it.")
    there = RemoteCode()
    for record in records:
        there.take(record)
    return there


def refresh_notebooks(connection: Connection) -> list[str]:
    """Have the notebooks on the remote follow the scripts that came.

    Args:
        connection: The way to the remote, whose environment has jupytext.

    Returns:
        What there is to say, such as of a notebook that was edited there and stays.
    """
    asked = connection.project.names
    text = program("state", "code", values=asked, main="code_notebooks")
    return notes(connection, connection.run(text)[1])


def notes(connection: Connection, records: list[Record]) -> list[str]:
    """What the program pairs reported on a remote, with commands to type here."""
    folder = shlex.quote(connection.project.dir)

    def typed(found: re.Match[str]) -> str:
        return connection.shell(f"cd {folder} && {found[0]}")

    commands = re.compile(r"(?:\./remote pairs|rm notebooks/).*$|git show [0-9a-f]+")
    told = [" ".join(record[1:]) for record in records if record[0] == "note"]
    return [commands.sub(typed, text) for text in told]


def _is_ancestor(project: Project, commit: str, other: str) -> bool:
    if other == "none":
        return False
    return git_succeeds(project, "merge-base", "--is-ancestor", commit, other)


def _refuse_conflicts(connection: Connection) -> None:
    """Both marks in one file of the commit: a merge that was not finished."""
    files = marked_files(connection.project, "HEAD")
    if files:
        raise Problem(
            f"The commit holds unresolved conflicts: {', '.join(files)}",
            "No code was pushed.",
            f"Resolve them, commit, and then: {connection.verb('push')}",
        )


def branch_of(project: Project) -> str:
    """The branch that is checked out; "detached" with a detached HEAD."""
    name = git(project, "branch", "--show-current")
    return name or "detached"


def _refuse(connection: Connection, there: RemoteCode) -> None:
    project, remote = connection.project, connection.remote
    place = f"~/{project.dir}"
    if there.kind == "nogit":
        raise Problem(
            f"git is not installed on {remote.name}.",
            f"The home pieces are in place; {place} and the lab are as they were.",
            "Ask who runs it for git (Debian, Ubuntu: sudo apt install git), then"
            f" {connection.verb('push')}",
        )
    if there.kind == "foreign":
        raise Problem(
            f"{place} on {remote.name} holds something that is not this project.",
            "It was not touched.",
            "Move it away there, or set another `dir` in remote.toml.",
        )
    if there.edited:
        files = "".join(f"\n  {line}" for line in there.edited[:10])
        raise Problem(
            f"{remote.name} holds edits in {place} that are in no commit:{files}",
            "They were not touched, and no code was pushed.",
            f"Bring them home: {connection.verb('save')}   (or throw them away, there:"
            " git checkout -- FILE)",
            REMOTE_EDITED,
        )
    if there.head != "none" and not _known(project, there.head):
        raise Problem(
            f"{remote.name} holds commits that this laptop does not have.",
            "They were not touched, and no code was pushed.",
            f"Bring them home first: {connection.verb('save')}",
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
    return Problem(
        f"A push changes the code on {connection.remote.name}, or was cut off while it"
        " did.",
        "Nothing was changed.",
        f"Have it completed: {connection.verb('push')}",
    )


def _failed(connection: Connection, records: list[Record], errors: str) -> Problem:
    project, name = connection.project, connection.remote.name
    match records[-1:]:
        case [("dirty", why)] if re.search("overwritten|would lose", why):
            return Problem(
                f"{name} would lose files that are not in git: {why}",
                "Its working tree is as it was.",
                f"Move those files away there, then: {connection.verb('push')}",
                REMOTE_EDITED,
            )
        case [("parted", branch)]:
            return Problem(
                f"The branch {branch} on {name} holds commits that were made there.",
                "They were not touched, and no code was pushed.",
                f"Check it out there (git checkout {shlex.quote(branch)}), then bring"
                f" them home: {connection.verb('save')}",
                REMOTE_EDITED,
            )
        case [("overtaken",)]:
            return overtaken(name, "code", connection.verb("push"))
        case [("cut",)]:
            return cut(connection)
        case [("atwork",)]:
            return Problem(
                f"git is at work in ~/{project.dir} on {name}, where a push was cut"
                " off.",
                "The code there is part old, part new; the next push completes it.",
                f"Wait for that git to end, then: {connection.verb('push')}",
            )
        case [("half", why)]:
            return Problem(
                f"{name} could not write all of the code: {reason(errors or why)}",
                "It is part old, part new there; the next push completes it.",
                "Is the disk full, or your quota? Make room, then:"
                f" {connection.verb('push')}",
            )
        case [("locked", owner)]:
            return locked(name, owner, connection.shell(LOCK.format(project.slug)))
        case [("nowrite" | "incomplete" | "dirty" as what, *rest)]:
            # git's checkout, too, may want for room: even to say so.
            place = [f"~/{project.dir}"] if what == "dirty" else rest
            why = reason("\n".join([errors, *rest]).strip())
            return Problem(
                f"{name} can't write{' to ' if place else ''}{''.join(place)}: {why}",
                "The code there is as it was.",
                "Is the disk full, or your quota? Make room, then:"
                f" {connection.verb('push')}",
            )
    return Problem(
        f"{name} did not take the code: {reason(errors)}",
        "It is as it was.",
        f"Look there: {connection.shell(f'git -C {project.dir} status')}",
    )
