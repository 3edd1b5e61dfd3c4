"""What a commit from a remote would change here, and what should be reviewed first."""

import re
import unicodedata
from dataclasses import dataclass

from remote_lab.settings import Project
from remote_lab.tools.git import git

LINES = 30  # of a summary
# What this laptop runs, or what configures the programs that it runs: the project's own
# command, the dotfiles, what uv and conda build from, make.
CONFIGURES = re.compile(
    "(remote|remote_lab|home|environment|hooks|pyproject.toml|uv.lock|uv.toml"
    r"|environment.yml|setup.py|setup.cfg|remote.toml|remote.local.toml|jupytext"
    r"|jupytext\..*|conftest.py|makefile|gnumakefile|justfile)(/.*)?"
)
# Settings of git, editors, CI and hooks, in any folder; these two only name files.
HIDDEN = re.compile(r"(.*/)?\.(?!gitignore$|gitkeep$).*")
EMPTY = (
    "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391",
    "473a0f4c3be8a93681a267e3b1e9a7dcda1185436fe141f7749120a303721813",  # SHA-256
)


@dataclass(frozen=True)
class Change:
    """What a commit does to one file, as `git diff --raw` has it."""

    path: str
    before: str
    after: str
    content: str
    status: str

    @property
    def why(self) -> str:
        """Why it should be reviewed; empty if it can be merged unseen."""
        if self.after == "120000":
            return "a link"
        if self.after == "160000":
            return "a repository of its own"
        name = _as_a_disk_may_have_it(self.path)
        if CONFIGURES.fullmatch(name) or HIDDEN.fullmatch(name):
            return "configures programs of this laptop"
        if self.after == "100755":
            return "can be executed"
        if self.status != "A" and self.content in EMPTY:
            return "is empty now"
        return ""


def summary(project: Project, commit: str) -> list[str]:
    """A few lines, as of `git diff --stat`: what would come."""
    only = ("--no-ext-diff", "--no-textconv", "--stat=80", f"--stat-count={LINES}")
    return git(project, "diff", *only, f"HEAD...{commit}").splitlines()


def suspect(project: Project, commit: str) -> list[tuple[str, str]]:
    """The files that should be reviewed before they are merged, and why.

    Args:
        project: The project.
        commit: A commit that came from a remote.
    """
    raw = ("diff", "--raw", "-z", "--no-abbrev", "--no-renames")
    every = (*raw, "--ignore-submodules=none")
    fields = iter(git(project, *every, f"HEAD...{commit}").split("\0"))
    changes = []
    for field, path in zip(fields, fields, strict=False):
        before, after, _, content, status = field.removeprefix(":").split(" ")
        changes.append(Change(path, before, after, content, status))
    return [(change.path, change.why) for change in changes if change.why]


def _as_a_disk_may_have_it(path: str) -> str:
    """The path as a disk sees it that ignores case and invisible characters."""
    folded = unicodedata.normalize("NFKC", path).casefold()
    return "".join(c for c in folded if unicodedata.category(c) != "Cf")
