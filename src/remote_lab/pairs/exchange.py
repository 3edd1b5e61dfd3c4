"""Two files exchange their names in one step, where the system can do that."""

import ctypes
import os
import sys

AT_FDCWD = -100  # paths are relative to the current folder; Linux alone asks for it
SWAP = 2  # RENAME_EXCHANGE of Linux, and RENAME_SWAP of macOS


def exchange(one: str, other: str) -> None:
    """Have two files exchange their names: neither is ever missing.

    Args:
        one: A file that nobody else knows.
        other: A file that others may save meanwhile.

    Raises:
        OSError: One of them is not there.
    """
    if _exchanged(os.fsencode(one), os.fsencode(other)):
        return
    # An old system or a network's disk: what was saved by a rename between these two
    # steps would be lost.
    aside = f"{one}.aside"
    os.link(other, aside)
    os.replace(one, other)
    os.rename(aside, one)


def _exchanged(one: bytes, other: bytes) -> bool:
    system = ctypes.CDLL(None)
    try:
        if sys.platform == "darwin":
            return bool(system.renamex_np(one, other, SWAP) == 0)
        return bool(system.renameat2(AT_FDCWD, one, AT_FDCWD, other, SWAP) == 0)
    except AttributeError:  # a C library that is too old to have it
        return False
