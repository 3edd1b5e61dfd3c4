# /// script
# requires-python = ">=3.11"
# dependencies = ["black==26.10.1", "jupytext==1.19.6", "tokenize-rt==6.2.0"]
# ///
"""Keeps each notebook and its script in sync.

Usage: python remote_lab/pairs [--root FOLDER] WORD [FILE...]. FOLDER is the project's,
by default the one that it is called in: this program may lie elsewhere.

  commit        pre-commit's hook: what is staged is formatted and in sync, or refused
  refresh       git's hooks after a commit, checkout, merge or rebase: notebooks follow
  sync          ./remote pairs: both ways, wherever that is safe
  check         ./remote pairs --check: only tells, for CI
  from-script, from-notebook FILE...      that side wins, for these pairs
  there pairs [--check | --from SIDE FILE...]   what is typed after ./remote on a remote
"""

import gc
import os
import sys

gc.disable()  # it would search what is being loaded, again and again, for nothing
# In place of this folder: the package is remote_lab.pairs, and so nothing in it hides
# a module of the same name. `python -I` has not put this folder there.
sys.path[: not sys.flags.safe_path] = [
    os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
]
# Of git's variables, those that name a repository. Git sets them for its hooks.
REPOSITORY = (
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_COMMON_DIR",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_NAMESPACE",
    "GIT_PREFIX",
)

from remote_lab.pairs.settings import settings  # noqa: E402
from remote_lab.pairs.sync_state import Failure, Record  # noqa: E402


def main(words: list[str]) -> int:
    """Do what a command line says.

    Args:
        words: The command line.

    Returns:
        The exit code: 0 all is well, 1 there is something for the user to do, 2 wrong
        usage.
    """
    root = os.getcwd()
    if words[:1] == ["--root"] and len(words) > 1:
        root, words = words[1], words[2:]
    match words:
        case ["there", "pairs", *typed]:
            word, files = _typed(typed)
        case ["there", *typed]:
            command = " ".join(["./remote", *typed[:1]])
            print(
                f"This is a remote, and {command} is for your laptop: type it there."
                "\n  Here: ./remote pairs",
                file=sys.stderr,
            )
            return 2
        case _:
            word, files = (words or [""])[0], words[1:]
    if word not in (
        "commit",
        "refresh",
        "sync",
        "check",
        "from-script",
        "from-notebook",
    ):
        print(__doc__, file=sys.stderr)
        return 2
    if word not in ("commit", "refresh"):  # typed by a user: it is about this project
        for name in REPOSITORY:
            os.environ.pop(name, None)
    try:
        return 0 if _do(root, word, files) else 1
    except Failure as failure:
        print(failure, file=sys.stderr)
    except OSError as error:  # the disk is full, a file is read-only, ...
        print(f"{error}. What was not written is as it was.", file=sys.stderr)
    return 1


def _typed(words: list[str]) -> tuple[str, list[str]]:
    """What is meant by the words after ./remote pairs; no word where they are wrong."""
    match words:
        case []:
            return "sync", []
        case ["--check"]:
            return "check", []
        case ["--from", "script" | "notebook" as side, _, *_]:
            return f"from-{side}", words[2:]
    return "", []


def _do(root: str, word: str, files: list[str]) -> bool:
    told = settings(root)
    git_has_both = told.notebooks_in_git != "scripts"
    if word == "refresh" and not git_has_both and (record := Record(root)).is_settled():
        record.mark(git_has_both)
        return True  # the most frequent case by far, and nothing more needs loading
    from remote_lab.pairs import messages
    from remote_lab.pairs.actions import Work
    from remote_lab.pairs.links import Links

    links = Links(root)
    for former in links.rescue(not git_has_both) if word != "check" else ():
        print(messages.former(former, root), file=sys.stderr)
    record = Record(root)
    work = Work(root, record, told)
    match word:
        case "from-script":
            well = work.take(".py", files)
        case "from-notebook":
            well = work.take(".ipynb", files)
        case _:
            well = getattr(work, word)()
    if word != "check":
        if not git_has_both:
            links.refresh(record)
        record.save()
        record.mark(git_has_both)
    return bool(well)


def run() -> int:
    """Do what this process's command line says: pre-commit's hook is called by this.

    Returns:
        The exit code, as main has it.
    """
    try:
        return main(sys.argv[1:])
    except KeyboardInterrupt:
        return 1


if __name__ == "__main__":
    sys.exit(run())
