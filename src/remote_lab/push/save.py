"""Save: what was edited on the remote, brought home as commits."""

import base64
import re
import shlex
import tempfile
from pathlib import Path

from remote_lab.errors import Problem
from remote_lab.laptop.notebooks import note_stale_hooks, pairs
from remote_lab.push import incoming
from remote_lab.push.code import branch_of, cut, notes
from remote_lab.remote_programs import values
from remote_lab.tools.git import git
from remote_lab.transport.connection import Connection
from remote_lab.transport.program import program
from remote_lab.ui import show

MOST = 2**30  # bytes of a bundle, as text


def save(connection: Connection) -> str:
    """Commit the edits on a remote, fetch them, and merge them if that is simple.

    Returns:
        The commit that the laptop's branch is on now.

    Raises:
        Problem: There is nothing to save, or the two sides have parted.
    """
    project, name = connection.project, connection.remote.name
    asked = values(
        connection,
        known=git(project, "rev-parse", "HEAD"),
        author=git(project, "var", "GIT_AUTHOR_IDENT").rsplit(" ", 2)[0],
        message=f"Save the edits made on {name}",
    )
    status, records = connection.run(
        program("state", "code", values=asked, main="code_save"), most=MOST
    )
    told = {record[0]: record[1:] for record in records}
    if status and "cut" in told:
        raise cut(connection)
    commit, branch = (*told.get("commit", ()), "", "")[:2]
    # It goes into git's command lines here.
    if status or not re.fullmatch("[0-9a-f]{40,64}", commit):
        raise Problem(
            f"{name} could not save: {' '.join(told.get('why', ('no code there',)))}",
            "Nothing was changed here.",
            f"Look there: {connection.shell(f'git -C {project.dir} status')}",
        )
    for text in notes(connection, records):
        show.note(f"{name}: {text}")
    lines = [record[-1] for record in records if record[0] == "bundle"]
    nothing = f"{name} has nothing that is not here."
    if not lines:
        show.done(nothing)
        return commit
    with tempfile.TemporaryDirectory() as folder:
        bundle = Path(folder) / "edits.bundle"
        bundle.write_bytes(_decoded("".join(lines)))
        saved = f"refs/remotes/{name}/saved"
        git(project, "fetch", "-q", "--no-tags", str(bundle), f"+HEAD:{saved}")
    if git(project, "rev-parse", saved) != commit:
        raise Problem(
            f"{name} sent another commit than it said.",
            f"It is here as {name}/saved, and not merged; your branch is as it was.",
            f"Look at it: git log {name}/saved",
        )
    # Such as one that another branch has been pushed to.
    if git(project, "for-each-ref", "--contains", commit, "refs/heads"):
        show.done(nothing)
        return commit
    for line in incoming.summary(project, commit):
        show.step(line)
    _stop(connection, commit, branch)
    return _merge(connection, commit, branch)


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return b""  # git says that it is no bundle


def _stop(connection: Connection, commit: str, branch: str) -> None:
    """Leave to the user what can have programs run here, or holds a loss.

    Raises:
        Problem: There is such a change.
    """
    project, name = connection.project, connection.remote.name
    suspect = incoming.suspect(project, commit)
    if not suspect:
        return
    shown = [f"\n  {path}: {why}" for path, why in suspect[:20]]
    if more := suspect[20:]:
        shown.append(f"\n  and {len(more)} more")
    raise Problem(
        f"The edits of {name} are here as {name}/saved, but not merged, for you should"
        f" look at these first:{''.join(shown)}",
        "Your branch is as it was.",
        f"Look: git diff HEAD...{name}/saved   If they are yours: "
        + _merging(connection, branch, "git -c core.hooksPath=/dev/null merge"),
    )


def _merge(connection: Connection, commit: str, branch: str) -> str:
    project, name = connection.project, connection.remote.name
    here = branch_of(project)
    if here != (branch or "detached"):
        raise Problem(
            f"The edits of {name} are here as {name}/saved, but not merged: they were"
            f" made on {_named(branch)}, and here you are on {_named(here)}.",
            "Your branch is as it was.",
            _merging(connection, branch, "git merge"),
        )
    try:
        git(project, "merge", "-q", "--ff-only", commit)
    except Problem:
        raise Problem(
            f"The edits of {name} are here as {name}/saved, but not merged: this"
            " laptop has gone on since, or holds changes that are not committed.",
            "Your branch is as it was.",
            f"git merge {name}/saved",
        ) from None
    pairs(project, "refresh")  # git's hooks, which would do so, are off
    note_stale_hooks(project)
    show.done(f"The edits of {name} are here: commit {commit[:10]}.")
    return commit


def _named(branch: str) -> str:
    """A branch, as a sentence has it; a detached HEAD is pushed as "detached"."""
    none = branch in ("", "detached")
    return "no branch (detached HEAD)" if none else f"the branch {branch}"


def _merging(connection: Connection, branch: str, merge: str) -> str:
    """What to type to have the saved commit on the branch that it was made on.

    Args:
        connection: The way to the remote.
        branch: That branch; it need not be on the laptop.
        merge: The command that merges.
    """
    project, saved = connection.project, f"{connection.remote.name}/saved"
    if branch in ("", "detached", branch_of(project)):
        return f"{merge} {saved}"
    heads = git(project, "for-each-ref", "--format=%(refname:short)", "refs/heads")
    if branch in heads.splitlines():
        return f"git checkout {shlex.quote(branch)} && {merge} {saved}"
    return f"git checkout -b {shlex.quote(branch)} {saved}"
