"""The messages: which file, what is wrong, what is unchanged, what to type."""

import os
from shlex import quote

from remote_lab.pairs.links import Rescued
from remote_lab.pairs.pair import Result
from remote_lab.pairs.sync_state import Stats
from remote_lab.pairs.verdict import Verdict


def synced(result: Result, written: list[str], stored: str) -> str:
    """A pair was brought in sync.

    Args:
        result: The pair.
        written: The files that were changed.
        stored: The name under which git has the overwritten cells; empty if none were.
    """
    script, notebook = _files(result.name)
    cells = result.formatted
    if result.verdict is Verdict.NOTEBOOK:
        text = f"{script}: has the cells of {notebook} now"
    elif result.verdict is Verdict.SCRIPT and notebook in written:
        text = f"{notebook}: has the cells of {script} now"
    else:
        text = f"{' and '.join(written)}: cleaned for git"
    if cells:
        text += f"; black changed {cells} cell{'s' if cells > 1 else ''}"
    return f"{text} (before: git show {stored})." if stored else f"{text}."


def rescued(found: Rescued, root: str) -> str:
    """Git deleted or replaced notebooks that it ignored.

    Args:
        found: Which ones.
        root: The project's folder.
    """
    names = ", ".join(sorted(found.paths))
    if found.worktree:
        text = (
            f"The worktree {found.worktree} was removed. Its notebooks were kept:"
            f" {names}."
        )
        target = quote(f"notebooks-of-{found.worktree}")
        copy = f"cp -R {quote(found.folder)} {target}"
    else:
        text = f"{names}: deleted or replaced. The former content was kept."
        # The paths below both folders are the same.
        copy = f"cp -R {quote(found.folder)}/. {quote(os.path.abspath(root))}"
    return f"{text} For 14 days, this command copies it back:\n  {copy}"


def to_add(files: list[str]) -> str:
    """Files were changed, and are to be added before the next try."""
    names = " ".join(map(quote, sorted(set(files))))
    return (
        "Nothing is committed yet. Review the changes (git diff), then type:"
        f" git add {names}"
    )


def missing_side(path: str) -> str:
    """Only the other side of this pair is in the commit."""
    return f"{path}: is not in the commit, but the other side of its pair is."


def unreadable(path: str, reason: str, existing: Stats) -> str:
    """A file can't be read as a notebook.

    Args:
        path: The file.
        reason: What is wrong with it.
        existing: Which files of its pair exist.
    """
    script, notebook = _files(path.rpartition(".")[0])
    if path.endswith(".py"):
        command, other = _keep("notebook", notebook), existing.notebook
        choice = f"Fix it, or overwrite it with the notebook's cells: {command}"
    else:
        command, other = _keep("script", script), existing.script
        choice = f"Fix it, or make it again from the script: {command}"
    if not other:
        choice = "Fix it, or delete it."
    return f"{path}: {reason}. Neither side was changed.\n  {choice}"


def not_a_pair(path: str) -> str:
    """A file that the user named can't be one side of a pair."""
    return f"{path}: is not a Python notebook. It was not changed."


def refusal(result: Result, existing: Stats, may_be_staged: bool) -> str:
    """The user has to choose the side that is right.

    Args:
        result: The pair.
        existing: Which of its files exist.
        may_be_staged: Whether the script may be the staged one, and not the latest.
    """
    script, notebook = _files(result.name)
    if result.verdict is Verdict.BOTH:
        again = ""
        if may_be_staged:
            again = " If you edited the script after git add, add it again."
        return (
            f"{script} and {notebook}: both were edited, and differ. Neither was"
            f" changed.{again}\n{_choices(script, notebook)}"
        )
    missing, kept, side = script, notebook, "notebook"
    if existing.script:
        missing, kept, side = notebook, script, "script"
    return (
        f"{missing}: was deleted or renamed, and {kept} still exists. Nothing was"
        " changed.\n"
        f"  To delete {kept}, too: rm {quote(kept)}\n"
        f"  To make {missing} again: {_keep(side, kept)}"
    )


def not_updated(result: Result) -> str:
    """An edited notebook was not updated from its script."""
    script, notebook = _files(result.name)
    if result.verdict is Verdict.NOTEBOOK:
        return f"{notebook}: has edits that {script} lacks. Type: ./remote pairs"
    return (
        f"{notebook}: was edited, and so was {script}. Neither was changed.\n"
        f"{_choices(script, notebook)}"
    )


def out_of_sync(result: Result) -> str:
    """A pair is not in sync."""
    if result.unreadable:
        return "{}: {}".format(*result.unreadable)
    state = result.verdict.value if result.verdict else "not in sync"
    return f"{result.name}.py and {result.name}.ipynb: {state}."


def all_in_sync(count: int) -> str:
    """All pairs are in sync."""
    return f"{count} pair{'' if count == 1 else 's'} in notebooks/, all in sync."


def _files(name: str) -> tuple[str, str]:
    return f"{name}.py", f"{name}.ipynb"


def _choices(script: str, notebook: str) -> str:
    return (
        f"  To keep the script's cells:   {_keep('script', script)}\n"
        f"  To keep the notebook's cells: {_keep('notebook', notebook)}"
    )


def _keep(side: str, path: str) -> str:
    return f"./remote pairs --from {side} {quote(path)}"
