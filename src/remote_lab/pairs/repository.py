"""Reads commits and the index of git, and stores texts in git."""

import os
import subprocess
from collections.abc import Iterable

from remote_lab.pairs.sync_state import Failure, git_directory

MISSING = b"missing"
MANY = 500


def texts(root: str, revision: str, paths: Iterable[str]) -> dict[str, str]:
    """The texts of files in a commit or in the index.

    Args:
        root: The project's folder.
        revision: HEAD, or empty for the index, or :2 for our side of a conflict.
        paths: The files.

    Returns:
        The text of each that exists there.
    """
    names = list(paths)
    if not names:
        return {}
    found = _blobs(root, [f"{revision}:{name}" for name in names])
    return {
        name: text for name, text in zip(names, found, strict=True) if text is not None
    }


def versions(root: str, commits: Iterable[str], path: str) -> list[str]:
    """The texts that a file has in some commits, each once.

    Args:
        root: The project's folder.
        commits: The commits; git may have deleted some of them.
        path: The file.
    """
    query = "".join(f"{commit}:{path}\n" for commit in dict.fromkeys(commits))
    if not query:
        return []
    stdin = query.encode(errors="surrogateescape")
    lines = _git(root, "cat-file", "--batch-check", stdin=stdin).splitlines()
    blobs = {
        line.split()[0].decode() for line in lines if line.split()[1:2] == [b"blob"]
    }
    return [text for text in _blobs(root, sorted(blobs)) if text is not None]


def commits_of(root: str, path: str) -> list[str]:
    """The commits up to HEAD that changed a file; at most the latest 500."""
    words = ("log", "--format=%H", "--full-history", f"--max-count={MANY}")
    try:
        return _git(root, *words, "HEAD", "--", path).decode().split()
    except Failure:  # there is no commit yet
        return []


def _blobs(root: str, names: list[str]) -> list[str | None]:
    """The texts of some objects; None where there is none, or it is not a file."""
    if not names:
        return []
    query = "".join(f"{name}\n" for name in names)
    output = _git(
        root, "cat-file", "--batch", stdin=query.encode(errors="surrogateescape")
    )
    found: list[str | None] = []
    at = 0
    for _ in names:
        end = output.index(b"\n", at)
        head = output[at:end].split()
        at = end + 1
        if head[-1] == MISSING:
            found.append(None)
            continue
        size = int(head[2])
        text = output[at : at + size].decode("utf-8-sig", "replace")
        found.append(text if head[1] == b"blob" else None)
        at += size + 1
    return found


def staged(root: str, folder: str) -> set[str]:
    """The files below a folder that are staged."""
    options = ("--cached", "--name-only", "--no-renames", "-z")
    return _names(_git(root, "diff", *options, "--", folder))


def tracked(root: str, paths: list[str]) -> set[str]:
    """Those of some files that are in the index."""
    if not paths:
        return set()
    return _names(_git(root, "ls-files", "-z", "--", *paths))


def store(root: str, contents: dict[str, str]) -> dict[str, str]:
    """Store texts in git, which keeps them for at least two weeks.

    The file remote-lab-kept in the git directory lists them.

    Args:
        root: The project's folder.
        contents: The texts, by the names of their pairs.

    Returns:
        For each pair, the name under which `git show` has its text.
    """
    if not contents:
        return {}
    import tempfile
    import time

    with tempfile.TemporaryDirectory() as folder:
        paths = [os.path.join(folder, str(number)) for number in range(len(contents))]
        for path, text in zip(paths, contents.values(), strict=True):
            with open(path, "wb") as file:
                file.write(text.encode("utf-8", "surrogateescape"))
        query = "".join(f"{path}\n" for path in paths).encode()
        options = ("-w", "--no-filters", "--stdin-paths")
        output = _git(root, "hash-object", *options, stdin=query)
    blobs = [name[:12] for name in output.decode().split()]
    now = time.strftime("%Y-%m-%d %H:%M:%S")
    listing = f"{git_directory(root)}/remote-lab-kept"
    with open(listing, "a", encoding="utf-8", errors="surrogateescape") as file:
        for name, blob in zip(contents, blobs, strict=True):
            file.write(f"{now}  git show {blob}  # {name}.py\n")
    return dict(zip(contents, blobs, strict=True))


def _names(output: bytes) -> set[str]:
    return {
        name.decode("utf-8", "surrogateescape") for name in output.split(b"\0") if name
    }


def _git(root: str, *words: str, stdin: bytes = b"") -> bytes:
    done = subprocess.run(
        ["git", "--no-optional-locks", *words],
        cwd=root,
        input=stdin,
        capture_output=True,
        check=False,
    )
    if done.returncode:
        reason = done.stderr.decode(errors="replace").strip()
        raise Failure(
            f"git {words[0]} failed: {reason}\n"
            "Nothing was changed. Fix that, and repeat the command."
        )
    return done.stdout
