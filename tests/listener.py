"""What a tunnel takes for a lab on the loopback server: it listens and says hello."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from loopback import Loopback

HELLO = b"hello from the lab"
LISTENER = f"""
import pathlib, socket, sys
folder = pathlib.Path(sys.argv[1])
server = socket.socket(socket.AF_UNIX)
server.bind(str(folder / "lab.sock"))
server.listen()
print("ready", flush=True)
while True:
    server.accept()[0].sendall({HELLO!r})
"""


@contextmanager
def listening_lab(loopback: Loopback) -> Iterator[str]:
    """Have one, with its notes as the real one's.

    Yields:
        The path of its socket.
    """
    state = loopback.home / ".local/state/remote-lab/titanic"
    state.mkdir(parents=True)
    # What tells the lab's process from any other is its python.
    python = f"{loopback.home}/titanic/.venv/bin/python"
    with subprocess.Popen(
        [sys.executable, "-c", LISTENER, state, python], stdout=subprocess.PIPE
    ) as lab:
        try:
            assert lab.stdout
            assert lab.stdout.readline()
            (state / "lab.addr").write_text(f"pid={lab.pid}\nsocket={state}/lab.sock\n")
            (state / "token").write_text("secret")
            yield f"{state}/lab.sock"
        finally:
            lab.kill()


def answers(port: int) -> bool:
    """Whether it answers at a port of this machine."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=10) as way:
            return way.recv(64) == HELLO
    except OSError:
        return False
