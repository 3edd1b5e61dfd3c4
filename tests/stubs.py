"""Programs that stand in for real ones, at the head of PATH."""

import os

from laptop import Laptop


def uv_without(laptop: Laptop, command: str) -> dict[str, str]:
    """A laptop's variables, where uv fails at one command and is else the real one.

    Args:
        laptop: The laptop, which gets a folder with this uv.
        command: uv's command, such as "lock".
    """
    folder = laptop.home / f"no-{command}"
    folder.mkdir()
    real = laptop.run("sh", "-c", "command -v uv").stdout.strip()
    uv = folder / "uv"
    fails = "echo 'error: no route to host' >&2; exit 9"
    uv.write_text(
        f'#!/bin/sh\n[ "$1" != {command} ] || {{ {fails}; }}\nexec {real} "$@"\n'
    )
    uv.chmod(0o755)
    path = os.pathsep.join([str(folder), laptop.env["PATH"]])
    return {**laptop.env, "PATH": path}
