"""A lab that takes its time: who waits is not led to where none listens yet."""

import subprocess
from collections.abc import Iterator

import pytest
from checks import STAND_IN
from laptop import Laptop
from loopback import free_port
from project import Project

pytestmark = pytest.mark.needs("uv", "nss_wrapper", "git", "tmux")

# In place of the stand-in's jupyterlab, one that is slow to listen. Like Jupyter's, it
# takes the socket of the last one away only then, and leaves its own behind.
SLOW = """\
import os, pathlib, socket, time
home = pathlib.Path.home()
told = dict(line.split("=") for line in
            (home / ".local/state/remote-lab/titanic/lab.addr").read_text().split())
time.sleep(1.5)
if "socket" in told:
    pathlib.Path(told["socket"]).unlink(missing_ok=True)
    lab = socket.socket(socket.AF_UNIX)
    lab.bind(told["socket"])
else:
    lab = socket.socket()
    lab.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    lab.bind(("127.0.0.1", int(told["port"])))
lab.listen()
(home / "listens").write_text(told["pid"])
time.sleep(1000)
"""


@pytest.fixture(params=["socket", "port"])
def project(request: pytest.FixtureRequest) -> Iterator[Project]:
    """Its sandbox has a slow lab, that listens there."""
    with Laptop() as laptop:
        answers = {
            "service": "tmux",
            "lab_listen": request.param,
            "lab_remote_port": free_port(),
        }
        project = Project.rendered(laptop, answers)
        project.remote("push", "--only", "home")
        subprocess.run(["sh", "-c", STAND_IN], cwd=project.home, check=True)
        (project.home / "titanic/.venv/bin/python.lab").write_text(SLOW)
        yield project
        project.remote("lab", "stop")


def test_a_start_has_ended_when_it_listens(project: Project) -> None:
    listens = project.home / "listens"
    for verb in ("start", "restart"):
        project.remote("lab", verb)
        assert listens.read_text() in (project.state / "lab.addr").read_text()
        listens.unlink()
    project.remote("lab", "stop")
    project.remote("lab", "start")
    assert listens.exists()
