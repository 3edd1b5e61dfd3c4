"""Finding uv, which locks, exports and fetches for us."""

import os
import shutil

from remote_lab.errors import Problem


def find_uv() -> str:
    """The path of the uv that `uv run` has started us with, or of the one on PATH.

    Raises:
        Problem: There is none.
    """
    found = os.environ.get("UV") or shutil.which("uv")
    if not found:
        raise Problem(
            "uv is not on this machine's PATH.",
            todo="Install it: https://docs.astral.sh/uv/getting-started/installation/",
        )
    return found
