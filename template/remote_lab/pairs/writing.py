"""What was worked out for a pair comes into its files: whole, and never over news."""

import os
import tempfile

from remote_lab.pairs.judge import Verdict
from remote_lab.pairs.pair import Treated
from remote_lab.pairs.record import Record, Stats, look


class Changed(Exception):
    """A file was saved by somebody else meanwhile; the text says which."""


def write(root: str, record: Record, treated: Treated, lasts: bool) -> list[str]:
    """Write a pair's files, and note that it is in step.

    Args:
        root: The project's folder.
        record: What was in step when.
        treated: What the files should hold.
        lasts: Whether they will hold it on; else the pair is not in step for long.

    Returns:
        The files that were written.

    Raises:
        Changed: A file is not what it was when it was read.
    """
    name = treated.name
    seen = record.now.get(name, Stats())
    texts = [(".py", treated.script), (".ipynb", treated.notebook)]
    if treated.verdict is Verdict.NOTEBOOK:
        texts.reverse()
    # The side that was edited comes first: whoever dies in between leaves a pair of
    # which the other side is as it was, and follows the next time.
    todo = [(f"{name}{suffix}", text) for suffix, text in texts if text is not None]
    if todo and look(root, name) != seen:
        raise Changed(
            f"{name} was saved just now, and is left as it is. Once more, please."
        )
    for path, text in todo:
        _replace(os.path.realpath(f"{root}/{path}"), text)
    if todo:
        after = look(root, name)
        seen = Stats(
            after.script if treated.script is not None else seen.script,
            after.notebook if treated.notebook is not None else seen.notebook,
        )
    if lasts and (treated.base or treated.verdict in (None, Verdict.PARKED)):
        record.keep(name, treated.base or record.base(name), seen, treated.fit)
    return [path for path, _ in todo]


def _replace(path: str, text: str) -> None:
    """Write a file whole or not at all, with the mode that it had."""
    folder, name = os.path.split(path)
    number, fresh = tempfile.mkstemp(prefix=f".{name}.", dir=folder)
    try:
        with open(number, "w", encoding="utf-8", newline="") as file:
            file.write(text)
        os.chmod(fresh, _mode(path))
        os.replace(fresh, path)
    except BaseException:
        os.unlink(fresh)
        raise


def _mode(path: str) -> int:
    try:
        return os.stat(path).st_mode & 0o7777
    except FileNotFoundError:
        mask = os.umask(0)
        os.umask(mask)
        return 0o666 & ~mask
