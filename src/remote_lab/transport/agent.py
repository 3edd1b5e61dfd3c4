"""An ssh-agent that runs as long as one command, where the user has none.

The lab's tunnel is a connection of its own, and logs in once more: without an agent,
ssh would ask for a key's passphrase twice in one command.
"""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from remote_lab.transport.route import Route
from remote_lab.transport.ssh_config import ask, ssh_config

SOCKET = "SSH_AUTH_SOCK"


@contextmanager
def for_command(route: Route) -> Iterator[None]:
    """Have a key whose passphrase is typed serve all connections of this command.

    Args:
        route: The way to the remote; its `agent` is set as long as there is one.
    """
    if route.remote.sandbox or _has_agent(route):
        yield
        return
    folder = tempfile.mkdtemp(prefix="agent-")
    socket = str(Path(folder, "s"))
    # The agent ends with its command, `cat`, and that with the pipe: so it ends even
    # where this process is killed.
    agent = subprocess.Popen(
        [
            *("ssh-agent", "-a", socket, "-t", "600"),
            *("sh", "-c", "echo $SSH_AGENT_PID; exec cat"),
        ],
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
        os.environ[SOCKET] = route.agent = socket
        yield
    finally:
        route.agent = ""
        if before is None:
            os.environ.pop(SOCKET, None)
        else:
            os.environ[SOCKET] = before
        agent.stdin.close()
        if pid:  # it would notice within ten seconds
            with suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGTERM)
        agent.wait()
        agent.stdout.close()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def set_aside(route: Route) -> Iterator[bool]:
    """Do without that agent for a while: what runs longer can't depend on it.

    Args:
        route: The way to the remote.

    Yields:
        Whether there is one.
    """
    if not route.agent:
        yield False
        return
    del os.environ[SOCKET]
    try:
        yield True
    finally:
        os.environ[SOCKET] = route.agent


def _has_agent(route: Route) -> bool:
    """Whether ssh can ask an agent; the user's ssh config may name one."""
    config = str(ssh_config(route.project))
    if "identityagent" in ask(["-F", config, route.remote.host]):
        return True
    # 2: it can't be reached.
    listed = subprocess.run(["ssh-add", "-l"], check=False, capture_output=True)
    return listed.returncode != 2
