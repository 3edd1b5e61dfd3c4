"""What git knows: the pairs of its last commit and of its index, and what to keep."""

import os
import subprocess
from collections.abc import Iterable

from remote_lab.pairs.sync_state import Failure, git_directory

MISSING = b"missing"
MANY = 500


def texts(root: str, revision: str, paths: Iterable[str]) -> dict[str, str]:
    """What files hold in a commit, or in the index.

    Args:
        root: The project's folder.
        revision: HEAD, or nothing for the index, or :2 for our side of a conflict.
        paths: The files.

    Returns:
        The text of each that is there.
    """
    names = list(paths)
    if not names:
        return {}
    told = _blobs(root, [f"{revision}:{name}" for name in names])
    return {
        name: text for name, text in zip(names, told, strict=True) if text is not None
    }


def versions(root: str, commits: Iterable[str], path: str) -> list[str]:
    """The texts that a file has in some commits, each once.

    Args:
        root: The project's folder.
        commits: Where to look; git may have deleted some of them.
        path: The file.
    """
    asked = "".join(f"{commit}:{path}\n" for commit in dict.fromkeys(commits))
    if not asked:
        return []
    stdin = asked.encode(errors="surrogateescape")
    told = _git(root, "cat-file", "--batch-check", stdin=stdin).splitlines()
    blobs = {
        line.split()[0].decode() for line in told if line.split()[1:2] == [b"blob"]
    }
    return [text for text in _blobs(root, sorted(blobs)) if text is not None]


def commits_of(root: str, path: str) -> list[str]:
    """The commits below HEAD that changed a file; of many, the last ones."""
    words = ("log", "--format=%H", "--full-history", f"--max-count={MANY}")
    try:
        return _git(root, *words, "HEAD", "--", path).decode().split()
    except Failure:  # there is no commit yet
        return []


def _blobs(root: str, names: list[str]) -> list[str | None]:
    """The texts of some objects; None where there is none, or it is no file."""
    if not names:
        return []
    asked = "".join(f"{name}\n" for name in names)
    told = _git(
        root, "cat-file", "--batch", stdin=asked.encode(errors="surrogateescape")
    )
    found: list[str | None] = []
    at = 0
    for _ in names:
        end = told.index(b"\n", at)
        head = told[at:end].split()
        at = end + 1
        if head[-1] == MISSING:
            found.append(None)
            continue
        size = int(head[2])
        text = told[at : at + size].decode("utf-8-sig", "replace")
        found.append(text if head[1] == b"blob" else None)
        at += size + 1
    return found


def staged(root: str, folder: str) -> set[str]:
    """The files below a folder that the commit to be made changes."""
    options = ("--cached", "--name-only", "--no-renames", "-z")
    return _names(_git(root, "diff", *options, "--", folder))


def tracked(root: str, paths: list[str]) -> set[str]:
    """Those of some files that the index has."""
    if not paths:
        return set()
    return _names(_git(root, "ls-files", "-z", "--", *paths))


def keep(root: str, contents: dict[str, str]) -> dict[str, str]:
    """Store texts in git, where nothing else has them: for two weeks at the least.

    What was kept is noted in the git directory, in the file remote-lab-kept.

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
        asked = "".join(f"{path}\n" for path in paths).encode()
        options = ("-w", "--no-filters", "--stdin-paths")
        told = _git(root, "hash-object", *options, stdin=asked)
    blobs = [name[:12] for name in told.decode().split()]
    now = time.strftime("%Y-%m-%d %H:%M:%S")
    noted = f"{git_directory(root)}/remote-lab-kept"
    with open(noted, "a", encoding="utf-8", errors="surrogateescape") as file:
        for name, blob in zip(contents, blobs, strict=True):
            file.write(f"{now}  git show {blob}  # {name}.py\n")
    return dict(zip(contents, blobs, strict=True))


def _names(told: bytes) -> set[str]:
    return {
        name.decode("utf-8", "surrogateescape") for name in told.split(b"\0") if name
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
        said = done.stderr.decode(errors="replace").strip()
        raise Failure(f"git {words[0]} failed, and nothing was changed: {said}")
    return done.stdout
