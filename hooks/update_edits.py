"""What an update would lose of a user's edits, beyond what Copier merges.

Functions about paths and contents, for hooks/update.py: none changes anything. They run
under Copier's own Python, 3.9 or later.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

# Folders of template/ that were renamed: {} is the project's short name.
MOVED = {
    "home/laptop/.config/{}/": "home/laptop/.config/remote-lab/{}/",
    "home/remote/.config/{}/": "home/remote/.config/remote-lab/{}/",
}
NEEDED = ("remote", "remote.toml")
SLUG = re.compile(r'^slug = "([a-z0-9-]+)"', re.MULTILINE)


def refusal(
    there: Iterable[str], settings: str, recorded: str, wanted: str
) -> str | None:
    """Why a project must not be updated as it is, and what to type; None if it may.

    Args:
        there: The paths that the project has.
        settings: Its remote.toml.
        recorded: The short name in its answers file.
        wanted: Another one, given with `-d project_slug=...`; empty if none was.
    """
    gone = sorted(set(NEEDED) - set(there))
    if gone:
        back = (f'git checkout "$(git rev-list -1 HEAD -- {x})~" -- {x}' for x in gone)
        return (
            f"The project has no {' and no '.join(gone)}, which every project needs."
            f"\nTo bring it back: {' && '.join(back)} && git commit -m 'Bring it back'"
        )
    found = SLUG.search(settings)
    current = found[1] if found else recorded
    for new, where in ((wanted, "-d project_slug"), (recorded, "the answers file")):
        if new and new != current:
            return (
                f'{where} has "{new}", but the project is "{current}". A project keeps'
                " its short name: laptop and remotes have folders and services of that"
                " name. project_name may change. To move to another short name: see"
                ' "Another name" in docs/updates.md of Remote Lab.'
            )
    return None


def template_paths(listed: Iterable[str], slug: str) -> set[str]:
    """The paths that files of template/ have in a project.

    Args:
        listed: Paths below template/, as the template's repository has them.
        slug: The project's short name.
    """
    package = slug.replace("-", "_")
    paths = set()
    for path in listed:
        path = path.replace("{{ project_slug }}", slug)
        path = path.replace("{{ package_name }}", package)
        if "{{" not in path:
            paths.add(path[: -len(".jinja")] if path.endswith(".jinja") else path)
    return paths


def moved(path: str, slug: str) -> str | None:
    """Where a file of the template is now, if its folder was renamed."""
    for old, new in MOVED.items():
        if path.startswith(old.format(slug)):
            return new.format(slug) + path[len(old.format(slug)) :]
    return None


def edited(mine: Mapping[str, bytes], old: Path) -> dict[str, bytes]:
    """Those of the user's files that differ from what the template had made.

    Args:
        mine: Paths and contents.
        old: A folder with what the template had made.
    """
    return {
        path: content
        for path, content in mine.items()
        if not (old / path).is_file() or (old / path).read_bytes() != content
    }


def merge(mine: bytes, base: bytes, new: bytes) -> tuple[bytes, bool]:
    """The user's edits in the template's new version of a file.

    Returns:
        The merged content, and whether it has conflict markers.
    """
    with tempfile.TemporaryDirectory() as folder:
        command = ["git", "merge-file", "-p"]
        versions = {"before updating": mine, "last update": base, "after updating": new}
        for label, content in versions.items():
            Path(folder, label).write_bytes(content)
            command += ["-L", label]
        command += versions
        done = subprocess.run(command, cwd=folder, check=False, stdout=subprocess.PIPE)
    if not 0 <= done.returncode < 128:
        raise OSError("git merge-file failed")
    return done.stdout, done.returncode > 0
