"""When a pair was last in sync, and what git did since.

Whoever sees that both sides have the same cells leaves a note of that pair, with its
script: this program, and the lab for each pair that it saves, see
environment/etc/jupyter/jupyter_server_config.py. Git itself logs each commit that HEAD
comes to. So nothing that is cut off leaves a gap.
"""

import json
import os
from typing import NamedTuple

from remote_lab.pairs.sync_state import (
    Moment,
    Stat,
    git_directory,
    stat_of,
    write_whole,
)

NOTES = "remote-lab-agreed"  # a folder in the git directory; the lab knows the name


class Note(NamedTuple):
    """A pair, both files with the same cells.

    Attributes:
        script: The text of the script.
        moment: When that was, in the log of HEAD.
    """

    script: str
    moment: Moment


def log_of_head(root: str) -> list[str]:
    """What HEAD was moved from and to, oldest first: OLD NEW NAME <EMAIL> TIME ZONE."""
    try:
        with open(f"{git_directory(root)}/logs/HEAD", "rb") as file:
            lines = file.read().decode("utf-8", "replace").split("\n")
    except OSError:  # no commit yet, or the user has switched it off
        return []
    return [line.partition("\t")[0] for line in lines if line]


def last(log: list[str]) -> Moment:
    """The moment of the last move in a log."""
    return Moment(len(log), log[-1] if log else "")


def commits_since(log: list[str], moment: Moment | None) -> list[str]:
    """The commits that HEAD has come to since a moment, which it was not on then.

    Args:
        log: The log of HEAD.
        moment: None stands for the beginning.
    """
    if moment is None or not moment.line:
        begin = 0
    elif log[moment.lines - 1 : moment.lines] == [moment.line]:
        begin = moment.lines
    else:  # git has deleted the oldest lines
        found = [number for number, line in enumerate(log) if line == moment.line]
        begin = found[-1] + 1 if found else len(log)
    return [line.split(" ", 2)[1] for line in log[begin:]]


def note_of(root: str, name: str) -> Note | None:
    """The note of a pair, if there is one that is readable."""
    try:
        with open(_path(root, name), encoding="utf-8") as file:
            told = json.load(file)
        count, line = told["moment"]
        return Note(str(told["script"]), Moment(int(count), str(line)))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def leave_note(root: str, name: str, note: Note, known: Stat) -> Stat:
    """Leave a note of a pair, unless the lab has left another one meanwhile.

    Args:
        root: The project's folder.
        name: The pair.
        note: What to note.
        known: How the former note looked before the pair was read.

    Returns:
        How the note looks now; the former look, if it is now the lab's.
    """
    if stat_of_note(root, name) == known:
        path = _path(root, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        write_whole(path, json.dumps(note._asdict()).encode())
    seen = stat_of_note(root, name)
    return seen if note_of(root, name) == note else known


def stat_of_note(root: str, name: str) -> Stat:
    """How the note looks from outside: another one is there once this changes."""
    return stat_of(_path(root, name))


def _path(root: str, name: str) -> str:
    return os.path.join(git_directory(root), NOTES, f"{name}.json")
