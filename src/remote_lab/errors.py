"""What can go wrong, told as: what happened, what is as it was, what to type next."""

import re

FAILED = 1
USAGE = 2
REMOTE_EDITED = 3
UNREACHABLE = 4

NOTHING = "Nothing was changed there."

# Takes a project's lock away, by hand.
LOCK = "rm .local/state/remote-lab/{}/lock"


class Problem(Exception):
    """An error for the user's eyes; the command line prints it and ends.

    Args:
        what: What happened, one sentence.
        still: What is as it was.
        todo: The next command to type, or how to mend it.
        code: The exit code: one of the constants of this module.
        diff: What would have changed.
    """

    def __init__(
        self,
        what: str,
        still: str = "",
        todo: str = "",
        code: int = FAILED,
        diff: list[str] | None = None,
    ) -> None:
        super().__init__(what)
        self.diff = diff or []
        self.what = what
        self.still = still
        self.todo = todo
        self.code = code


class Unreachable(Problem):
    """The remote could not be reached, or did not let us in (exit code 4)."""

    def __init__(self, what: str, todo: str, still: str = NOTHING) -> None:
        super().__init__(what, still, todo, UNREACHABLE)


class Dropped(Unreachable):
    """sshd hung up before it asked who we are, as it does when many log in at once."""


class Refused(Unreachable):
    """The remote does not let us in; a password or a code might have, if asked for."""


class Broken(Unreachable):
    """The connection broke when our program had begun: it may have finished."""


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


def busy(name: str, what: str, again: str) -> Busy:
    """The error where a command would end what runs in the lab.

    Args:
        name: The remote's.
        what: What runs in it, as `inside` has it.
        again: The same command, with the user's agreement.
    """
    return Busy(
        f"This would end what runs in the lab on {name}: {what}.",
        "Nothing was changed.",
        again,
    )


def locked(name: str, owner: str, mend: str) -> Problem:
    """The error where another push of the project is under way.

    Args:
        name: The remote's.
        owner: The lock's, as sh/lock.sh writes it.
        mend: The command that takes the lock away.
    """
    host, _, pid, *_ = [*owner.split(":"), "?", "?", "?"]
    return Problem(
        f"Another push of this project to {name} is under way (process {pid} on"
        f" {host}).",
        f"{name} is as it was.",
        f"Wait for it, and try again.   (If that machine is gone for good: {mend})",
    )


def overtaken(name: str, part: str, again: str) -> Problem:
    """The error where another push, or an undo, came between the parts of this one.

    Args:
        name: The remote's.
        part: What was not changed: code or environment.
        again: The command that pushes.
    """
    return Problem(
        f"Another push to {name}, or an undo, came in between: its dotfiles, or its"
        " code, are in use there now.",
        f"Nothing of the {part} was changed.",
        f"To have yours: {again}",
    )


def reason(errors: str) -> str:
    """The line that tells most of what a remote wrote to standard error.

    Args:
        errors: All of it; what complains last often knows least.
    """
    lines = [line for line in errors.splitlines() if "Exiting with failure" not in line]
    lines = lines or ["no reason given"]
    telling = re.compile("no space left|quota|not found", re.IGNORECASE)
    return next(filter(telling.search, lines), lines[-1])


def on_one_line(errors: str) -> str:
    """The last of what a remote wrote to standard error.

    On a line of its own, it could pass for one of ours.
    """
    return " / ".join(errors.splitlines()[-5:])


def get(programs: list[str]) -> str:
    """How a remote gets programs that it lacks."""
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
    """The line that tells of a limit of the account (ulimit) that was met, or nothing.

    Args:
        errors: All that a remote wrote to standard error.
    """
    told = re.compile(
        r"\bfork\b|pipe call|temporarily unavailable|limit exceeded|too many open"
        "|cannot allocate|out of memory|memory exhausted|^killed",
        re.IGNORECASE,
    )
    return next(filter(told.search, errors.splitlines()), "")


class OutcomeUnknown(Problem):
    """The connection broke after data had been sent: the remote may have finished."""
