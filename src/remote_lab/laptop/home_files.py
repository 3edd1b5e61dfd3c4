"""What install copies out of home/laptop: checked and listed before it is written.

The files may come from somebody else's branch, and files in a home are run: so only the
project's own paths are written without a question, and no link is followed.

Three ways, as the push does it: as installed, as it is now, as it is to be. A file that
the user edited is never overwritten unasked.
"""

import difflib
import hashlib
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import click

from remote_lab.errors import Problem
from remote_lab.laptop.installed import Installed
from remote_lab.push.manifest import LITTER
from remote_lab.settings import Project
from remote_lab.tools.conflicts import is_marked
from remote_lab.tools.files import write_whole
from remote_lab.transport.ssh_config import check_hosts
from remote_lab.ui import show


@dataclass(frozen=True)
class Copy:
    """One file that is to be in the home.

    Attributes:
        path: Where, relative to the home.
        data: Its content.
        news: Whether it is not there yet, or not like this.
        edited: Whether the user edited it, and the project did not: it stays.
    """

    path: Path
    data: bytes
    news: bool
    edited: bool = False

    @property
    def at(self) -> Path:
        """Where in the home."""
        return Path.home() / self.path


def aliases(slug: str) -> str:
    """The file with the aliases, relative to the home."""
    return f".config/remote-lab/{slug}/aliases.sh"


def plan(project: Project, installed: Installed) -> list[Copy]:
    """What is to be copied; nothing is written yet.

    Raises:
        Problem: A file can't be installed, or is not to be.
    """
    root = project.root / "home" / "laptop"
    copies = [
        _copy(project, source, source.relative_to(root), installed)
        for source in _sources(root)
    ]
    news = [copy for copy in copies if copy.news]
    for copy in copies:
        if copy.edited:
            show.note(f"Kept as you edited it: ~/{copy.path}")
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


def write(copies: list[Copy], installed: Installed) -> None:
    """Copy them; the folders that they lie in are there."""
    for copy in copies:
        installed.note("files", str(copy.at))
        if copy.edited:
            continue
        mode = 0o600 if copy.path.parts[0] == ".ssh" else 0o644
        write_whole(copy.at, copy.data.decode("utf-8", "surrogateescape"), mode)
        if mode == 0o600:  # or ssh refuses it
            copy.at.chmod(mode)
        installed.lists["sums"][str(copy.at)] = _sum(copy.data)
    installed.save()


def take_out(project: Project, installed: Installed, keep: list[Copy]) -> None:
    """Take out the files that install has put there.

    What the user edited in one is kept beside it.

    Args:
        project: The project.
        installed: The list of them.
        keep: The files that stay.
    """
    stay = {str(copy.at) for copy in keep}
    for name in [name for name in installed.lists["files"] if name not in stay]:
        at = Path(name)
        if at.is_file() and not at.is_symlink() and _is_edited(project, at, installed):
            mine = at.with_name(f"{at.name}.mine")
            at.replace(mine)
            show.note(f"Kept, since you had edited it: {mine}")
        at.unlink(missing_ok=True)
        installed.forget(at)


def _sum(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _is_edited(project: Project, at: Path, installed: Installed) -> bool:
    """Whether a file of ours in the home is other than install has written it."""
    data = at.read_bytes()
    if known := installed.lists["sums"].get(str(at)):
        return bool(known != _sum(data))
    # Installed by a former version, which noted no sums: is it as it was in git?
    source = project.root / "home/laptop" / at.relative_to(Path.home())
    if source.is_file() and source.read_bytes() == data:
        return False
    git = ["git", "-C", str(project.root)]
    blob = ["hash-object", "--no-filters", "--stdin"]
    hashed = subprocess.run([*git, *blob], check=False, input=data, capture_output=True)
    name = hashed.stdout.decode().strip()
    seek = ["log", "--all", "-n1", "--format=%H", f"--find-object={name}", "--"]
    found = subprocess.run(
        [*git, *seek, str(source)], check=False, capture_output=True
    ).stdout
    return not found


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


def _copy(project: Project, source: Path, path: Path, installed: Installed) -> Copy:
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
    if is_marked(data):
        raise Problem(
            f"{name} holds an unresolved conflict.",
            "Nothing was installed.",
            "Resolve it, then: ./remote install",
        )
    same = at.is_file() and not at.is_symlink() and at.read_bytes() == data
    ours = str(at) in installed.lists["files"]
    ours = ours or (installed.lost and _is_own(project, path))
    if at.is_symlink() or (at.exists() and not same and not ours):
        raise Problem(
            f"{at} is there already, and not from this project.",
            "It was not touched.",
            f"Move it away, then: ./remote install   (mv {at} {at}.mine)",
        )
    if at.exists() and not same and _is_edited(project, at, installed):
        if installed.lists["sums"].get(str(at)) == _sum(data):
            return Copy(path, data, news=False, edited=True)
        show.diff(_diff(Copy(path, data, True)))
        raise Problem(
            f"{at} was edited here, and the project has another one now.",
            "It was not touched, and nothing was installed.",
            f"Take what you want to keep of it into {name}, then: mv {at} {at}.mine &&"
            " ./remote install",
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
