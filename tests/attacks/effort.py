"""How often an attack is tried: a little in the suite, much in `make attack`."""

from __future__ import annotations

import os


def rounds(daily: int, full: int) -> int:
    """How many rounds an attack plays.

    Args:
        daily: In `make test`, where every second counts.
        full: In `make attack`, which sets REMOTE_LAB_ATTACK=full.
    """
    return full if os.environ.get("REMOTE_LAB_ATTACK") == "full" else daily
