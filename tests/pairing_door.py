"""The pairs program at hand without its second of imports, for git's hooks as well.

A server has loaded jupytext and black, and forks for each call. The client is what a
hook runs: it hands over its words, folder, variables, stdin, stdout and stderr, and
ends with the exit code of the call. So `git commit` is git's own, with the hook's own
variables, and still takes hundredths of a second.
"""

from __future__ import annotations

import array
import json
import os
import runpy
import shlex
import socket
import subprocess
import sys
import traceback
from pathlib import Path
from typing import Self

PROGRAM = str(Path(__file__).resolve().parents[1] / "src/remote_lab/pairs")
# Its own imports only: this start counts for each hook of each commit.
CLIENT = """\
import array, json, os, socket, sys
door = socket.socket(socket.AF_UNIX)
door.connect({socket!r})
caller = os.getppid()
words = json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ), caller]).encode()
given = array.array("i", [0, 1, 2])
door.sendmsg([b"%10d" % len(words)], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, given)])
door.sendall(words)
sys.exit(int(door.recv(10) or b"70"))
"""


class Door:
    """A running server, and the command that calls it."""

    def __init__(self, folder: Path) -> None:
        """Start it.

        Args:
            folder: Where its socket and its client go; it exists and is short.
        """
        at = folder / "door"
        client = folder / "client.py"
        client.write_text(CLIENT.format(socket=str(at)))
        self.argv = [sys.executable, "-I", "-S", str(client)]
        self.command = shlex.join(self.argv)
        self._server = subprocess.Popen(
            [sys.executable, "-P", __file__, str(at)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        assert self._server.stdout is not None
        assert self._server.stdout.readline() == b"open\n"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.communicate()  # its stdin ends, and so does it


def serve(at: str) -> None:
    """Answer calls until stdin ends."""
    _load()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(at)
        server.listen(16)
        print("open", flush=True)
        if os.fork() == 0:
            while True:
                caller, _ = server.accept()
                if os.fork() == 0:
                    _answer(caller)
                caller.close()
                while _reap():
                    pass
    sys.stdin.read()
    os.killpg(0, 9)


def _reap() -> bool:
    try:
        return os.waitpid(-1, os.WNOHANG)[0] != 0
    except ChildProcessError:
        return False


def _load() -> None:
    import black
    import jupytext
    import nbformat
    import tokenize_rt

    notebook = jupytext.reads("x = 1\n", "py:percent")
    jupytext.writes(notebook, "py:percent")
    nbformat.validate(notebook)
    black.format_cell("x=1", fast=False, mode=black.Mode(is_ipynb=True))
    assert tokenize_rt


def _answer(caller: socket.socket) -> None:
    """Run the program in a child, since it ends its process itself."""
    child = os.fork()
    if child:
        status = os.waitpid(child, 0)[1]
        caller.sendall(b"%d" % os.waitstatus_to_exitcode(status))
        os._exit(0)
    os.setsid()  # what a test kills is its own call alone
    given = array.array("i")
    head, extra, _, _ = caller.recvmsg(10, socket.CMSG_SPACE(12))
    given.frombytes(extra[0][2])
    text = b""
    while len(text) < int(head):
        text += caller.recv(1 << 16)
    words, folder, variables, parent = json.loads(text)
    os.getppid = lambda: parent  # who calls the client, such as pre-commit
    for number, descriptor in enumerate(given):
        os.dup2(descriptor, number)
    os.environ.clear()
    os.environ.update(variables)
    os.chdir(folder)
    sys.argv = [PROGRAM, *words]
    code = 70
    try:
        runpy.run_path(PROGRAM, run_name="__main__")
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    serve(sys.argv[1])
