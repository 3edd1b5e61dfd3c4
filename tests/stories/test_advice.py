"""What the stories take for advice: the commands in messages, as they stand there."""

from __future__ import annotations

import pytest
from advice import commands_in


@pytest.mark.parametrize(
    ("text", "commands"),
    [
        (
            "  Next: Save them here: ./remote save two   Or stash them there:"
            " ssh two git -C titanic stash -u",
            ["./remote save two", "ssh two git -C titanic stash -u"],
        ),
        (
            "Look at it (git diff), then: git add 'a b.py' x.py",
            ["git diff", "git add 'a b.py' x.py"],
        ),
        (
            "  Next: Look: git diff HEAD...a/saved   If they are yours:"
            " git -c core.hooksPath=/dev/null merge a/saved",
            [
                "git diff HEAD...a/saved",
                "git -c core.hooksPath=/dev/null merge a/saved",
            ],
        ),
        ("✓ a: started the lab, managed by tmux. ./remote open", ["./remote open"]),
        (
            "  Next: git config --global user.name 'Your Name' && ./remote setup",
            ["git config --global user.name 'Your Name' && ./remote setup"],
        ),
        ("  To have the other: ./remote pairs --from script 'a (1).py'", None),
        (
            "Next: ./remote lab logs, or ./remote doctor",
            ["./remote lab logs", "./remote doctor"],
        ),
        (
            "    git diff                   what has changed\n    ./remote push",
            ["git diff", "./remote push"],
        ),
        ("Kept. This copies it back:\n  cp -R '/a b/.' /c/d", ["cp -R '/a b/.' /c/d"]),
        ("git does not know who you are.\n✓ git hooks: installed already", []),
    ],
)
def test_commands_are_found(text: str, commands: list[str] | None) -> None:
    if commands is None:  # the rest of the line, brackets in quotes and all
        commands = [text.partition(": ")[2]]
    assert commands_in(text) == commands
