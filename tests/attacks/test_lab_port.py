"""Another account listens where the lab should: it must not be sent the token."""

from __future__ import annotations

import getpass
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from remote_lab.errors import Problem
from remote_lab.lab.opening import answers
from remote_lab.remote_programs import LAB

SH = Path(__file__).parents[2] / "src/remote_lab/sh"
TOKEN = "5ec2e7" * 8
HOLDER = """
import socket, sys
with socket.create_server(("127.0.0.1", 0)) as lab:
    print(lab.getsockname()[1], flush=True)
    sys.stdin.read()
"""


@contextmanager
def listening() -> Iterator[tuple[int, int]]:
    """The pid of a process that listens, and its port."""
    argv = [sys.executable, "-c", HOLDER]
    with subprocess.Popen(argv, stdin=-1, stdout=-1, text=True) as process:
        assert process.stdout
        yield process.pid, int(process.stdout.readline())
        process.communicate()


def check(
    home: Path, pid: int, port: int, shell: str
) -> subprocess.CompletedProcess[str]:
    """What the remote says of a lab with this pid, and of that port."""
    state = home / ".local/state/remote-lab/lab"
    state.mkdir(parents=True, exist_ok=True)
    (state / "lab.addr").write_text(f"pid={pid}\nport={port}\n")
    parts = [
        (SH / f"{name}.sh").read_text() for name in ("state", *LAB, "port", "answer")
    ]
    program = "\n".join(
        ["slug=lab dir=lab service=tmux", *parts, f"server={pid}", "lab_listens"]
    )
    return subprocess.run(
        [*shell.split(), "-c", program],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "HOME": str(home)},
    )


@pytest.mark.parametrize("shell", ["dash", "busybox sh"])
def test_only_the_labs_own_listener_counts(tmp_path: Path, shell: str) -> None:
    with listening() as (pid, port):
        done = check(tmp_path, pid, port, shell)
        assert (done.returncode, done.stdout) == (0, ""), done.stderr
        # The attack: the lab is this test, and that process has its port.
        done = check(tmp_path, os.getpid(), port, shell)
        assert done.returncode == 1
        word, *fields = done.stdout.rstrip("\n").split("\t")
        assert (word, fields[:2]) == ("foreign", [str(port), getpass.getuser()])
        assert fields[2].startswith("python")
        assert int(fields[3]) > port
    done = check(tmp_path, pid, port, shell)  # nobody: it may come yet
    assert (done.returncode, done.stdout) == (1, "")


@pytest.mark.parametrize(
    "reply",
    [
        b"HTTP/1.0 200 OK\r\n\r\n" + b"0" * 64,
        b"HTTP/1.0 200 OK\r\n\r\n{}",
        b"HTTP/1.0 403 Forbidden\r\n\r\n",
        b"HTTP/1.0 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n",
    ],
)
def test_who_proves_nothing_is_not_sent_the_token(reply: bytes) -> None:
    heard = b""
    with socket.create_server(("127.0.0.1", 0)) as trap:

        def listen() -> None:
            nonlocal heard
            way, _ = trap.accept()
            with way:
                heard = way.recv(65536)
                way.sendall(reply)

        thread = threading.Thread(target=listen)
        thread.start()
        with pytest.raises(Problem, match="did not prove"):
            answers(f"http://127.0.0.1:{trap.getsockname()[1]}/lab", TOKEN)
        thread.join()
    assert heard.startswith(b"GET /lab/remote-lab/proof")
    assert TOKEN.encode() not in heard
    assert b"Authorization" not in heard
