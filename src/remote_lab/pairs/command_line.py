"""The command line of the program, and the quick exit of git's hooks.

The modules that take long to load are imported after it is known that there is work.
"""

import os
import sys
from collections.abc import Sequence

from remote_lab.pairs.sync_state import FOLDER, Failure, SyncState

USAGE = """\
Keeps each notebook and its script in sync.

Usage: python remote_lab/pairs [--root FOLDER] COMMAND [FILE...]. FOLDER is the
project's folder; the default is the current one.

  commit        for pre-commit: formats and syncs what is staged, or refuses the commit
  refresh       for git's hooks: updates notebooks from the scripts that git brought
  sync          ./remote pairs: updates both sides, wherever that is safe
  check         ./remote pairs --check: reports, and changes nothing; for CI
  from-script, from-notebook FILE...
                overwrites the other side of these pairs
  there pairs [--check | --from SIDE FILE...]
                what a user types after ./remote on a remote
"""
COMMANDS = ("commit", "refresh", "sync", "check", "from-script", "from-notebook")
HOOKS = ("commit", "refresh")
# Git's variables that name a repository. Git sets them for its hooks.
GIT_VARIABLES = (
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_COMMON_DIR",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_NAMESPACE",
    "GIT_PREFIX",
)


def run() -> int:
    """Run the command line of this process.

    Returns:
        The exit code, as `main` returns it.
    """
    try:
        return main(sys.argv[1:])
    except KeyboardInterrupt:
        return 1


def main(words: Sequence[str]) -> int:
    """Run a command line.

    Args:
        words: The command line, without the program's name.

    Returns:
        The exit code: 0 all pairs are in sync, 1 the user has to act, 2 wrong usage.
    """
    root = os.getcwd()
    match words:
        case ["--root", root, *words]:
            pass
    match words:
        case ["there", "pairs", *options]:
            command, files = _typed(options)
        case ["there", *typed]:
            return _not_on_a_remote(typed)
        case [command, *files]:
            pass
        case _:
            command, files = "", []
    if command not in COMMANDS:
        print(USAGE, end="", file=sys.stderr)
        return 2
    if command not in HOOKS:  # a user typed it: this project is meant, no other
        for name in GIT_VARIABLES:
            os.environ.pop(name, None)
    try:
        return 0 if _run(root, command, files) else 1
    except Failure as failure:
        print(failure, file=sys.stderr)
    except OSError as error:  # the disk is full, a file is read-only, ...
        print(f"{error}. Files that were not written are unchanged.", file=sys.stderr)
    return 1


def _typed(options: list[str]) -> tuple[str, list[str]]:
    """The command for the options of ./remote pairs; an empty one if they are wrong."""
    match options:
        case []:
            return "sync", []
        case ["--check"]:
            return "check", []
        case ["--from", "script" | "notebook" as side, _, *_]:
            return f"from-{side}", options[2:]
    return "", []


def _not_on_a_remote(typed: list[str]) -> int:
    command = " ".join(["./remote", *typed[:1]])
    print(
        f"{command} runs on your laptop, and this is a remote. Nothing was changed."
        "\n  Type it on the laptop. Here, you can type: ./remote pairs",
        file=sys.stderr,
    )
    return 2


def _run(root: str, command: str, files: list[str]) -> bool:
    """Run one command; whether all pairs are in sync then."""
    # This is what git's hooks meet nearly always. To load more takes time.
    if command in HOOKS and SyncState(root).is_in_sync():
        if command == "refresh":
            return True
        from remote_lab.pairs.repository import staged

        if not staged(root, FOLDER):
            return True
    from remote_lab.pairs.links import NotebookLinks
    from remote_lab.pairs.settings import read_settings

    settings = read_settings(root)
    links = NotebookLinks(root)
    if command == "refresh" and settings.git_has_notebooks and links.are_gone():
        return True  # git has updated both sides
    from remote_lab.pairs import messages
    from remote_lab.pairs.actions import Actions

    if command != "check":
        for rescued in links.rescue(ignored=not settings.git_has_notebooks):
            print(messages.rescued(rescued, root), file=sys.stderr)
    state = SyncState(root)
    actions = Actions(root, state, settings)
    match command:
        case "commit":
            done = actions.commit()
        case "refresh":
            done = actions.refresh()
        case "check":
            return actions.check()
        case "sync":
            done = actions.sync()
        case _:
            suffix = ".py" if command == "from-script" else ".ipynb"
            done = actions.overwrite(suffix, files)
    if not settings.git_has_notebooks:
        links.update(state)
    state.save()
    return done
