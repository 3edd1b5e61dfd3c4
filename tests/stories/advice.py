"""The commands that a message advises, found as a reader finds them."""

from __future__ import annotations

import re

GIT = (
    "add|am|bisect|branch|cat-file|checkout|cherry-pick|clean|clone|commit|config|diff"
    "|fetch|init|log|merge|mv|pull|push|rebase|reset|restore|revert|rm|show|stash"
    "|status|switch|tag|worktree"
)
PROGRAMS = (
    r"\./remote|git (?:-\S+ \S+ )*(?:" + GIT + r")|ssh|ssh-\w+|scp|rsync|uvx?|copier"
    r"|cp|mv|rm|mkdir|ln|chmod|cat|du|df|tail|sudo|loginctl|systemctl|tmux|kill"
    r"|tar|sh|bash|python3?"
)
# Where a command begins: after "Next:" and the like, in brackets, on a line of its own.
BEGIN = re.compile(
    r"(?:^\s{2,}|: |`|\(|, (?:and )?(?:then|or):? | (?:or|then):? |\s{3}|\. )"
    rf"(?P<command>(?:{PROGRAMS})(?= |$|[.,;)`]))"
    r"|(?P<remote>\./remote [a-z])"
)
# Where it ends, outside of quotes.
END = re.compile(
    r"\s{3}|`|\)| \(|,? (?:and )?(?:then|or):? |[.,;:]?$|[.,] |; (?=[a-z]+ )"
)


def commands_in(text: str) -> list[str]:
    """Return each command that a text advises, in its order.

    Args:
        text: What a command of the project has printed.
    """
    found = []
    for line in text.splitlines():
        position = 0
        while begin := BEGIN.search(line, position):
            start = begin.start("command" if begin["command"] else "remote")
            position = _end(line, start)
            found.append(line[start:position].strip())
    return found


def _end(line: str, start: int) -> int:
    """Return where the command that begins at *start* ends."""
    quote, position = "", start
    while position < len(line):
        letter = line[position]
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        elif END.match(line, position):
            return position
        position += 1
    return position
