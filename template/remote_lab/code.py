"""The code: the project's own commits, brought into a working clone on the remote."""

import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from remote_lab import show
from remote_lab.connection import Connection, Record, program
from remote_lab.errors import REMOTE_EDITED, Problem, reason
from remote_lab.parcel import Parcel
from remote_lab.settings import Project


@dataclass
class RemoteCode:
    """What the remote has of the project's code.

    Attributes:
        kind: ours, absent, foreign (a folder that isn't ours), nogit.
        head: The commit there, or "none".
        edited: Lines of `git status --porcelain`.
        stamp: What its environment was built from.
    """

    kind: str = "absent"
    head: str = "none"
    branch: str = ""
    edited: list[str] = field(default_factory=list)
    stamp: str = ""

    def take(self, record: Record) -> None:
        """Learn from one record of code_state."""
        match record:
            case ("code", kind, *rest):
                self.kind = kind
                self.head, self.branch = rest if len(rest) == 2 else ("none", "")
            case ("edited", line):
                self.edited.append(line)
            case ("stamp", stamp):
                self.stamp = stamp


def git(project: Project, *arguments: str) -> str:
    """The output of a git command in the project.

    Raises:
        Problem: git isn't there, or says no.
    """
    try:
        done = subprocess.run(
            # Without the locks that a status takes to be quick the next time: they
            # are in the way of the user's own git, and a Ctrl-C could leave one.
            ["git", "--no-optional-locks", "-C", project.root, *arguments],
            capture_output=True,
            text=True,
        )
    except FileNotFoundError:
        raise Problem(
            "git is not installed on this laptop.", todo="Install git."
        ) from None
    if done.returncode:
        raise Problem(
            f"git {arguments[0]} failed: {done.stderr.strip()}",
            todo="Is the project a git repository? ./remote setup makes it one.",
        )
    return done.stdout.strip()


def push(connection: Connection, there: RemoteCode, dry: bool = False) -> str:
    """Bring the laptop's commit to the remote.

    Args:
        connection: The way to the remote.
        there: What it has.
        dry: Only say what would be done.

    Returns:
        The commit that was sent, or nothing where the remote has it.

    Raises:
        Problem: It can't be done without losing something there.
    """
    project, name = connection.project, connection.remote.name
    _refuse(connection, there)
    if not _known(project, "HEAD"):
        raise Problem(
            "Nothing is committed here yet, and the code travels by git.",
            "The code there is as it was.",
            "git add -A && git commit -m 'Begin' && ./remote push",
        )
    head = git(project, "rev-parse", "HEAD")
    if git(project, "status", "--porcelain"):
        show.note(
            "There are changes here that are not committed: they are not pushed."
            " (git commit -am 'what you did')"
        )
    branch = _branch(project)
    if (there.head, there.branch) == (head, branch):
        return ""
    if dry:
        show.step(f"Would bring commit {head[:10]} ({branch}) to {name}.")
        return head
    with tempfile.TemporaryDirectory() as folder:
        bundle = Path(folder) / "code.bundle"
        known = [] if there.head in ("none", head) else [f"^{there.head}"]
        git(project, "bundle", "create", "-q", str(bundle), "HEAD", *known)
        values = {"slug": project.slug, "dir": project.dir, "mode": "apply"}
        parcel = Parcel(
            program(
                "state", "lock", "code",
                values={**values, "branch": branch},
                main="code_switch",
            ),
            packed=False,
        )  # fmt: skip
        parcel.add("code.bundle", bundle)
        with connection.deliver(parcel) as session:
            session.send(parcel.write)
            records = list(session.records())
            if session.end():
                raise _failed(connection, records, session.errors())
    return head


def _branch(project: Project) -> str:
    """The branch that is checked out; "detached" where none is."""
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
            " ./remote push",
        )
    if there.kind == "foreign":
        raise Problem(
            f"{place} on {remote.name} holds something that is not this project.",
            "It was not touched.",
            "Move it away there, or set another `dir` in remote.toml.",
        )
    if there.edited:
        files = "".join(f"\n    {line}" for line in there.edited[:10])
        raise Problem(
            f"{remote.name} holds edits in {place} that are in no commit:{files}",
            "They were not touched, and no code was pushed.",
            f"Commit them there (cd {project.dir} && git add -A && git commit), then"
            " bring them home: ./remote save   (throw away: git checkout -- FILE)",
            REMOTE_EDITED,
        )
    if there.head != "none" and not _known(project, there.head):
        raise Problem(
            f"{remote.name} holds commits that this laptop does not have.",
            "They were not touched, and no code was pushed.",
            "Bring them home first: ./remote save",
            REMOTE_EDITED,
        )


def _known(project: Project, commit: str) -> bool:
    try:
        git(project, "cat-file", "-e", f"{commit}^{{commit}}")
    except Problem:
        return False
    return True


def _failed(connection: Connection, records: list[Record], errors: str) -> Problem:
    name = connection.remote.name
    match records[-1:]:
        case [("dirty", why)]:
            return Problem(
                f"{name} would lose files that are not in git: {why}",
                "Its working tree is as it was.",
                "Move those files away there, then ./remote push",
                REMOTE_EDITED,
            )
        case [("locked", *_)]:
            return Problem(f"Another push to {name} is under way.", todo="Wait for it.")
        case [("nowrite" | "incomplete", *place)]:
            return Problem(
                f"{name} can't write{' to ' if place else ''}{''.join(place)}:"
                f" {reason(errors)}",
                "The code there is as it was.",
                "Is the disk full, or your quota? Make room, then: ./remote push",
            )
    return Problem(f"{name} did not take the code: {errors}", "It is as it was.")


def look(connection: Connection) -> RemoteCode:
    """Ask a remote what it has of the code."""
    there = RemoteCode()
    values = {"slug": connection.project.slug, "dir": connection.project.dir}
    text = program("state", "code", values=values, main="code_state")
    for record in connection.run(text)[1]:
        there.take(record)
    return there
