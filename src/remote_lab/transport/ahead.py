"""A head start: ssh takes longest, so it is on its way before the program is loaded.

Only for verbs that are sure to need it at once. What to call, and which files say so,
was noted the time before. Where one of them has changed since, there is no head start;
and what is called is not used before the settings, read in full, say the same.

Loads nothing that Python has not loaded by itself: pathlib alone would take a third of
what this saves.
"""

import os

from remote_lab.transport.process import Call

VERBS = ("push", "undo")
# Beside what Python keeps so as to start faster.
CACHE = os.path.join(os.path.dirname(os.path.realpath(__file__)), "__pycache__")
NOTE = os.path.join(CACHE, "ahead")

# What was called, with the files that say so, and how they were then.
_begun: list[tuple[Call, list[str], str]] = []


def dial(words: list[str]) -> None:
    """Begin to connect to the remote that a command line means, if it means one.

    Args:
        words: The command line. What is wrong with it is told by who reads it in full.
    """
    if not words or words[0] not in VERBS or {"-h", "--help"} & {*words}:
        return
    try:
        stamp, files, *lines = [line.split("\0") for line in _read().split("\n")]
        calls = {name: argv for name, *argv in lines}
        names = [word for word in words[1:] if word in calls]
        if not names or "--all" in words:
            names = list(calls)
        if len(names) == 1 and calls[names[0]] and stamp == [_stamp(files)]:
            _begun.append((Call(calls[names[0]]), files, stamp[0]))
    except (OSError, ValueError):  # no note, or one that is cut off
        pass


def take(argv: list[str], env: dict[str, str] | None) -> Call | None:
    """The call that is under way, if it is the one that is wanted now; else it ends.

    Args:
        argv: What is to be called.
        env: Its environment; None is ours, which a head start has.
    """
    if _begun:
        call, files, stamp = _begun[0]
        if call.argv == argv and env is None and stamp == _stamp(files):
            return _begun.pop()[0]
    hang_up()
    return None


def hang_up() -> None:
    """End the call that nobody has taken, if there is one."""
    while _begun:
        call, *_ = _begun.pop()
        call.end()
        call.close()


def note(files: list[str], calls: dict[str, list[str]]) -> None:
    """Note for the next time what there is to call.

    Args:
        files: All files that say so; they need not be there.
        calls: By the remotes' names; one that is not to be called ahead has no words.
    """
    lines = [[_stamp(files)], files, *([name, *argv] for name, argv in calls.items())]
    text = "\n".join("\0".join(line) for line in lines)
    try:
        if not os.path.exists(NOTE) or _read() != text:
            beside = f"{NOTE}.{os.getpid()}"
            with open(beside, "wb") as file:
                file.write(os.fsencode(text))
            os.replace(beside, NOTE)
    except OSError:  # it can't be written there: then it takes its time
        pass


def _read() -> str:
    with open(NOTE, "rb") as file:
        return os.fsdecode(file.read())


def _stamp(files: list[str]) -> str:
    """What changes with any of the files, and with the home that they are read from."""
    told = [os.environ.get("HOME", "")]
    for path in files:
        try:
            found = os.stat(path)
            told.append(f"{found.st_mtime_ns}.{found.st_size}.{found.st_ino}")
        except OSError:
            told.append("-")
    return " ".join(told)
