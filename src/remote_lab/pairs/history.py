"""When a pair was last in sync, and what git did since then.

A note has the script of a pair at a time when both sides were in sync. Two programs
write notes: this one, and the lab at each save of a pair, see lab_note.py. Git logs
each commit that HEAD moves to. So nothing is missing when a program is stopped at any
time.
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
    """A pair that was in sync.

    Attributes:
        script: The text of the script.
        moment: When that was, in the log of HEAD.
    """

    script: str
    moment: Moment


def log_of_head(root: str) -> list[str]:
    """The moves of HEAD, oldest first, each as OLD NEW NAME <EMAIL> TIME ZONE."""
    try:
        with open(f"{git_directory(root)}/logs/HEAD", "rb") as file:
            lines = file.read().decode("utf-8", "replace").split("\n")
    except OSError:  # no commit yet, or the user has disabled the log
        return []
    return [line.partition("\t")[0] for line in lines if line]


def last(log: list[str]) -> Moment:
    """The moment of the last move in a log of HEAD."""
    return Moment(len(log), log[-1] if log else "")


def commits_since(log: list[str], moment: Moment | None) -> list[str]:
    """The commits that HEAD has moved to since a moment.

    Args:
        log: The log of HEAD.
        moment: None is the beginning of the log.
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
    """The note of a pair; None if there is none that can be read."""
    try:
        with open(_path(root, name), encoding="utf-8") as file:
            data = json.load(file)
        count, line = data["moment"]
        return Note(str(data["script"]), Moment(int(count), str(line)))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_note(root: str, name: str, note: Note, known: Stat) -> Stat:
    """Write the note of a pair, unless the lab has written one meanwhile.

    Args:
        root: The project's folder.
        name: The pair.
        note: The note.
        known: The stat of the former note, from before the pair was read.

    Returns:
        The stat of the note now; `known`, if the note is now the lab's.
    """
    if stat_of_note(root, name) == known:
        path = _path(root, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        write_whole(path, json.dumps(note._asdict()).encode())
    seen = stat_of_note(root, name)
    return seen if note_of(root, name) == note else known


def stat_of_note(root: str, name: str) -> Stat:
    """The stat of a pair's note: it differs when there is another note."""
    return stat_of(_path(root, name))


def _path(root: str, name: str) -> str:
    return os.path.join(git_directory(root), NOTES, f"{name}.json")
