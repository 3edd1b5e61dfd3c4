"""An ssh-agent for the time of a command, where the user has none.

The lab's tunnel is a connection of its own (sshconf), and logs in once more: without an
agent, a key's passphrase would be asked for twice in one command.
"""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from remote_lab.transport.connection import Connection
from remote_lab.transport.ssh_config import ask, ssh_config

SOCKET = "SSH_AUTH_SOCK"
_TELL = "echo $SSH_AGENT_PID; exec cat"
_ours: list[str] = []  # the socket of ours, while there is one


@contextmanager
def for_command(connection: Connection) -> Iterator[None]:
    """Have a key whose passphrase is typed serve all connections of this command."""
    if connection.remote.sandbox or _has_agent(connection):
        yield
        return
    folder = tempfile.mkdtemp(prefix="agent-")
    socket = str(Path(folder, "s"))
    # It ends with its command, so even where ours is killed: the pipe is closed then.
    agent = subprocess.Popen(
        ["ssh-agent", "-a", socket, "-t", "600", "sh", "-c", _TELL],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    assert agent.stdin
    assert agent.stdout
    before = os.environ.get(SOCKET)
    pid = agent.stdout.readline().decode().strip()
    try:
        os.environ[SOCKET] = socket
        _ours.append(socket)
        connection.options = ["-o", "AddKeysToAgent=yes"]
        yield
    finally:
        connection.options = []
        _ours.clear()
        _restore(before)
        agent.stdin.close()
        if pid:  # it would notice within ten seconds
            with suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGTERM)
        agent.wait()
        agent.stdout.close()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def set_aside() -> Iterator[bool]:
    """Do without that agent for a while: what goes on longer can't count on it.

    Yields:
        Whether there is one.
    """
    if not _ours:
        yield False
        return
    del os.environ[SOCKET]
    try:
        yield True
    finally:
        os.environ[SOCKET] = _ours[0]


def _has_agent(connection: Connection) -> bool:
    """Whether ssh has an agent to ask, be it one of the user's ssh config."""
    config = str(ssh_config(connection.project))
    if "identityagent" in ask(["-F", config, connection.remote.host]):
        return True
    # 2: it can't be reached.
    listed = subprocess.run(["ssh-add", "-l"], check=False, capture_output=True)
    return listed.returncode != 2


def _restore(before: str | None) -> None:
    if before is None:
        os.environ.pop(SOCKET, None)
    else:
        os.environ[SOCKET] = before
