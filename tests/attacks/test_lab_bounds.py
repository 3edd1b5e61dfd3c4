"""Kernels that print without end: the lab's memory and its log have bounds."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.error import URLError

import pytest
import websocket
from jinja2 import Template
from jupyter import Server
from loopback import free_port
from process import wait_until

pytestmark = pytest.mark.xdist_group("lab-bounds")

CONFIG = (
    Path(__file__).parents[2] / "template/home/remote/.config/remote-lab"
    "/{{ project_slug }}/jupyter"
)
PROTOCOL = "v1.kernel.websocket.jupyter.org"  # as JupyterLab's page speaks
NO_PACE = "--ZMQChannelsWebsocketConnection.limit_rate=False"  # for the sake of time
# A kernel that is there at once, whose code may `say` something.
KERNEL = """\
import json, os, sys, time, zmq
from pathlib import Path
from jupyter_client.session import Session

known = json.loads(Path(sys.argv[1]).read_text())
session = Session(key=known["key"].encode())
ways = {}
for way, kind in {"shell": zmq.ROUTER, "control": zmq.ROUTER, "stdin": zmq.ROUTER,
                  "iopub": zmq.PUB, "hb": zmq.REP}.items():
    ways[way] = zmq.Context.instance().socket(kind)
    ways[way].bind(f"ipc://{known['ip']}-{known[way + '_port']}")
iopub = ways["iopub"]
poller = zmq.Poller()
for way in ("shell", "control", "hb"):
    poller.register(ways[way], zmq.POLLIN)
count = 0
while True:
    for socket, _ in poller.poll():
        if socket is ways["hb"]:
            socket.send(socket.recv())
            continue
        asker, asked = session.recv(socket)
        kind = asked["header"]["msg_type"]
        session.send(iopub, "status", {"execution_state": "busy"}, asked)
        answer = {"status": "ok"}
        if kind == "execute_request":
            count += 1
            answer["execution_count"] = count
            code = asked["content"]["code"]
            told = {"code": code, "execution_count": count}
            session.send(iopub, "execute_input", told, asked)
            def say(text):
                session.send(iopub, "stream", {"name": "stdout", "text": text}, asked)
            exec(code)
        session.send(socket, kind.replace("request", "reply"), answer, asked, asker)
        session.send(iopub, "status", {"execution_state": "idle"}, asked)
        if kind == "shutdown_request":
            time.sleep(0.1)
            sys.exit()
