"""Exchanges two files in one step, where the system can do that."""

import ctypes
import os
import sys

AT_FDCWD = -100  # paths are relative to the current folder; only Linux needs it
SWAP = 2  # RENAME_EXCHANGE of Linux, and RENAME_SWAP of macOS


def exchange(one: str, other: str) -> None:
    """Exchange the names of two files; at no time is one of the names missing.

    Args:
        one: A file that no other program knows.
        other: A file that other programs may save meanwhile.

    Raises:
        OSError: One of them does not exist.
    """
    if _exchanged(os.fsencode(one), os.fsencode(other)):
        return
    # An old system, or a network file system: a save by a rename between these two
    # steps is lost.
    aside = f"{one}.aside"
    os.link(other, aside)
    os.replace(one, other)
    os.rename(aside, one)


def _exchanged(one: bytes, other: bytes) -> bool:
    """Exchange them by a system call, if there is one; whether that was done."""
    system = ctypes.CDLL(None)
    try:
        if sys.platform == "darwin":
            return bool(system.renamex_np(one, other, SWAP) == 0)
        return bool(system.renameat2(AT_FDCWD, one, AT_FDCWD, other, SWAP) == 0)
    except AttributeError:  # the C library is too old
        return False
