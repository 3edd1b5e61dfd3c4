"""The address that a project's updates and its program come from."""

import json
import shlex
import stat
import tempfile

from remote_lab.errors import Problem
from remote_lab.laptop.answers import Answers, Change, macros
from remote_lab.settings import Project
from remote_lab.tools.files import write_whole
from remote_lab.tools.programs import run

NOTHING = "Nothing was changed."
# The files that name the address, besides the file with the answers.
NAMED = ("remote", ".pre-commit-config.yaml")


def move(project: Project, typed: str) -> list[str]:
    """Have a project take its updates and its program from another address.

    Args:
        project: The project, committed.
        typed: The address, in any form that Copier takes.

    Returns:
        The files that were changed, from the project's root.

    Raises:
        Problem: The address can't be reached, or does not have the project's version.
    """
    answers = Answers(project)
    source = macros("source")
    former = str(answers.values["_src_path"])
    version = answers.values.get("_commit")
    if not version:
        raise Problem(
            f"The template was a folder without git, {former}: no version is known.",
            NOTHING,
            f"uvx copier copy --trust --skip-tasks --overwrite {shlex.quote(typed)} ."
            "   (then see git diff)",
        )
    old, new = (str(source.url(address)).strip() for address in (former, typed))
    _refuse_without_version(new, typed, str(version), _pinned(project))
    answers.values["_src_path"] = str(source.absolute(typed)).strip()
    found = [Change(answers.path, answers.text())]
    for name in NAMED:
        path = project.root / name
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        if name == "remote" and old not in text:
            raise Problem(
                f"./remote does not name the address of the answers file, {old}.",
                NOTHING,
                f"Put git = {json.dumps(old)} back into the file remote, commit that,"
                f" then: ./remote update --source {shlex.quote(typed)}",
            )
        if old in text:
            found.append(Change(path, text.replace(old, new)))
    for change in found:
        mode = stat.S_IMODE(change.path.stat().st_mode)
        write_whole(change.path, change.text or "", mode)
    return [str(change.path.relative_to(project.root)) for change in found]


def _pinned(project: Project) -> str:
    """The full commit that ./remote pins; empty if it names none."""
    text = (project.root / "remote").read_text(encoding="utf-8")
    _, found, rest = text.partition('rev = "')
    return rest.partition('"')[0] if found else ""


def _refuse_without_version(url: str, typed: str, version: str, pinned: str) -> None:
    """Refuse an address that does not have the commit of the project's version.

    Raises:
        Problem: It can't be reached, or does not have it.
    """
    with tempfile.TemporaryDirectory() as folder:
        try:
            run(["git", "clone", "-q", "--bare", url, folder])
        except Problem as error:
            raise Problem(
                f"{typed} can't be reached as a git repository. {error.what}",
                NOTHING,
                f"Check the address: git ls-remote {shlex.quote(url)}",
            ) from None
        try:
            look = ["git", "-C", folder, "rev-parse", "-q", "--verify"]
            run([*look, f"{pinned or version}^{{commit}}"])
        except Problem:
            raise Problem(
                f"{typed} does not have the version that the project is at, {version}.",
                NOTHING,
                "Push the template's commits and tags there, then try again.",
            ) from None
