"""Rendering the template in tests: as it stands here, uncommitted changes included."""

import subprocess
from pathlib import Path
from typing import Any

import yaml
from copier import Settings, run_copy

ROOT = Path(__file__).resolve().parents[1]
# Copier takes an answer to a question that does not exist in silence.
QUESTIONS: dict[str, dict[str, Any]] = {
    name: question
    for name, question in yaml.safe_load((ROOT / "copier.yml").read_text()).items()
    if not name.startswith("_")
}


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
    for command in (
        ["init", "-q", "-b", "main"],
        ["add", "-A"],
        ["-c", "user.name=t", "-c", "user.email=t@t", "commit", "-q", "-m", tag],
        ["tag", tag],
    ):
        subprocess.run(["git", *command], cwd=folder, check=True)
    return folder


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
