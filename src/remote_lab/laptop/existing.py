"""A project that was there before Remote Lab was added to it.

All that it has is the user's: nothing is staged or committed before they do it. These
are the commands for that.
"""

import re
from pathlib import Path
from shlex import join, quote

from remote_lab.errors import Problem
from remote_lab.laptop.answers import Answers
from remote_lab.settings import Project
from remote_lab.tools.programs import run, succeeds

ENDING = ".remote-lab"
# What the template may have written, but for its examples.
FILES = [
    ".gitattributes",
    ".github/workflows/update-remote-lab.yml",
    ".gitignore",
    ".pre-commit-config.yaml",
    "README.md",
    "data/README.md",
    "environment.yml",
    "environment/etc",
    "environment/share",
    "home/laptop",
    "home/remote",
    "jupytext.toml",
    "notebooks/00-start.py",
    "notebooks/README.md",
    "pyproject.toml",
    "remote",
    "remote.toml",
    "results/README.md",
    "tests/test_package.py",
    "uv.lock",
]
# Lines are added at the end: nothing of the user's changes.
APPENDED = (".gitignore",)


def kept(project: Project) -> list[str] | None:
    """The template's paths that are the user's; None in a project of the template."""
    try:
        return Answers(project).kept
    except Problem:
        return None


def to_type(project: Project) -> str:
    """What to type before the setup goes on; empty if nothing.

    Args:
        project: The project.
    """
    mine = kept(project)
    root = project.root
    own = (root / ".git").exists()
    committed = succeeds(["git", "cat-file", "-e", "HEAD:./remote.toml"], root)
    if mine is None or (own and committed):
        return ""
    lines = ["Your files are as they were; nothing was staged or committed."]
    beside = [name for name in mine if (root / f"{name}{ENDING}").is_file()]
    read = [
        name + ENDING for name in beside if name not in (*APPENDED, "pyproject.toml")
    ]
    if read:
        lines += ["Take from these what you like: " + ", ".join(read)]
    if ".pre-commit-config.yaml" in beside:
        lines += ["  (of the hooks: `notebooks` and `lock`, below your `repos:`)"]
    commands = [] if own else ["git init -q -b main"]
    if commands and (above := _above(root)):
        lines += [
            f"This folder is part of the git repository {above}. Remote Lab pushes a",
            "repository as a whole, so the first line gives the folder its own.",
        ]
    commands += [
        f"(echo; cat {name}{ENDING}) >>{name}" for name in APPENDED if name in beside
    ]
    if "pyproject.toml" in mine and project.environment == "uv":
        if not _has_project_table(root):
            lines += [
                "uv needs a table [project] in pyproject.toml, which yours has not:",
                "  a poetry project: uvx migrate-to-uv   any other: uv init --bare",
            ]
        commands += [
            "uv add --dev ipykernel pre-commit",
            "uv add --group lab jupyterlab jupytext",
            "uv add --group bootstrap 'uv>=0.9,<0.15'",
        ]
    elif project.environment == "uv" and not (root / "uv.lock").exists():
        commands += ["uv lock"]
    if beside:
        commands += [join(["rm", *(name + ENDING for name in beside)])]
    commands += [_add(project, mine, beside)]
    commands += ["git commit -m 'Add Remote Lab'", "./remote setup"]
    return "\n".join([*lines, "Next:", *(f"  {command}" for command in commands)])


def _above(root: Path) -> str:
    """The repository that a folder is part of; empty if none."""
    look = ["git", "rev-parse", "--show-toplevel"]
    return run(look, root).strip() if succeeds(look, root) else ""


def _has_project_table(root: Path) -> bool:
    path = root / "pyproject.toml"
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    return bool(re.search(r"^\[project\]", text, re.MULTILINE))


def _add(project: Project, mine: list[str], beside: list[str]) -> str:
    """The `git add` of what is Remote Lab's, and of what the commands change."""
    root, package = project.root, "src/" + project.slug.replace("-", "_")
    changed = {name for name in APPENDED if name in beside}
    if project.environment == "uv":
        changed |= {"pyproject.toml", "uv.lock"}
    answers = Answers(project).path.name
    names = [answers, *FILES, *([package] if "src" not in mine else [])]
    paths = [
        name
        for name in names
        if name in changed or (name not in mine and (root / name).exists())
    ]
    ignored = [
        name for name in paths if succeeds(["git", "check-ignore", "-q", name], root)
    ]
    return " ".join(["git add", *(quote(p) for p in paths if p not in ignored)])
