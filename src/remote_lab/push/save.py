"""Save: bring what was changed on the remote to the laptop, as commits."""

import base64
import re
import shlex
import tempfile
from pathlib import Path

from remote_lab.errors import Problem
from remote_lab.push import incoming
from remote_lab.push.code import branch_of, cut, notes
from remote_lab.remote_programs import values
from remote_lab.remote_state import RemoteState
from remote_lab.tools.git import git
from remote_lab.transport.connection import Connection
from remote_lab.transport.program import program
from remote_lab.ui import show

MOST = 2**30  # bytes of a bundle, as text


def save(connection: Connection) -> bool:
    """Commit the edits on a remote, fetch them, and merge them if that is simple.

    Returns:
        Whether something was merged into the laptop's branch. That ran without git's
        hooks: the notebooks have to be refreshed.

    Raises:
        Problem: There is nothing to save, or the branches have diverged.
    """
    project, name = connection.project, connection.remote.name
    needed = values(
        connection,
        known=git(project, "rev-parse", "HEAD"),
        author=git(project, "var", "GIT_AUTHOR_IDENT").rsplit(" ", 2)[0],
        message=f"Save the edits made on {name}",
    )
    status, records = connection.run(
        program("state", "code", values=needed, main="code_save"), most=MOST
    )
    state = RemoteState.parse(records)
    reported = {record[0]: record[1:] for record in state.other}
    if status and state.code.cut:
        raise cut(connection)
    commit, branch = (*reported.get("commit", ()), "", "")[:2]
    # It becomes part of git's command lines here.
    if status or not re.fullmatch("[0-9a-f]{40,64}", commit):
        why = " ".join(reported.get("why", ("no code there",)))
        raise Problem(
            f"{name} could not save: {why}",
            "Nothing was changed here.",
            f"Look there: {connection.shell(f'git -C {project.dir} status')}",
        )
    for text in notes(connection, state):
        show.note(f"{name}: {text}")
    lines = [record[-1] for record in state.other if record[0] == "bundle"]
    nothing = f"{name} has nothing that is not here."
    if not lines:
        show.done(nothing)
        return False
    with tempfile.TemporaryDirectory() as folder:
        bundle = Path(folder) / "edits.bundle"
        bundle.write_bytes(_decoded("".join(lines)))
        saved = f"refs/remotes/{name}/saved"
        git(project, "fetch", "-q", "--no-tags", str(bundle), f"+HEAD:{saved}")
    if git(project, "rev-parse", saved) != commit:
        raise Problem(
            f"{name} sent another commit than it reported.",
            f"It is here as {name}/saved, and not merged; your branch is as it was.",
            f"Look at it: git log {name}/saved",
        )
    # Such as one that another branch has been pushed to.
    if git(project, "for-each-ref", "--contains", commit, "refs/heads"):
        show.done(nothing)
        return False
    for line in incoming.summary(project, commit):
        show.step(line)
    _stop(connection, commit, branch)
    _merge(connection, commit, branch)
    return True


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return b""  # git says that it is no bundle


def _stop(connection: Connection, commit: str, branch: str) -> None:
    """Refuse to merge what can make programs run here, or loses something.

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
        f"The changes of {name} are here as {name}/saved, but not merged: look at these"
        f" files first:{''.join(shown)}",
        "Your branch is as it was.",
        f"Look: git diff HEAD...{name}/saved   If they are yours: "
        + _merging(connection, branch, "git -c core.hooksPath=/dev/null merge"),
    )


def _merge(connection: Connection, commit: str, branch: str) -> None:
    project, name = connection.project, connection.remote.name
    here = branch_of(project)
    if here != (branch or "detached"):
        raise Problem(
            f"The changes of {name} are here as {name}/saved, but not merged: they were"
            f" made on {_named(branch)}, and here you are on {_named(here)}.",
            "Your branch is as it was.",
            _merging(connection, branch, "git merge"),
        )
    try:
        git(project, "merge", "-q", "--ff-only", commit)
    except Problem:
        raise Problem(
            f"The changes of {name} are here as {name}/saved, but not merged: this"
            " laptop has gone on since, or holds changes that are not committed.",
            "Your branch is as it was.",
            f"git merge {name}/saved",
        ) from None
    show.done(f"The changes of {name} are here: commit {commit[:10]}.")


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
