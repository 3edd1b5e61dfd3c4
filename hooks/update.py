"""What Copier runs before and after an update: no edit of the user's is lost silently.

Copier merges the user's edits into what the template brings. It leaves three kinds to
us: edits in a file that the template has removed or moved, files that git ignores, and
a project that is no longer what its answers say. It runs under Copier's own Python, 3.9
or later, in the project's folder:

    update.py before SOURCE ANSWERS_FILE PROJECT_SLUG
    update.py after SOURCE ANSWERS_FILE

SOURCE is the template's new version, PROJECT_SLUG what was given with `-d`, or empty.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

from update_edits import edited, merge, moved, refusal, template_paths

KEPT = "before-update"  # the folder for edits that have no other place


def git(*words: str, input: bytes = b"") -> bytes:
    """Run git in the project, and return its output.

    Raises:
        subprocess.CalledProcessError: It failed; it has said why.
    """
    command = ["git", "-c", "core.quotePath=false", *words]
    return subprocess.run(
        command, check=True, input=input, stdout=subprocess.PIPE
    ).stdout


def paths(*words: str) -> set[str]:
    """The paths that a git command prints with -z."""
    return set(filter(None, os.fsdecode(git(*words)).split("\0")))


def say(text: str) -> None:
    print(text, file=sys.stderr)


def answers(file: str) -> dict[str, Any]:
    """The answers that the project was made from."""
    import yaml  # Copier's own

    found: dict[str, Any] = yaml.safe_load(git("show", f"HEAD:./{file}"))
    return found


# --- Before ---------------------------------------------------------------------------


def before(source: str, answers_file: str, wanted: str) -> int:
    """Refuse what would go wrong; let Copier merge what git ignores.

    Returns:
        The exit status: with 1, Copier ends, and nothing is changed.
    """
    recorded = answers(answers_file)
    toml = Path("remote.toml")
    settings = toml.read_text(encoding="utf-8") if toml.is_file() else ""
    slug = str(recorded.get("project_slug", ""))
    there = [path.name for path in Path().iterdir()]
    why = refusal(there, settings, slug, wanted)
    if why:
        say(f"{why}\nNothing was changed.")
        return 1
    for path in sorted(ignored(source, str(recorded["_commit"]), slug)):
        git("add", "--force", "--", path)
        say(f"git ignores {path}, but the template has it too: it is merged.")
    return 0


def ignored(source: str, commit: str, slug: str) -> set[str]:
    """The files that git does not know, and that an update would overwrite."""
    listed = set()
    for version in (commit, "HEAD"):
        look = ["git", "ls-tree", "-rz", "--name-only", f"{version}:template"]
        done = subprocess.run(look, cwd=source, check=False, capture_output=True)
        listed |= set(filter(None, os.fsdecode(done.stdout).split("\0")))
    candidates = sorted(
        path
        for path in template_paths(listed, slug)
        if Path(path).is_file() and not any(map(Path.is_symlink, Path(path).parents))
    )
    return set(candidates) - paths("ls-files", "-z") if candidates else set()


# --- After ----------------------------------------------------------------------------


def after(answers_file: str) -> None:
    """Bring back the edits that the update has taken away, and tell what it did."""
    tracked = paths("ls-tree", "-rz", "--name-only", "HEAD")
    mine = take_out_of_index(paths("ls-files", "-z") - tracked)
    deleted = ("diff", "-z", "--relative", "--name-only", "--diff-filter=D", "HEAD")
    mine.update(committed(paths(*deleted)))
    gone = {path: text for path, text in mine.items() if not Path(path).exists()}
    if not gone:
        return
    recorded = answers(answers_file)
    slug = str(recorded["project_slug"])
    with tempfile.TemporaryDirectory() as folder:
        old = Path(folder)
        render(recorded, old)
        for path, content in sorted(edited(gone, old).items()):
            new = moved(path, slug)
            carry(path, content, old, new if new not in tracked else None)
        stay_deleted(old, tracked, slug)


def committed(wanted: set[str]) -> dict[str, bytes]:
    """What files of the last commit hold."""
    if not wanted:
        return {}
    packed = io.BytesIO(git("archive", "HEAD", "--", *sorted(wanted)))
    found = {}
    with tarfile.open(fileobj=packed) as archive:
        for member in archive:
            file = archive.extractfile(member) if member.isfile() else None
            if file:
                found[member.name] = file.read()
    return found


def take_out_of_index(added: set[str]) -> dict[str, bytes]:
    """Undo what `before` did to the index.

    Returns:
        What the user had in these files before the update.
    """
    if not added:
        return {}
    mine = {}
    for entry in paths("ls-files", "-sz", "--", *added):
        about, path = entry.split("\t", 1)
        _, blob, stage = about.split()
        if stage in ("0", "2"):  # 2: Copier has marked it as unmerged
            mine[path] = git("cat-file", "blob", blob)
        if stage == "2":
            say(f"{path}, which git ignores, has a conflict to resolve.")
    git("reset", "-q", "--", *sorted(added))
    return mine


def render(recorded: dict[str, Any], folder: Path) -> None:
    """Make the project as its template had made it."""
    import copier

    copier.run_copy(
        recorded["_src_path"],
        folder,
        data={key: value for key, value in recorded.items() if key[0] != "_"},
        vcs_ref=recorded["_commit"],
        defaults=True,
        overwrite=True,
        quiet=True,
        skip_tasks=True,
        unsafe=True,
    )


def carry(path: str, content: bytes, old: Path, new: str | None) -> None:
    """Put the edits of a file that is gone where they belong, or keep them aside.

    Args:
        path: The file.
        content: What the user had in it.
        old: The project as its template had made it.
        new: Where the template has the file now, if anywhere, and the user has none.
    """
    base, place = old / path, Path(new or "")
    if (
        new
        and place.is_file()
        and base.is_file()
        and new not in paths("ls-files", "-z")
    ):
        theirs = place.read_bytes()
        merged, conflict = merge(content, base.read_bytes(), theirs)
        place.write_bytes(merged)
        if conflict:
            mark_unmerged(new, (base.read_bytes(), content, theirs))
            say(f"{path} is {new} now; your edit is in it, with a conflict to resolve.")
        else:
            say(f"{path} is {new} now, with your edit.")
        return
    kept = Path(KEPT, path)
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_bytes(content)
    say(f"The template no longer has {path}; yours, with your edit, is now {kept}.")


def mark_unmerged(path: str, contents: tuple[bytes, ...]) -> None:
    """Have `git status` call a file unmerged, as Copier does.

    Args:
        path: The file.
        contents: What the template had, what the user had, what the template has.
    """
    prefix = os.fsdecode(git("rev-parse", "--show-prefix")).strip()
    lines = []
    for stage, content in enumerate(contents, start=1):
        blob = git("hash-object", "-w", "--stdin", input=content).decode().strip()
        lines.append(f"100644 {blob} {stage}\t{prefix}{path}\n")
    git("update-index", "--index-info", input=os.fsencode("".join(lines)))


def stay_deleted(old: Path, tracked: set[str], slug: str) -> None:
    """Delete the moved files that the user had deleted at their old place."""
    for file in sorted(old.rglob("*")):
        path = str(file.relative_to(old))
        new = moved(path, slug)
        if new and file.is_file() and path not in tracked and new not in tracked:
            Path(new).unlink(missing_ok=True)
            say(f"{path} is {new} now; you had deleted it, and it stays deleted.")


if __name__ == "__main__":
    stage, *given = sys.argv[1:]
    if stage == "before":
        sys.exit(before(*given))
    after(given[1])
