"""What the user reads: which file, what is wrong, what is as it was, what to type."""

import os
from shlex import quote

from remote_lab.pairs.links import Former
from remote_lab.pairs.pair import Treated
from remote_lab.pairs.sync_state import Stats
from remote_lab.pairs.verdict import Verdict


def followed(treated: Treated, written: list[str], kept: str) -> str:
    """A pair was brought in sync.

    Args:
        treated: The pair.
        written: The files that were changed.
        kept: The name under which git has what was overwritten.
    """
    script, notebook = _files(treated.name)
    cells = treated.formatted
    if treated.verdict is Verdict.NOTEBOOK:
        text = f"{script}: has the cells of {notebook} now"
    elif treated.verdict is Verdict.SCRIPT and notebook in written:
        text = f"{notebook}: has the cells of {script} now"
    else:
        text = f"{' and '.join(written)}: cleaned for git"
    if cells:
        text += f"; black changed {cells} cell{'s' if cells > 1 else ''}"
    return f"{text} (before: git show {kept})." if kept else f"{text}."


def former(found: Former, root: str) -> str:
    """Git deleted or replaced notebooks that it ignored.

    Args:
        found: Which ones.
        root: The project's folder.
    """
    names = ", ".join(sorted(found.paths))
    if found.tree:
        text = (
            f"The worktree {found.tree} was removed. Its notebooks were kept: {names}."
        )
        copy = f"cp -R {quote(found.folder)} {quote(f'notebooks-of-{found.tree}')}"
    else:
        text = f"{names}: deleted or replaced. The former content was kept."
        # The paths below both folders are the same.
        copy = f"cp -R {quote(found.folder)}/. {quote(os.path.abspath(root))}"
    return f"{text} For 14 days, this copies it back:\n  {copy}"


def to_add(files: list[str]) -> str:
    """The commit lacks what was changed."""
    names = " ".join(map(quote, sorted(set(files))))
    return f"Nothing is committed yet. Look at it (git diff), then: git add {names}"


def lacks(path: str) -> str:
    """Only one side of a pair is in the commit."""
    return f"{path}: the commit has the other side of its pair, and not this one."


def unreadable(path: str, why: str, there: Stats) -> str:
    """A file can't be read as a notebook.

    Args:
        path: The file.
        why: What is wrong with it.
        there: Which files of its pair there are.
    """
    script, notebook = _files(path.rpartition(".")[0])
    if path.endswith(".py"):
        way, other = (
            f"take the notebook's cells: {_way('notebook', notebook)}",
            there[1],
        )
    else:
        way, other = f"make it anew: {_way('script', script)}", there[0]
    either = f"Fix it, or {way}" if other else "Mend it, or delete it."
    return f"{path}: {why}. Nothing was touched.\n  {either}"


def not_ours(path: str) -> str:
    """A file that the user named can't be one side of a pair."""
    return f"{path}: no notebook in Python. It is left alone."


def refusal(treated: Treated, there: Stats, part: bool) -> str:
    """Nobody but the user can know which side is right.

    Args:
        treated: The pair.
        there: Which of its files there are.
        part: Whether the script may be an older one, that was staged.
    """
    script, notebook = _files(treated.name)
    if treated.verdict is Verdict.BOTH:
        again = " If you saved the script once more, add it once more." if part else ""
        return (
            f"{script} and {notebook}: both were edited, and differ. Neither was"
            f" touched.{again}\n{_ways(script, notebook)}"
        )
    gone, kept, side = script, notebook, "notebook"
    if there.script:
        gone, kept, side = notebook, script, "script"
    return (
        f"{gone}: was deleted or renamed, and {kept} is still there. Nothing was"
        " touched.\n"
        f"  To delete {kept}, too: rm {quote(kept)}\n"
        f"  To have {gone} again: {_way(side, kept)}"
    )


def left(treated: Treated) -> str:
    """A notebook that was edited does not follow its script."""
    script, notebook = _files(treated.name)
    if treated.verdict is Verdict.NOTEBOOK:
        return f"{notebook}: has edits that {script} lacks: ./remote pairs"
    return (
        f"{notebook}: was edited, and so was {script}: it is left as it is.\n"
        f"{_ways(script, notebook)}"
    )


def differs(treated: Treated) -> str:
    """A pair does not agree."""
    if treated.unreadable:
        return "{}: {}".format(*treated.unreadable)
    assert treated.verdict
    return f"{treated.name}.py and {treated.name}.ipynb: {treated.verdict.value}."


def in_step(count: int) -> str:
    """All is well."""
    return f"{count} pair{'' if count == 1 else 's'} in notebooks/, all in sync."


def _files(name: str) -> tuple[str, str]:
    return f"{name}.py", f"{name}.ipynb"


def _ways(script: str, notebook: str) -> str:
    return (
        f"  To keep the script's cells:   {_way('script', script)}\n"
        f"  To keep the notebook's cells: {_way('notebook', notebook)}"
    )


def _way(side: str, path: str) -> str:
    return f"./remote pairs --from {side} {quote(path)}"
