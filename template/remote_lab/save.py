"""Save: what was edited on the remote, brought home as commits."""

import base64
import tempfile
from pathlib import Path

from remote_lab import show
from remote_lab.code import git
from remote_lab.connection import Connection, program
from remote_lab.errors import Problem
from remote_lab.home import values


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
        program("state", "code", values=asked, main="code_save")
    )
    told = {record[0]: record[1:] for record in records}
    if status or "commit" not in told:
        raise Problem(
            f"{name} could not save: {' '.join(told.get('why', ('no code there',)))}",
            "Nothing was changed here.",
            f"Look there: {connection.shell(f'git -C {project.dir} status')}",
        )
    commit, branch = told["commit"]
    data = base64.b64decode("".join(r[1] for r in records if r[0] == "bundle"))
    if not data:
        show.done(f"{name} has nothing that is not here.")
        return commit
    with tempfile.TemporaryDirectory() as folder:
        bundle = Path(folder) / "edits.bundle"
        bundle.write_bytes(data)
        git(project, "fetch", "-q", str(bundle), f"+HEAD:refs/remotes/{name}/saved")
    return _merge(connection, commit, branch)


def _merge(connection: Connection, commit: str, branch: str) -> str:
    project, name = connection.project, connection.remote.name
    here = git(project, "branch", "--show-current")
    if here != branch:
        raise Problem(
            f"The edits of {name} are here as {name}/saved, but not merged: they were"
            f" made on the branch {branch or 'of no name'}, and you are on {here}.",
            "Your branch is as it was.",
            f"git checkout {branch} && git merge {name}/saved",
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
    show.done(f"The edits of {name} are here: commit {commit[:10]}.")
    return commit
