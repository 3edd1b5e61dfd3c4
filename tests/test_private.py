"""Private on a shared server: mallory, a second account, attacks the lab that ada runs.

Each attack comes with a control, in which it succeeds: so that it can fail here.
"""

from __future__ import annotations

import base64
import json
import re
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from box import Account
from live import Live
from process import wait_until

pytestmark = [pytest.mark.xdist_group("box"), pytest.mark.timeout(300)]

SECRET = "SECRET-RESULT"
# In two parts, so that it is the output and not the code that is heard.
TELL = f"""
import time
for _ in range(80):
    print({SECRET[:7]!r} + {SECRET[7:]!r}, flush=True)
    time.sleep(0.1)
"""

# What anybody may know: who listens where. A kernel publishes its output (iopub) to
# whoever subscribes; a key signs the messages, but none is needed to read them.
EAVESDROP = f"""
import json, os, pwd, sys, time
sys.path.append(os.path.expanduser("~/pyzmq"))
import zmq

victim = pwd.getpwnam("ada").pw_uid
places = set()
for table in ("/proc/net/tcp", "/proc/net/tcp6"):
    for line in open(table).readlines()[1:]:
        _, local, _, state, _, _, _, uid, *_ = line.split()
        if state == "0A" and int(uid) == victim:
            places.add("tcp://127.0.0.1:%d" % int(local.rpartition(":")[2], 16))
for line in open("/proc/net/unix"):
    if f"/run/user/{{victim}}/jupyter-titanic/" in line:
        places.add("ipc://" + line.split()[7])
ears = zmq.Context().socket(zmq.SUB)
ears.subscribe(b"")
for place in places:
    ears.connect(place)
heard, end = b"", time.monotonic() + 4
while b"{SECRET}" not in heard and time.monotonic() < end:
    if ears.poll(100):
        heard += b"".join(ears.recv_multipart())
heard = heard.decode("utf-8", "replace")
print(json.dumps({{"places": sorted(places), "heard": heard}}))
sys.stdout.flush()
os._exit(0)  # zmq would wait for those who never answered
"""

FORK = """
import os
if not (child := os.fork()):
    print("from the child", flush=True)
    os._exit(0)
_ = os.waitpid(child, 0)
"""

# The debugger of a kernel takes orders at a port, from whoever gives them first.
ORDER = """
import json, socket, sys, time

ORDERS = [
    ("initialize", {"adapterID": "python"}),
    ("attach", {"connect": {"host": "127.0.0.1", "port": 1}}),
    ("configurationDone", {}),
    ("evaluate", {"expression": "'pid %d' % __import__('os').getpid()"}),
]
said = ""
for port in sys.stdin.read().split():
    with socket.create_connection(("127.0.0.1", port), 3) as debugger:
        debugger.settimeout(1)
        for number, (command, words) in enumerate(ORDERS):
            order = {"seq": number, "type": "request", "command": command}
            text = json.dumps({**order, "arguments": words})
            debugger.sendall(f"Content-Length: {len(text)}\\r\\n\\r\\n{text}".encode())
            time.sleep(0.3)
        try:
            while part := debugger.recv(65536):
                said += part.decode("utf-8", "replace")
        except TimeoutError:
            pass
print(json.dumps(said))
"""

# A kernel as Jupyter starts it by default, which tells the secret for a while.
CARELESS = f"""
import time
from jupyter_client import KernelManager
manager = KernelManager()
manager.start_kernel()
client = manager.client()
client.start_channels()
client.wait_for_ready(60)
client.execute({TELL!r})
time.sleep(8)
manager.shutdown_kernel(now=True)
"""

# Tells, for each path on standard input, how an attempt to get at it ends.
KNOCK = """
import json, os, socket, stat, sys
said = {}
for path in sys.stdin.read().split("\\0"):
    try:
        if stat.S_ISSOCK(os.stat(path).st_mode):
            socket.socket(socket.AF_UNIX).connect(path)
        elif stat.S_ISDIR(os.stat(path).st_mode):
            os.listdir(path)
        else:
            open(path, "rb").close()
        said[path] = "open"
    except OSError as error:
        said[path] = type(error).__name__
print(json.dumps(said))
"""

# What runs for ada, as others see it; and where the words on standard input show up.
SEARCH = """
import glob, json, sys
word, labs, found = sys.stdin.read().encode(), [], []
for path in glob.glob("/proc/[0-9]*/cmdline") + glob.glob("/proc/[0-9]*/environ"):
    try:
        text = open(path, "rb").read()
    except OSError:
        continue
    if b"jupyterlab" in text:
        labs.append(path)
    if word in text:
        found.append(path)
print(json.dumps({"labs": labs, "found": found}))
"""


@pytest.fixture(scope="module")
def mallory(live: Live) -> Iterator[Account]:
    """A second account, with pyzmq in her home, as `pip install` would put it there."""
    account = live.box.add_user("mallory")
    (wheel,) = (live.laptop.home / ".cache/remote-lab/_wheels").glob("pyzmq-*.whl")
    live.box.sh(
        "base64 -d >pyzmq.whl && python3 -m zipfile -e pyzmq.whl pyzmq",
        user=account.name,
        input=base64.b64encode(wheel.read_bytes()).decode(),
    )
    yield account
    live.box.remove_user(account)


