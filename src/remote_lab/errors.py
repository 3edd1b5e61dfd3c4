"""What can go wrong: what happened, what is unchanged, what to type next."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

FAILED = 1
USAGE = 2
REMOTE_EDITED = 3
UNREACHABLE = 4

NOTHING = "Nothing was changed there."

# The command that removes a project's lock.
LOCK = "rm .local/state/remote-lab/{}/lock"


class Problem(Exception):
    """An error for the user; the command line prints it and ends.

    Args:
        what: What happened, one sentence.
        unchanged: What is as it was.
        todo: The next command to type, or how to fix it.
        code: The exit code: one of the constants of this module.
        diff: What would have changed.
    """

    def __init__(
        self,
        what: str,
        unchanged: str = "",
        todo: str = "",
        code: int = FAILED,
        diff: list[str] | None = None,
    ) -> None:
        super().__init__(what)
        self.diff = diff or []
        self.what = what
        self.unchanged = unchanged
        self.todo = todo
        self.code = code


class Unreachable(Problem):
    """The remote could not be reached, or did not let us in (exit code 4)."""

    def __init__(
        self,
        what: str,
        unchanged: str = NOTHING,
        todo: str = "",
        code: int = UNREACHABLE,
    ) -> None:
        super().__init__(what, unchanged, todo, code)


class Dropped(Unreachable):
    """sshd closed the connection before the login, as it does when many log in."""


class Refused(Unreachable):
    """The remote does not let us in; with a password or a code it might."""


class Broken(Unreachable):
    """The connection broke after our program had begun: it may have finished."""


class Busy(Problem):
    """The command would end kernels or terminals, and nobody has agreed to that."""


def inside(count: str, kernels: str) -> str:
    """What runs in a lab, in words.

    Args:
        count: How many processes, as the remote reports them.
        kernels: How many of them are kernels; "?" where that is not known.
    """
    if not kernels.isdecimal():
        return "kernels or terminals"
    known = int(kernels[:9])
    numbers = (known, max(0, int(count[:9]) - known) if count.isdecimal() else 0)
    parts = [
        f"{number} {word}{'' if number == 1 else 's'}"
        for number, word in zip(numbers, ("kernel", "terminal"), strict=True)
        if number
    ]
    return " and ".join(parts) or "nothing"


def reason(errors: str) -> str:
    """The line that says most of what a remote wrote to standard error.

    Args:
        errors: All of it; the last line often says least.
    """
    lines = [line for line in errors.splitlines() if "Exiting with failure" not in line]
    lines = lines or ["no reason given"]
    specific = re.compile("no space left|quota|not found", re.IGNORECASE)
    return next(filter(specific.search, lines), lines[-1])


def on_one_line(errors: str) -> str:
    """The last of what a remote wrote to standard error.

    As a line of its own, it could be mistaken for one of ours.
    """
    return " / ".join(errors.splitlines()[-5:])


def install_hint(programs: list[str]) -> str:
    """How a remote gets programs that it does not have."""
    kinds = {
        "find": "findutils",
        "cmp": "diffutils",
        "diff": "diffutils",
        "awk": "mawk",
    }
    own = {"tar", "gzip", "grep", "sed"}
    packages = {kinds.get(p, p if p in own else "coreutils") for p in programs}
    return f"Ask an admin for: sudo apt install {' '.join(sorted(packages))}"


def limit(errors: str) -> str:
    """The line that reports that the account's limit (ulimit) was reached, or nothing.

    Args:
        errors: All that a remote wrote to standard error.
    """
    reached = re.compile(
        r"\bfork\b|pipe call|temporarily unavailable|limit exceeded|too many open"
        "|cannot allocate|out of memory|memory exhausted|^killed",
        re.IGNORECASE,
    )
    return next(filter(reached.search, errors.splitlines()), "")


class OutcomeUnknown(Problem):
    """The connection broke after data had been sent: the remote may have finished."""


@dataclass(frozen=True)
class Rule:
    """What one kind of report means to the user.

    The texts are templates: {name} is a fact, or a named group of the pattern.

    Attributes:
        pattern: A regular expression, searched for in the report.
        what: What happened.
        unchanged: What is as it was.
        todo: What to type next.
        code: The exit code.
        kind: The class of the error.
    """

    pattern: str
    what: str
    unchanged: str
    todo: str
    code: int | None = None
    kind: type[Problem] = Problem


def explained(rules: Iterable[Rule], report: str, **facts: str) -> Problem | None:
    """The error that a report means, by the first rule that matches.

    Args:
        rules: The rules, in order.
        report: What a program has reported: a record, its parts joined by tabs; or what
            it wrote to standard error.
        facts: What the rules' templates may name. A group of a pattern that matched
            nothing is a question mark.

    Returns:
        The error, or None where no rule matches.
    """
    for rule in rules:
        if found := re.search(rule.pattern, report):
            known = {**facts, **found.groupdict("?")}
            what, unchanged, todo = (
                template.format_map(known).strip()
                for template in (rule.what, rule.unchanged, rule.todo)
            )
            error = rule.kind(what, unchanged, todo)
            error.code = rule.code or error.code
            return error
    return None


# What sh/lock.sh reports where the lock is another push's: HOST:BOOT:PID:START:ID.
LOCKED = Rule(
    r"^locked\t(?P<host>[^:\t]*)(:[^:]*:(?P<pid>[^:]*))?",
    "Another push of this project to {name} is under way (process {pid} on {host}).",
    "{name} is as it was.",
    "Wait for it, and try again.   (If that machine is gone for good: {unlock})",
)
OVERTAKEN = Rule(
    r"^overtaken\b",
    "Another push to {name}, or an undo, came in between: its dotfiles, or its code,"
    " are in use there now.",
    "Nothing of the {part} was changed.",
    "To have yours: {again}",
)
