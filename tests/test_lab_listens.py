"""A lab that takes its time: who waits is not led to where none listens yet."""

import getpass
import json
import socket
import subprocess
from collections.abc import Iterator

import pytest
from checks import STAND_IN, told
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
(home / "listens").write_text(told["pid"])
lab.listen()
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


@pytest.mark.parametrize("project", ["port"], indirect=True)
def test_a_port_that_another_has_is_reported_and_a_free_one_works(
    project: Project,
) -> None:
    config = project.home / ".config/remote-lab/titanic/lab"
    port = int(config.read_text().partition("\nport=")[2].split()[0])
    with socket.create_server(("127.0.0.1", port)):
        for verb in ("lab start", "lab restart", "open"):
            words = [*verb.split(), *(["--no-browser"] if verb == "open" else [])]
            done = project.remote(*words, check=False)
            told(done, 1, f"Port {port} on titanic", f"(account {getpass.getuser()})")
        assert not (project.state / "lab.addr").exists()  # nothing was started
        (row,) = json.loads(project.remote("status", "--json").stdout)
        assert row["lab"] == "stopped"
        assert f"Port {port}" in row["error"]
        found = json.loads(project.remote("doctor", "--json", check=False).stdout)
        (lab,) = [f for f in found if f["what"].startswith("Port ")]
        command = done.stderr.partition("Next: ")[2].strip()
        assert (lab["good"], lab["fix"]) == (False, command)
        project.laptop.run("sh", "-c", command, cwd=project.root)
        free = int(command.split()[-1])
        assert free > port
        assert f"port={free}\n" in (project.state / "lab.addr").read_text()
        project.remote("lab", "restart")  # it is kept
        assert f"port={free}\n" in (project.state / "lab.addr").read_text()
        (row,) = json.loads(project.remote("status", "--json").stdout)
        assert (row["lab"], row["error"]) == ("running", None)


@pytest.mark.parametrize("project", ["socket"], indirect=True)
def test_a_socket_has_no_port(project: Project) -> None:
    done = project.remote("lab", "start", "--port", "8090", check=False)
    told(done, 1, "listens on a socket")
    assert not (project.state / "port").exists()
