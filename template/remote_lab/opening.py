"""Open: the lab up, the tunnel up, and the URL that leads there."""

import socket
import time
import urllib.error
import urllib.request
from urllib.parse import quote

from remote_lab import lab, show
from remote_lab.connection import Connection
from remote_lab.errors import Problem
from remote_lab.tunnel import tunnel

PATIENCE = 30.0  # seconds; the socket is there by now, the server behind it nearly


def open_lab(connection: Connection) -> str:
    """See to it that the lab answers on the laptop.

    Returns:
        The URL, token and all.

    Raises:
        Problem: The lab does not start, or the port is taken.
    """
    project, remote = connection.project, connection.remote
    state, address = lab.ready(connection)
    for note in state.notes:
        show.note(note)
    way = tunnel(connection)
    new = way.up(address.target)
    base = f"http://127.0.0.1:{way.port}/{project.slug}"
    began = time.monotonic()
    while not answers(base, address.token):
        waited = time.monotonic() - began
        if waited > PATIENCE / 10 and _turned_away(way.port):
            raise Problem(
                f"{remote.name} closes what comes through the tunnel: its sshd forbids"
                " you to forward, or the lab has just ended.",
                "Lab and tunnel were left as they are.",
                "Ask an admin whether sshd_config there says AllowTcpForwarding no,"
                " AllowStreamLocalForwarding no or DisableForwarding yes. Of the lab:"
                f" {connection.verb('lab logs')}",
            )
        if waited > PATIENCE:
            raise Problem(
                f"The lab on {remote.name} does not answer through the tunnel.",
                "Lab and tunnel were left as they are.",
                f"{connection.verb('lab logs')}, or {connection.verb('doctor')}",
            )
        time.sleep(0.1)
    show.done(
        f"The lab on {remote.name} runs (by {state.backend}); the tunnel"
        f" {'is' if new else 'was'} up on port {way.port}."
    )
    return f"{base}/lab?token={quote(address.token, safe='')}"


def _turned_away(port: int) -> bool:
    """Whether a connection there is ended at once, before anything was asked."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as way:
            return way.recv(1) == b""
    except OSError:
        return False


def answers(base: str, token: str) -> bool:
    """Whether a Jupyter server there takes this token."""
    request = urllib.request.Request(
        f"{base}/api/status", headers={"Authorization": f"token {token}"}
    )
    # No proxy of the user's may stand between us and our own loopback.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=5) as reply:
            return bool(reply.status == 200)
    except urllib.error.HTTPError as error:
        if error.code == 403:
            raise Problem(
                "The lab refuses its own token: something else answers on that port.",
                todo="./remote tunnel down, then ./remote open",
            ) from None
        return False
    except OSError:
        return False
