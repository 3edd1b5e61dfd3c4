"""What a test needs of the machine, and what becomes of it where that is missing.

    @pytest.mark.needs("zsh", "network")
    def test_aliases_in_zsh(): ...

Without it the test is skipped, with the reason. Where REMOTE_LAB_NO_SKIP=1, as in
CI, it fails instead: a machine that lost a tool must not look like a green run.
"""

from __future__ import annotations

import ctypes
import functools
import importlib.util
import os
import shutil
import socket
from pathlib import Path
from urllib.parse import urlsplit

import pytest

FAKETIME_LIBRARY = "*/faketime/libfaketime.so.1"  # below /usr/lib
SYSTEM_PATH = "/usr/local/sbin:/usr/sbin:/sbin"


@functools.cache
def missing(need: str) -> str:
    """Tell why this machine lacks *need*; an empty text if it does not.

    Args:
        need: "root", "loop" (loop devices), "network" (the package index),
            "nss_wrapper", "libfaketime", "playwright", or the name of a program.
    """
    if need == "root":
        return "" if os.geteuid() == 0 else "needs root"
    if need == "loop":
        there = Path("/dev/loop-control").exists()
        return "" if there else "needs loop devices"
    if need == "network":
        return _no_network()
    if need == "nss_wrapper":
        try:
            ctypes.CDLL("libnss_wrapper.so")
        except OSError:
            return "needs libnss_wrapper (Debian: libnss-wrapper)"
        return ""
    if need == "libfaketime":
        there = any(Path("/usr/lib").glob(FAKETIME_LIBRARY))
        return "" if there else "needs libfaketime"
    if need == "playwright":
        return "" if importlib.util.find_spec(need) else "needs Playwright for Python"
    path = f"{os.environ['PATH']}:{SYSTEM_PATH}"
    return "" if shutil.which(need, path=path) else f"needs the program {need}"


def require(*needs: str) -> None:
    """Skip the test that is running if the machine lacks any of *needs*.

    Raises:
        pytest.skip.Exception: It does.
        pytest.fail.Exception: It does, and skipping is forbidden.
    """
    reasons = [reason for reason in map(missing, needs) if reason]
    if reasons:
        text = "; ".join(reasons)
        if os.environ.get("REMOTE_LAB_NO_SKIP") == "1":
            pytest.fail(f"{text}, and REMOTE_LAB_NO_SKIP=1 forbids skipping")
        pytest.skip(text)


def _no_network() -> str:
    index = os.environ.get("UV_DEFAULT_INDEX") or "https://pypi.org/simple"
    host = urlsplit(index).hostname or "pypi.org"
    try:
        with socket.create_connection((host, urlsplit(index).port or 443), timeout=5):
            return ""
    except OSError as error:
        return f"needs the network, and {host} is out of reach: {error}"
