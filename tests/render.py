"""Rendering the template in tests: as it stands here, uncommitted changes included."""

import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from copier import Settings, run_copy
from image import cache_folder, hold_cache
from jinja2 import FileSystemLoader, StrictUndefined
from jinja2.sandbox import SandboxedEnvironment

ROOT = Path(__file__).resolve().parents[1]
# Copier takes an answer to a question that does not exist in silence.
QUESTIONS: dict[str, dict[str, Any]] = {
    name: question
    for name, question in yaml.safe_load((ROOT / "copier.yml").read_text()).items()
    if not name.startswith("_")
}


def environment() -> SandboxedEnvironment:
    """Jinja as copier.yml sets it up, for what is too much to render in full."""
    return SandboxedEnvironment(
        loader=FileSystemLoader(ROOT),
        undefined=StrictUndefined,
        extensions=["jinja2_ansible_filters.AnsibleCoreFiltersExtension"],
        trim_blocks=True,
        lstrip_blocks=True,
    )


def snapshot(folder: Path) -> Path:
    """A copy of the template without its history, with what is not yet committed.

    Args:
        folder: Where to put it; made new.

    Returns:
        The folder.
    """
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    for name in sorted(set(filter(None, listed.stdout.split("\0")))):
        source, target = ROOT / name, folder / name
        if source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(source.read_bytes())
            target.chmod(source.stat().st_mode)
    return folder


def released(folder: Path, tag: str = "1.0.0") -> Path:
    """The same as a git repository of one tagged commit, which updates can start from.

    Args:
        folder: Where to put it; made new.
        tag: The release's name.

    Returns:
        The folder.
    """
    snapshot(folder)
    # Always the same commit of the same files: so uv and pre-commit build once from it.
    dates = {f"GIT_{who}_DATE": "2026-01-01T00:00Z" for who in ("AUTHOR", "COMMITTER")}
    for command in (
        ["init", "-q", "-b", "main"],
        ["add", "-A"],
        ["-c", "user.name=t", "-c", "user.email=t@t", "commit", "-q", "-m", tag],
        ["tag", tag],
    ):
        env = {**os.environ, **dates}
        subprocess.run(["git", *command], cwd=folder, check=True, env=env)
    return folder


@cache
def template() -> Path:
    """The template as it stands here, in a git repository whose address stays.

    A project pins the program by that address and commit: what uv and pre-commit build
    from them is built once, and is there for all tests.
    """
    hold_cache()
    store = cache_folder() / "templates"
    store.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(dir=store, prefix="new."))
    released(fresh)
    look = ["git", "rev-parse", "HEAD"]
    commit = subprocess.run(look, cwd=fresh, check=True, capture_output=True, text=True)
    final = store / commit.stdout.strip()
    try:
        fresh.rename(final)
    except OSError:  # another process has made it
        shutil.rmtree(fresh)
    return final


def render(template: Path, folder: Path, /, **answers: Any) -> Path:
    """Make a project, as `copier copy --defaults --skip-tasks --data ...` does.

    Args:
        template: What snapshot() or released() returned.
        folder: Where the project goes.
        **answers: To the questions of copier.yml; the others keep their defaults.

    Returns:
        The project's folder.

    Raises:
        ValueError: An answer was refused.
    """
    unknown = set(answers) - set(QUESTIONS)
    assert not unknown, f"copier.yml has no question {unknown}"
    run_copy(
        str(template),
        folder,
        data=answers,
        settings=Settings(),
        defaults=True,
        overwrite=True,
        skip_tasks=True,
        quiet=True,
    )
    return folder
