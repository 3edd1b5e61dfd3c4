"""The template with its history and its releases, to update projects from and to.

The working tree, uncommitted changes included, is the newest release: a commit on top.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

from image import cache_folder
from render import ROOT, template

# What the versions that people may have are called, and their commits.
RELEASES = {
    "v0.1.0": "05d0e6c",
    "notebooks": "df382f1",  # the pairs; the program still lies in projects
    "places": "47f8655",  # everything of a project lies below remote-lab/
}
NEWEST = "v99.0.0"


@cache
def releases() -> Path:
    """A clone of this repository whose tag `NEWEST` is the template as it stands here.

    Its address follows from what it holds, so that it is made once for all processes.
    """
    newest = template()
    head = _git(ROOT, "rev-parse", "HEAD")
    store = cache_folder() / "releases"
    final = store / f"{head[:12]}-{newest.name[:12]}"
    if final.exists():
        return final
    store.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(dir=store, prefix="new."))
    _git(fresh, "clone", "-q", "--no-checkout", "--no-tags", str(ROOT), ".")
    _git(fresh, "fetch", "-q", str(newest), "HEAD")
    tree = _git(fresh, "rev-parse", "FETCH_HEAD^{tree}")
    commit = _git(fresh, "commit-tree", tree, "-p", head, "-m", "The newest release")
    _git(fresh, "checkout", "-q", "-B", "main", commit)
    _git(fresh, "tag", NEWEST)
    for name, at in RELEASES.items():
        if name.startswith("v"):
            _git(fresh, "tag", name, at)
    try:
        fresh.rename(final)
    except OSError:  # another process has made it
        shutil.rmtree(fresh)
    return final


def reference(release: str) -> str:
    """The tag or commit of a release, for `copier copy --vcs-ref`."""
    return release if release.startswith("v") else RELEASES[release]


def _git(folder: Path, *words: str) -> str:
    """Run git with the same identity and dates always: so its commits are the same."""
    identity = {
        f"GIT_{who}_{what}": value
        for who in ("AUTHOR", "COMMITTER")
        for what, value in {
            "NAME": "Test",
            "EMAIL": "test@example.org",
            "DATE": "2026-01-01T00:00Z",
        }.items()
    }
    done = subprocess.run(
        ["git", *words],
        cwd=folder,
        env={**os.environ, **identity},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return done.stdout.strip()
