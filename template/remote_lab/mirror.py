"""What install copies out of home/laptop: looked at whole, and told, before it is done.

The files may come from somebody else's branch, and what lies in a home is run: so only
the project's own places are written to unasked, and no link is followed.
"""

import difflib
import sys
from dataclasses import dataclass
from pathlib import Path

import click

from remote_lab import show
from remote_lab.errors import Problem
from remote_lab.files import write_whole
from remote_lab.installed import Record
from remote_lab.settings import Project
from remote_lab.sshconf import check_hosts
from remote_lab.tree import CONFLICT, LITTER


@dataclass(frozen=True)
class Copy:
    """One file that is to be in the home.

    Attributes:
        path: Where, relative to the home.
        data: Its content.
        news: Whether it is not there yet, or not like this.
    """

    path: Path
    data: bytes
    news: bool

    @property
    def at(self) -> Path:
        """Where in the home."""
        return Path.home() / self.path


def aliases(slug: str) -> str:
    """The file with the aliases, relative to the home."""
    return f".config/remote-lab/{slug}/aliases.sh"


def plan(project: Project, record: Record) -> list[Copy]:
    """What is to be copied; nothing is written yet.

    Raises:
        Problem: A file can't be installed, or is not to be.
    """
    root = project.root / "home" / "laptop"
    copies = [
        _copy(project, source, source.relative_to(root), record)
        for source in _sources(root)
    ]
    news = [copy for copy in copies if copy.news]
    for copy in news:
        show.step(f"To be written: ~/{copy.path}")
        if copy.path.parts[0] == ".ssh" and copy.at.exists():
            show.diff(_diff(copy))
    elsewhere = [copy for copy in news if not _is_own(project, copy.path)]
    if elsewhere:
        _confirm(elsewhere)
    check_hosts(project)
    return copies


def found(project: Project) -> list[str]:
    """The files in the home that are install's, as far as it can be seen."""
    root = project.root / "home" / "laptop"
    names = []
    for source in _sources(root):
        path = source.relative_to(root)
        at = Path.home() / path
        if source.is_symlink() or at.is_symlink() or not at.is_file():
            continue
        if _is_own(project, path) or at.read_bytes() == source.read_bytes():
            names.append(str(at))
    return names


def write(copies: list[Copy], record: Record) -> None:
    """Copy them; the folders that they lie in are there."""
    for copy in copies:
        record.note("files", str(copy.at))
        mode = 0o600 if copy.path.parts[0] == ".ssh" else 0o644
        write_whole(copy.at, copy.data.decode("utf-8", "surrogateescape"), mode)
        if mode == 0o600:  # or ssh refuses it
            copy.at.chmod(mode)


def _sources(root: Path) -> list[Path]:
    return [
        source
        for source in sorted(root.rglob("*"))
        if source.is_symlink() or source.is_file()
        if not LITTER.fullmatch(source.name)
    ]


def _is_own(project: Project, path: Path) -> bool:
    """Whether a place in the home is the project's alone."""
    own = Path(aliases(project.slug)).parent
    return path.is_relative_to(own) or path == Path(
        f".ssh/config.d/{project.slug}.conf"
    )


def _copy(project: Project, source: Path, path: Path, record: Record) -> Copy:
    name, at = source.relative_to(project.root), Path.home() / path
    if not source.resolve().is_relative_to(project.root.resolve()):
        raise Problem(
            f"{name} is a link that leads out of the project.",
            "Nothing was installed.",
            f"Put a file in its place, or remove it: rm {name}",
        )
    if not source.is_file():
        raise Problem(
            f"{name} is a link to a folder, or to nothing.",
            "Nothing was installed.",
            f"Put a file in its place, or remove it: rm {name}",
        )
    data = source.read_bytes()
    if CONFLICT.search(data):
        raise Problem(
            f"{name} holds an unresolved conflict.",
            "Nothing was installed.",
            "Resolve it, then: ./remote install",
        )
    same = at.is_file() and not at.is_symlink() and at.read_bytes() == data
    ours = str(at) in record.said["files"]
    ours = ours or (record.lost and _is_own(project, path))
    if at.is_symlink() or (at.exists() and not same and not ours):
        raise Problem(
            f"{at} is there already, and not from this project.",
            "It was not touched.",
            f"Move it away, then: ./remote install   (mv {at} {at}.mine)",
        )
    return Copy(path, data, not same)


def _confirm(copies: list[Copy]) -> None:
    names = ", ".join(f"~/{copy.path}" for copy in copies)
    show.note(
        f"home/laptop holds files for places outside the project's own: {names}. What"
        " lies there may be run when you log in. Look at them first."
    )
    if not sys.stdin.isatty() or not click.confirm("Write them?", err=True):
        raise Problem(
            f"These were not confirmed: {names}.",
            "Nothing was installed.",
            "Confirm in a terminal: ./remote install   (or remove them from"
            " home/laptop)",
        )


def _diff(copy: Copy) -> list[str]:
    before, after = (
        data.decode("utf-8", "replace").splitlines()
        for data in (copy.at.read_bytes(), copy.data)
    )
    names = (f"~/{copy.path}", f"home/laptop/{copy.path}")
    return list(difflib.unified_diff(before, after, *names, lineterm=""))
