"""Other accounts list the processes while the browser opens: no token is shown."""

from __future__ import annotations

import html
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from checks import STAND_IN
from laptop import Laptop
from loopback import free_port
from process import wait_until
from project import Project

pytestmark = pytest.mark.needs("uv", "nss_wrapper", "git")

# In place of the stand-in's jupyterlab, one that can prove that it knows the token.
PROVES = """\
import hmac, http.server, os, pathlib, socketserver
state = pathlib.Path.home() / ".local/state/remote-lab/titanic"
class Lab(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        signed = b"remote-lab proof " + self.path.partition("challenge=")[2].encode()
        key = (state / "token").read_bytes()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(hmac.new(key, signed, "sha256").hexdigest().encode())
    def log_message(self, *words): pass
at = os.environ["JUPYTER_RUNTIME_DIR"] + "/lab.sock"
socketserver.UnixStreamServer(at, Lab).serve_forever()
"""
BROWSER = """\
#!/bin/sh
for word; do printf '%s\\n' "$word"; done >"$HOME/.given"
mv "$HOME/.given" "$HOME/given"
"""


@pytest.fixture
def project(laptop: Laptop) -> Iterator[Project]:
    """Its lab only proves itself, and its browser only notes what it is given."""
    project = Project.rendered(laptop, {"lab_port": free_port()})
    project.remote("install")
    project.remote("push", "--only", "home")
    subprocess.run(["sh", "-c", STAND_IN], cwd=project.home, check=True)
    (project.home / "titanic/.venv/bin/python.lab").write_text(PROVES)
    for name in ("xdg-open", "open"):
        stub = laptop.home / "bin" / name
        stub.parent.mkdir(exist_ok=True)
        stub.write_text(BROWSER)
        stub.chmod(0o755)
    laptop.env["PATH"] = f"{laptop.home}/bin:{laptop.env['PATH']}"
    yield project
    project.remote("tunnel", "down", check=False)
    project.remote("lab", "stop")


def opened(project: Project) -> tuple[str, list[str]]:
    """The URL that an open printed, and what its browser was given."""
    given = project.laptop.home / "given"
    given.unlink(missing_ok=True)
    url = project.remote("open").stdout.strip()
    wait_until(given.exists, "the browser")
    return url, given.read_text().splitlines()


def test_the_browser_is_led_by_a_file_of_ours(project: Project) -> None:
    for _ in range(2):  # the second has a new token, for the same file
        url, (page,) = opened(project)
        token = (project.state / "token").read_text()
        assert url.endswith(f"/lab?token={token}")
        assert token not in page
        file = Path(page)
        assert file.stat().st_mode & 0o777 == 0o600
        led = re.search(
            'http-equiv="refresh" content="0;url=([^"]+)"', file.read_text()
        )
        assert led
        assert html.unescape(led[1]) == url
        project.remote("lab", "restart")
    project.remote("uninstall")
    assert not file.exists()
