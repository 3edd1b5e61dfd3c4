"""What to type after an update: what is right for what it changed."""

from collections.abc import Iterable
from dataclasses import dataclass

from remote_lab.update.copier import Change


@dataclass(frozen=True)
class Updated:
    """What an update did, and how the project is.

    Attributes:
        version: The template's version now.
        changes: The files that it changed.
        stale: Whether uv.lock is older than pyproject.toml now.
        several: Whether the project has several remotes.
        pushes: Whether ./remote setup pushes.
    """

    version: str
    changes: list[Change]
    stale: bool = False
    several: bool = False
    pushes: bool = False

    def paths(self, *kinds: str) -> list[str]:
        """The files of these kinds of change."""
        return [change.path for change in self.changes if change.what in kinds]

    @property
    def rejects(self) -> list[str]:
        """The files with what Copier could not merge (--conflict rej)."""
        return [path for path in self.paths("new") if path.endswith(".rej")]

    @property
    def by_hand(self) -> list[str]:
        """What a person must do before the steps; lines of text, none if nothing."""
        lines = []
        if conflicts := self.paths("conflict"):
            lines += ["Resolve these first, in an editor:"]
            lines += [f"  {path}" for path in conflicts]
        if self.rejects:
            lines += ["First apply these changes by hand, then delete the files:"]
            lines += [f"  {path}" for path in self.rejects]
        return lines

    @property
    def steps(self) -> list[tuple[str, str]]:
        """The commands to type, in order, each with what it is for."""
        push = "push --all" if self.several else "push"
        touched = [change.path for change in self.changes]
        steps = [("git diff", "what has changed")]
        if self.stale:
            steps += [("uv lock", "pyproject.toml asks for other packages")]
        # Nothing was uncommitted before: all that is new is the update's.
        steps += [("git add -A", self._new())]
        steps += [(f"git commit -m 'Remote Lab {self.version}'", "")]
        if _below("home/laptop/", touched):
            steps += [("./remote install", "sets up this laptop for what is new")]
        steps += [(f"./remote {push} --dry-run", "what a push would change")]
        if {"remote", "uv.lock", ".pre-commit-config.yaml"} & {*touched}:
            more = ", and pushes" if self.pushes else ""
            steps += [("./remote setup", f"git's hooks and this laptop{more}")]
            if self.pushes:
                return steps
        return [*steps, (f"./remote {push}", "")]

    def _new(self) -> str:
        new = [path for path in self.paths("new") if path not in self.rejects]
        if not new:
            return ""
        more = f" and {len(new) - 2} more" if len(new) > 2 else ""
        return f"also the new {', '.join(new[:2])}{more}"


def _below(folder: str, paths: Iterable[str]) -> bool:
    return any(path.startswith(folder) for path in paths)
