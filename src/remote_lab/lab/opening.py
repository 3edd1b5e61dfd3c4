"""Open: start the lab and the tunnel, and find the URL that leads there."""

import hmac
import http.client
import secrets
import socket
import time
import urllib.error
import urllib.request
from urllib.parse import quote

from remote_lab.errors import Problem
from remote_lab.lab import service
from remote_lab.lab.tunnel import tunnel
from remote_lab.remote_state import labelled
from remote_lab.transport.connection import Connection
from remote_lab.ui import show

PATIENCE = 30.0  # seconds; the socket is there by now, the server behind it nearly


def open_lab(connection: Connection) -> str:
    """Start the lab and the tunnel if need be, until the lab answers on the laptop.

    Returns:
        The URL, with the token.

    Raises:
        Problem: The lab does not start, or the port is taken.
    """
    project, remote = connection.project, connection.remote
    state, address = service.ready(connection)
    for note in state.notes:
        show.note(note)
    way = tunnel(connection)
    new = way.up(address.target)
    base = f"http://127.0.0.1:{way.port}/{project.slug}"
    began = time.monotonic()
    fresh = " && ".join(map(connection.command, ("tunnel down", "lab restart", "open")))
    while not answers(base, address.token, fresh):
        waited = time.monotonic() - began
        if waited > PATIENCE / 10 and _turned_away(way.port):
            raise Problem(
                f"{remote.name} closes connections through the tunnel: its sshd forbids"
                " forwarding, or the lab has just ended.",
                "Lab and tunnel were left as they are.",
                "Ask an admin whether sshd_config there has AllowTcpForwarding no,"
                " AllowStreamLocalForwarding no or DisableForwarding yes. The log:"
                f" {connection.command('lab logs')}",
            )
        if waited > PATIENCE:
            raise Problem(
                f"The lab on {remote.name} does not answer through the tunnel.",
                "Lab and tunnel were left as they are.",
                f"{connection.command('lab logs')}, or {connection.command('doctor')}",
            )
        time.sleep(0.1)
    show.done(
        f"The lab on {remote.name} is running, managed by {labelled(state.backend)};"
        f" the tunnel {'is' if new else 'was'} up on port {way.port}."
    )
    return f"{base}/lab?token={quote(address.token, safe='')}"


def _turned_away(port: int) -> bool:
    """Whether a connection there is ended at once, before anything was asked."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as way:
            return way.recv(1) == b""
    except OSError:
        return False


def answers(base: str, token: str, otherwise: str = "") -> bool:
    """Whether our lab answers there: a server that proves that it knows the token.

    The token itself is not sent: whoever listens on that port would have it.

    Args:
        base: Where the lab should be.
        token: What the lab proves that it knows.
        otherwise: What to type where something else answers.

    Raises:
        Problem: Something else answers.
    """
    challenge = secrets.token_hex(32)
    # No proxy of the user's may stand between us and our own loopback.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect())
    try:
        url = f"{base}/remote-lab/proof?challenge={challenge}"
        with opener.open(url, timeout=5) as reply:
            proof = reply.read(64)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code >= 500:
            return False
        proof = b""
    except (OSError, http.client.HTTPException):
        return False
    signed = f"remote-lab proof {challenge}".encode()
    expected = hmac.new(token.encode(), signed, "sha256").hexdigest()
    if not hmac.compare_digest(proof, expected.encode()):
        raise Problem(
            "What answers on the lab's port did not prove to be the lab: it is another"
            " program, or a lab from before the last push.",
            "The token was not sent.",
            otherwise,
        )
    return True


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: the proof must come from the port that was asked."""

    def redirect_request(self, *_: object) -> None:
        """Refuse it; the reply then counts as an error."""