def python(
    live: Live, user: str, program: str, input: str = "", python: str = "python3"
) -> Any:
    """Run a program as an account, and return the JSON that it printed."""
    packed = base64.b64encode(program.encode()).decode()
    line = f"{python} -c 'import base64; exec(base64.b64decode(\"{packed}\"))'"
    return json.loads(live.box.sh(line, user=user, input=input).stdout or "null")


def overheard(live: Live, user: str, interpreter: str = "python3") -> Any:
    """What somebody hears while a kernel of ada's lab tells the secret."""
    server = live.server()
    with server.kernel() as kernel, ThreadPoolExecutor(1) as pool:
        assert kernel.run("1") == "1"
        told = pool.submit(kernel.run, TELL)
        heard = python(live, user, EAVESDROP, python=interpreter)
        # Where its sockets are, is no secret.
        assert sum(kernel.id in place for place in heard["places"]) == 6
        server.ask(f"kernels/{kernel.id}/interrupt", {})
        assert SECRET in told.result(timeout=30)
    return heard


def ports(heard: Any) -> list[str]:
    """The TCP ports among the places that were found."""
    return [
        place.rpartition(":")[2] for place in heard["places"] if place.startswith("tcp")
    ]


def test_the_lab_can_be_neither_reached_nor_read(live: Live, mallory: Account) -> None:
    with live.server().kernel() as kernel:
        everything = live.account.sh(
            "find -L ~/.local/state/remote-lab/titanic"
            " ~/.local/state/remote-lab/titanic/current/home"
            " ~/.config/remote-lab/titanic ~/.local/share/remote-lab/titanic"
            " ~/.cache/remote-lab/titanic ~/titanic"
            " $XDG_RUNTIME_DIR/jupyter-titanic -maxdepth 3 -print0;"
            " printf %s ~/.profile"
        ).stdout
        said = python(live, mallory.name, KNOCK, everything)
    for end in (
        *("lab.sock", f"kernel-{kernel.id}.json", f"{kernel.id}-ipc-1", "/token"),
        *("/cookie-secret", "/lab.log", "/lab.addr", "/jupyter_server_config.py"),
        *("/generations", "/titanic/uv.lock", "/titanic/notebooks"),
    ):
        assert any(path.endswith(end) for path in said), end
    # The control: what is public on a Debian is seen as such.
    assert said.pop("/home/ada/.profile") == "open"
    assert set(said.values()) == {"PermissionError"}


def test_the_token_is_on_no_command_line(live: Live, mallory: Account) -> None:
    token = live.server().token
    with live.server().kernel(), live.server().terminal():
        seen = python(live, mallory.name, SEARCH, token)
    assert seen["labs"]  # she does see what runs
    assert seen["found"] == []
    # The control: given on a command line, as many do, it is seen.
    live.account.sh(
        f"sh -c 'sleep 30; :' jupyter-lab --token={token} >/dev/null 2>&1 &"
    )
    assert python(live, mallory.name, SEARCH, token)["found"]


def test_no_kernel_can_be_overheard(live: Live, mallory: Account) -> None:
    before = ports(python(live, mallory.name, EAVESDROP))  # of what else may run
    heard = overheard(live, mallory.name)
    assert heard["heard"] == ""
    assert {*ports(heard)} == {*before}


def test_a_kernel_listens_on_no_tcp_port(live: Live, mallory: Account) -> None:
    """Plain ipykernel has one, for what forked children print: to anybody's words."""
    before = {*ports(python(live, mallory.name, EAVESDROP))}
    with live.server().kernel() as kernel:
        said = kernel.run(FORK)
        assert {*ports(python(live, mallory.name, EAVESDROP))} == before
    assert said == "from the child\n"


def test_the_debugger_cannot_be_switched_on_by_a_click(live: Live) -> None:
    server = live.server()
    page = urllib.request.urlopen(f"{server.base}/lab?token={server.token}").read()
    config = re.search(rb'id="jupyter-config-data"[^>]*>(.*?)</script>', page, re.S)
    assert config
    off = json.loads(config[1])["disabledExtensions"]
    assert "@jupyterlab/debugger-extension" in off


def test_control_a_debugger_obeys_everybody(live: Live, mallory: Account) -> None:
    """Why it is off: if this fails, it may be safe by now, and can be on."""
    with live.server().kernel() as kernel:
        pid = kernel.run("import os; os.getpid()")
        kernel.debug("initialize", {"adapterID": "python", "clientID": "jupyterlab"})
        found = " ".join(ports(python(live, mallory.name, EAVESDROP)))
        assert f"pid {pid}" in python(live, mallory.name, ORDER, found)
    # Left alone by its kernel, it would go round and round, on a core of its own.
    live.account.sh("kill $(pgrep -f '[d]ebugpy/adapter')", check=False)


def test_control_ada_can_overhear_her_own_kernel(live: Live) -> None:
    heard = overheard(live, live.account.name, "~/titanic/.venv/bin/python")
    assert SECRET in heard["heard"]


def test_control_a_kernel_on_tcp_can_be_overheard(live: Live, mallory: Account) -> None:
    with ThreadPoolExecutor(1) as pool:
        careless = pool.submit(
            python, live, "ada", CARELESS, python="~/titanic/.venv/bin/python"
        )
        wait_until(
            lambda: SECRET in python(live, mallory.name, EAVESDROP)["heard"],
            "the secret to leak",
        )
        careless.result(timeout=60)
