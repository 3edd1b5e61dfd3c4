"""The dotfiles: home/remote, a folder that mirrors the remote's home."""

import hashlib
import os
import re
import shlex
import tarfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from remote_lab.errors import Problem
from remote_lab.settings import Project
from remote_lab.tools.conflicts import is_marked
from remote_lab.tools.git import git
from remote_lab.transport.bundle import Bundle

# What file managers and editors leave beside files: no configuration.
LITTER = re.compile(r"\.DS_Store|\._.*|.*~|.*\.sw[a-p]|__pycache__")


@dataclass(frozen=True)
class Dotfile:
    """One file or link that a push brings.

    Attributes:
        path: Where in the home, with slashes.
        kind: f a file, x an executable one, l a symbolic link.
        data: The content, or the link's target.
    """

    path: str
    kind: str
    data: bytes

    @property
    def state(self) -> str:
        """Kind and content in short, as the remote's programs write it too."""
        if self.kind == "l":
            return f"l:{self.data.decode()}"
        return f"{self.kind}:{hashlib.sha256(self.data).hexdigest()}"


def read(project: Project, again: str) -> list[Dotfile]:
    """The dotfiles, sorted by path.

    Args:
        project: The project.
        again: What to type once a problem is fixed.

    Raises:
        Problem: A name can't be sent, a file holds conflict markers or is unmerged.
    """
    root = project.root / "home" / "remote"
    listed = ("diff", "--name-only", "--diff-filter=U", "-z", "--", root)
    unmerged = ""
    with suppress(Problem):  # it need not be a repository yet
        unmerged = git(project, *listed)
    if unmerged:
        raise _conflict(unmerged.split("\0")[0], again)
    dotfiles = []
    for path in sorted(root.rglob("*")):
        inside = path.relative_to(root)
        if any(LITTER.fullmatch(part) for part in inside.parts):
            continue
        if path.is_symlink():
            dotfiles.append(Dotfile(_name(inside), "l", _target(path, inside)))
        elif path.is_file():
            dotfiles.append(_file(project, path, _name(inside), again))
    return sorted(dotfiles, key=lambda dotfile: dotfile.path.encode())


def pack(project: Project, dotfiles: list[Dotfile], bundle: Bundle) -> None:
    """Put the dotfiles into a bundle, with their manifest and the links they need."""
    for dotfile in dotfiles:
        if dotfile.kind == "l":
            bundle.add_link(f"new/{dotfile.path}", dotfile.data.decode())
        else:
            bundle.add(f"new/{dotfile.path}", dotfile.data, dotfile.kind == "x")
    manifest = "".join(f"{dotfile.path}\t{dotfile.state}\n" for dotfile in dotfiles)
    bundle.add("manifest", manifest.encode())
    bundle.add(
        "links", "".join(f"{place}\n" for place in links(project, dotfiles)).encode()
    )


def links(project: Project, dotfiles: list[Dotfile]) -> list[str]:
    """The places in the home that lead to the dotfiles.

    The project's own folder is one link; each dotfile outside it has its own.
    """
    own = f".config/remote-lab/{project.slug}"
    outside = {p.path for p in dotfiles if not p.path.startswith(f"{own}/")}
    inside = {own} if len(outside) < len(dotfiles) else set()
    return sorted(outside | inside)


def _file(project: Project, path: Path, name: str, again: str) -> Dotfile:
    data = path.read_bytes()
    if is_marked(data):
        raise _conflict(str(path.relative_to(project.root)), again)
    return Dotfile(name, "x" if path.stat().st_mode & 0o100 else "f", data)


def _target(path: Path, inside: Path) -> bytes:
    target = os.fsencode(path.readlink())
    # 100 bytes is what the tar format of old gives a link.
    if len(target) > 100 or re.search(rb"[\0-\x1f\x7f]", target) or not _utf8(target):
        raise Problem(
            f"home/remote/{inside.as_posix()!r} leads to a place that can't be sent.",
            "Nothing was pushed.",
            "Let it lead elsewhere: at most 100 bytes, no line ends or tabs.",
        )
    return target


def _utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def _name(inside: Path) -> str:
    name = inside.as_posix()
    try:  # the tar format of old has 100 bytes for a name, 155 for its folders
        tarfile.TarInfo(f"new/{name}").tobuf(tarfile.USTAR_FORMAT, "utf-8", "strict")
        fits = True
    except ValueError:
        fits = False
    if not fits or name != name.strip() or any(c < " " or c == "\\" for c in name):
        raise Problem(
            f"home/remote/{name!r} has a name that can't be sent.",
            "Nothing was pushed.",
            "Rename it: at most 100 bytes, and 150 for the folders that it lies in; no"
            " line ends, tabs or backslashes, no space at the end.",
        )
    return name


def _conflict(path: str, again: str) -> Problem:
    return Problem(
        f"{path} holds an unresolved conflict.",
        "Nothing was pushed.",
        f"Resolve it, then: git add {shlex.quote(path)} && {again}",
    )