"""


class Lab:
    """Jupyter's server with the settings of a lab, and its notebook a.ipynb."""

    def __init__(self, home: Path) -> None:
        self.state = home / ".local/state/remote-lab/titanic"
        self.log = self.state / "lab.log"
        self.project = home / "titanic"
        self.config = home / "config"
        for folder in (self.state, self.project, self.config, home / "kernels/stub"):
            folder.mkdir(parents=True)
        port = free_port()
        answers = {"project_slug": "titanic", "lab_listen": "port"}
        for path in CONFIG.glob("*.py*"):
            text = path.read_text()
            if path.suffix == ".jinja":
                text = Template(text).render(answers, clean={"remote_dir": "titanic"})
            (self.config / path.name.removesuffix(".jinja")).write_text(text)
        (self.state / "token").write_text("secret")
        kernel = home / "kernels/stub/kernel.py"
        kernel.write_text(KERNEL)
        argv = [sys.executable, str(kernel), "{connection_file}"]
        spec = {"argv": argv, "display_name": "stub", "language": "python"}
        kernel.with_name("kernel.json").write_text(json.dumps(spec))
        self.env = {**os.environ, "HOME": str(home), "JUPYTER_PATH": str(home)}
        self.env |= {"JUPYTER_CONFIG_PATH": str(self.config)}
        self.env |= {"JUPYTER_RUNTIME_DIR": str(home / "run")}
        self.env |= {"REMOTE_LAB_PORT": str(port)}
        self.server = Server(f"http://127.0.0.1:{port}/titanic/lab?token=secret")

    def lower(self, **limits: int) -> None:
        """Lower limits of the settings, before the start."""
        path = self.config / "keep_outputs.py"
        text = path.read_text()
        for name, value in limits.items():
            text = re.sub(rf"(?m)^{name} = [\d_]+", f"{name} = {value}", text)
        path.write_text(text)

    def start(self) -> None:
        """Start it as `lab` does, and wait until it answers."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "jupyter_server", NO_PACE],
                cwd=self.project,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        wait_until(self._answers, lambda: self.log.read_text())
        spec = {"kernelspec": {"name": "stub", "display_name": "s", "language": "p"}}
        cell = {"cell_type": "code", "metadata": {}, "outputs": []}
        book = {
            "cells": [
                {**cell, "id": f"c{n}", "source": f"#{n}", "execution_count": None}
                for n in range(5)
            ],
            **{"metadata": spec, "nbformat": 4, "nbformat_minor": 5},
        }
        (self.project / "a.ipynb").write_text(json.dumps(book))
        wanted = {"path": "a.ipynb", "name": "", "type": "notebook"}
        opened = self.server.ask("sessions", {**wanted, "kernel": {"name": "stub"}})
        self.kernel = opened["kernel"]["id"]

    def _answers(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        try:
            return bool(self.server.ask("status"))
        except URLError:
            return False

    def page(self, name: str) -> websocket.WebSocket:
        """The way to the kernel of a page; that of a name is the same each time."""
        return websocket.create_connection(
            f"{self.server.base.replace('http', 'ws', 1)}/api/kernels/{self.kernel}"
            f"/channels?session_id={name}",
            header={"Authorization": "token secret"},
            subprotocols=[PROTOCOL],
            timeout=30,
        )

    def idle(self) -> bool:
        """Whether the server has heard all that the kernel sent."""
        model = self.server.ask(f"kernels/{self.kernel}")
        return bool(model["execution_state"] == "idle")


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    # The sockets of kernels need a short path.
    with TemporaryDirectory(prefix="lab-", dir="/tmp") as home:
        lab = Lab(Path(home))
        lab.lower(MOST=1_000_000, ALL=2_500_000)
        try:
            lab.start()
            yield lab
        finally:
            lab.process.terminate()
            lab.process.wait()


def run(page: websocket.WebSocket, code: str, cell: str = "") -> None:
    """Ask for a run, and wait for no answer."""
    header = {"msg_id": uuid.uuid4().hex, "msg_type": "execute_request"}
    header |= {"username": "", "session": "page", "version": "5.3"}
    content = {"code": code, "silent": False, "store_history": True}
    metadata = {"cellId": cell} if cell else {}
    parts = [
        b"shell",
        *(json.dumps(p).encode() for p in (header, {}, metadata, content)),
    ]
    places = [8 * (len(parts) + 2)]
    for part in parts:
        places.append(places[-1] + len(part))
    numbers = (len(places), *places)
    page.send_binary(
        b"".join(n.to_bytes(8, "little") for n in numbers) + b"".join(parts)
    )


def heard(page: websocket.WebSocket, until: str) -> str:
    """What a page is sent, to a text and including it."""
    text, deadline = "", time.monotonic() + 30
    while until not in text[-5000:]:
        assert time.monotonic() < deadline, text[-500:]
        text += page.recv().decode(errors="replace")  # type: ignore[union-attr]
    return text


def test_a_kernel_that_nobody_looks_at_fills_no_memory(lab: Lab) -> None:
    page = lab.page("away")
    run(page, "say('ready')")
    heard(page, '"idle"')
    code = """
        while not os.path.exists('away'): time.sleep(0.01)
        for n in range(220): say(f'<{n}>' + 'x' * 1_000_000); time.sleep(0.005)
        say('<end>'); Path('done').touch()
        """
    run(page, "if True:" + code)
    heard(page, '"execute_input"')
    page.close()
    wait_until(
        lambda: not lab.server.ask(f"kernels/{lab.kernel}")["connections"], "no page"
    )
    (lab.project / "away").touch()
    wait_until((lab.project / "done").exists, "the end")
    wait_until(lab.idle, "the server's end")

    # The page was only cut off: it is sent the last of it, in order.
    page = lab.page("away")
    text = heard(page, "<end>")
    page.close()
    numbers = [int(n) for n in re.findall(r"<(\d+)>", text)]
    assert numbers == list(range(numbers[0], 220))
    assert 40 < len(numbers) <= 50


def test_all_that_is_kept_has_a_bound(lab: Lab) -> None:
    page = lab.page("kept")
    for n in range(5):
        run(page, f"#{n}\nsay('{n}' * 900_000)", f"c{n}")
    run(page, "say('<end>')")
    heard(page, "<end>")
    page.close()
    path = lab.project / "a.ipynb"
    book = json.loads(path.read_text())
    for n, cell in enumerate(book["cells"]):
        cell["source"] = f"#{n}\nsay('{n}' * 900_000)"
    path.write_text(json.dumps(book))
    cells: list[Any] = lab.server.ask("contents/a.ipynb")["content"]["cells"]
    texts = ["".join(out["text"] for out in cell["outputs"]) for cell in cells]
    for n in (0, 1, 2):
        assert texts[n].startswith("[Not kept:"), texts[n][:50]
    for n in (3, 4):
        assert texts[n] == str(n) * 900_000


def test_the_log_has_a_bound_while_the_lab_runs(lab: Lab) -> None:
    sizes = []

    def size() -> int:
        sizes.append(lab.log.stat().st_size)
        return sizes[-1]

    code = """
        for n in range(60):
            os.write(1, b'x' * 999_999 + b'\\n'); time.sleep(0.06)
        os.write(1, b'the last\\n'); Path('written').touch()
        """
    page = lab.page("log")
    run(page, "if True:" + code)
    while not (lab.project / "written").exists():
        assert size() < 40_000_000
        time.sleep(0.05)
    former = lab.state / "lab.log.1"
    wait_until(lambda: size() < 11_000_000, "a short log")
    assert former.stat().st_size <= 5_000_000
    page.close()
    both = former.read_bytes() + lab.log.read_bytes()
    assert b"the last\n" in both
    assert b"[What was here before is in lab.log.1.]\n" in both
