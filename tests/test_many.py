"""Several remotes: two accounts of the box, and one that can't be reached."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator

import pytest
from jupyter import Server
from laptop import Laptop
from live import Live
from loopback import free_port
from project import Project

from remote_lab.lab.tunnel import listens

pytestmark = [pytest.mark.xdist_group("box"), pytest.mark.timeout(300)]

USERS = {"titanic": "carol", "gpu1": "dave"}
TMUX = ".config/remote-lab/titanic/tmux.conf"


@pytest.fixture(scope="module")
def project(live: Live) -> Iterator[Project]:
    """One whose remotes are titanic, gpu1, and gpu2, where no sshd listens."""
    with Laptop() as laptop:
        for user in USERS.values():
            live.box.add_user(user, laptop.key)
        host = live.box.address
        more = [
            {"name": "gpu1", "host": host, "user": "dave", "lab_port": free_port()},
            {"name": "gpu2", "host": host, "port": 2222, "lab_port": free_port()},
        ]
        answers = {
            "remote_host": host,
            "remote_user": "carol",
            "lab_port": free_port(),
            "more_remotes": json.dumps(more),
        }
        project = live.another(laptop, answers)
        yield project
        for name in USERS:
            project.remote("remove", name, check=False)


def test_each_remote_is_an_ssh_host(project: Project) -> None:
    said = project.remote("install").stderr
    assert "titanic knows your key" in said
    assert "gpu1 knows your key" in said
    assert "gpu2 does not know your key yet, or is away" in said
    for host, user in (("titanic", "carol"), ("titanic-gpu1", "dave")):
        assert project.laptop.run("ssh", host, "id", "-un").stdout.strip() == user
    shown = project.laptop.run("ssh", "-G", "titanic-gpu2").stdout
    assert "port 2222" in shown


def test_a_name_is_needed(project: Project) -> None:
    for words in (["push"], ["open", "--no-browser"], ["lab", "start"], ["remove"]):
        done = project.remote(*words, check=False)
        assert done.returncode == 2, words
        assert "titanic, gpu1, gpu2" in done.stderr


def test_push_all_goes_on_where_one_is_away(project: Project) -> None:
    began = time.monotonic()
    done = project.remote("push", "--all", "--only", "home", "--json", check=False)
    assert time.monotonic() - began < 20
    assert done.returncode == 4, done.stderr
    rows = {row["remote"]: row for row in json.loads(done.stdout)}
    assert list(rows) == ["titanic", "gpu1", "gpu2"]
    for name in USERS:
        assert rows[name]["ok"]
        assert TMUX in rows[name]["changed"]
        assert rows[name]["generation"] == "1"
    assert not rows["gpu2"]["ok"]
    assert "can't be reached" in rows["gpu2"]["error"]
    assert re.findall(r"(?m)^[✓✗] (\w+)  +([a-z ]+?)(?:  |$)", done.stderr) == [
        ("titanic", "done"),
        ("gpu1", "done"),
        ("gpu2", "not reached"),
    ]
    again = project.remote("push", "--all", "--only", "home", check=False)
    assert again.returncode == 4
    for name in USERS:
        assert re.search(rf"✓ {name}  +nothing to do", again.stderr)


def test_two_labs_are_open_at_once(project: Project) -> None:
    said = project.remote("push", *USERS, timeout=240).stderr
    for name in USERS:
        assert f"{name}: started the lab" in said
    servers = {}
    for name in USERS:
        url = project.remote("open", name, "--no-browser").stdout.strip()
        servers[name] = Server(url)
    assert servers["titanic"].base != servers["gpu1"].base
    assert servers["titanic"].token != servers["gpu1"].token
    for name, user in USERS.items():
        with servers[name].kernel() as kernel:
            assert kernel.run("import getpass; getpass.getuser()") == f"'{user}'"


def test_status_tells_of_all(project: Project) -> None:
    done = project.remote("status", "--json", check=False)
    assert done.returncode == 4
    rows = json.loads(done.stdout)
    told = [(r["remote"], r["reachable"], r["lab"], r["tunnel"]) for r in rows]
    assert told == [
        ("titanic", True, "running", "up"),
        ("gpu1", True, "running", "up"),
        ("gpu2", False, None, "down"),
    ]
    assert len({row["port"] for row in rows}) == 3
    assert "can't be reached" in rows[2]["error"]
    table = project.remote("status", check=False).stdout
    assert "not reached" in table
    assert all(name in table for name in ("titanic", "gpu1", "gpu2"))
    lines = project.remote("tunnel", "status").stdout.splitlines()
    assert [line.split("\t")[:2] for line in lines] == [
        ["titanic", "up"],
        ["gpu1", "up"],
        ["gpu2", "down"],
    ]


def test_one_tunnel_ends_alone(project: Project) -> None:
    project.remote("tunnel", "down", "gpu1")
    rows = json.loads(project.remote("status", "--json", check=False).stdout)
    assert [row["tunnel"] for row in rows] == ["up", "down", "down"]


def test_uninstall_takes_the_tunnels_down_too(project: Project) -> None:
    ports = [
        int(line.split("\t")[2])
        for line in project.remote("tunnel", "status").stdout.splitlines()
    ]
    assert [listens(port) for port in ports] == [True, False, False]
    project.remote("uninstall")
    assert not any(map(listens, ports))
