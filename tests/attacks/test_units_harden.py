"""What systemd's options take from a lab: by default nothing, and on request sudo.

Every option of systemd.exec that filters system calls also sets NoNewPrivileges in
these units, and then sudo fails in the lab's terminals. So the units have none. Here
the real units run a check instead of the lab.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from box import Account, Box
from process import wait_until
from render import render, snapshot

pytestmark = [pytest.mark.xdist_group("box-2"), pytest.mark.timeout(120)]

USER = "hardened"
SLUG = "harden"
WORKS = "works"
CHECK = r"""#!/usr/bin/python3
import ctypes, json, mmap, multiprocessing, os, signal, socket, subprocess
import sys, threading

def run(command):
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr

def fork():
    context = multiprocessing.get_context("fork")
    lock, queue = context.Semaphore(1), context.Queue()
    child = context.Process(target=queue.put, args=(1,))
    child.start()
    with lock:
        assert queue.get(timeout=20) == 1
    child.join()

def thread():
    worker = threading.Thread(target=int)
    worker.start()
    worker.join()

def ptrace():  # as gdb and py-spy do
    libc = ctypes.CDLL(None, use_errno=True)
    child = subprocess.Popen(["sleep", "60"])
    try:
        attach = 16
        failed = libc.ptrace(attach, child.pid, 0, 0)
        assert not failed, os.strerror(ctypes.get_errno())
        os.waitpid(child.pid, 0)
    finally:
        child.kill()

def sockets():
    for family in (socket.AF_UNIX, socket.AF_INET, socket.AF_INET6):
        socket.socket(family).close()
    socket.create_server(("127.0.0.1", 0)).close()

def jit():
    mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC).close()

checks = {
    "a fork": fork,
    "a thread": thread,
    "ptrace": ptrace,
    "sockets": sockets,
    "a JIT": jit,
    "sudo": lambda: run("sudo -n true"),
    "a container": lambda: run("unshare --user --map-root-user --mount true"),
    "setarch": lambda: run("setarch --addr-no-randomize true"),
    "a shared folder": lambda: run("mkdir shared && chmod g+s shared; rmdir shared"),
    "the /tmp of all": lambda: run("test -e /tmp/of-all"),
}
results = {}
for name, check in checks.items():
    try:
        check()
        results[name] = "works"
    except Exception as error:
        results[name] = str(error)
with open("report.new", "w") as report:
    json.dump(results, report)
os.rename("report.new", "report")
if sys.argv[1:] != ["once"]:
    signal.pause()
"""


@dataclass
class Unit:
    """One of the two units, installed for an account that may use sudo."""

    account: Account
    kind: str
    text: str

    @property
    def name(self) -> str:
        return f"jupyter-{SLUG}" + (f"@{USER}" if self.kind == "system" else "")

    @property
    def systemctl(self) -> str:
        return "systemctl --user" if self.kind == "user" else "sudo systemctl"

    @property
    def folder(self) -> str:
        home = f"{self.account.home}/.config/systemd/user"
        return home if self.kind == "user" else "/etc/systemd/system"

    def results(self) -> dict[str, str]:
        """Start the unit, and return what works inside."""
        self.account.sh(f"rm -f report; {self.systemctl} restart {self.name}")
        wait_until(
            lambda: self.account.sh("test -e report", False).returncode == 0,
            lambda: f"the report\n{self.account.box.logs()}",
        )
        return report(self.account)


def report(account: Account) -> dict[str, str]:
    """What the check wrote: "works", or an error, for each of its names."""
    results: dict[str, str] = json.loads(account.sh("cat report").stdout)
    return results


@pytest.fixture(scope="module")
def account(box: Box) -> Iterator[Account]:
    account = box.add_user(USER, sudo="nopasswd")
    box.sh(f"touch /tmp/of-all; loginctl enable-linger {USER}")
    lab = f".config/remote-lab/{SLUG}"
    write = (
        f"mkdir -p {lab}; cat >{lab}/lab; chown -R {USER}: .config; chmod +x {lab}/lab"
    )
    box.sh(f"cd {account.home}; {write}", input=CHECK)
    yield account
    box.remove_user(account)


@pytest.fixture(scope="module")
def at_login(account: Account) -> dict[str, str]:
    """What works where no unit is: some kernels refuse containers to all."""
    account.sh(f".config/remote-lab/{SLUG}/lab once")
    results = report(account)
    assert [results[name] for name in ("a fork", "ptrace", "sudo")] == [WORKS] * 3
    return results


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    template = snapshot(tmp_path_factory.mktemp("template"))
    answers = {"project_name": SLUG, "remote_host": "h", "remote_user": USER}
    return render(template, tmp_path_factory.mktemp("project"), **answers)


@pytest.fixture(params=["user", "system"])
def unit(
    account: Account, rendered: Path, request: pytest.FixtureRequest
) -> Iterator[Unit]:
    file = {
        "user": f"systemd/user/jupyter-{SLUG}.service",
        "system": f"remote-lab/{SLUG}/system/jupyter-{SLUG}@.service",
    }[request.param]
    text = (rendered / "home/remote/.config" / file).read_text()
    unit = Unit(account, request.param, text)
    target = f"{unit.folder}/{Path(file).name}"
    owner = f"{USER}:" if unit.kind == "user" else "root:"
    account.box.sh(
        f"mkdir -p {unit.folder}; cat >{target}; "
        f"chown -R {USER}: {account.home}/.config; chown {owner} {target}",
        input=text,
    )
    account.sh(f"{unit.systemctl} daemon-reload")
    yield unit
    account.sh(f"{unit.systemctl} stop {unit.name}", check=False)
    account.box.sh(f"rm -rf {target} {unit.folder}/{unit.name}.service.d")
    account.sh(f"{unit.systemctl} daemon-reload")


def test_the_unit_takes_nothing_from_the_lab(
    unit: Unit, at_login: dict[str, str]
) -> None:
    scope = "--user" if unit.kind == "user" else ""
    checked = unit.account.sh(f"systemd-analyze {scope} verify {unit.name}.service")
    assert SLUG not in checked.stdout + checked.stderr
    assert unit.results() == at_login
    if unit.kind == "system":
        # What `sudo mount` mounts in a terminal of the lab, the whole machine sees.
        pid = unit.account.sh(f"systemctl show -P MainPID {unit.name}").stdout.strip()
        places = unit.account.box.sh(f"readlink /proc/1/ns/mnt /proc/{pid}/ns/mnt")
        assert len(set(places.stdout.split())) == 1


def test_what_the_unit_advises_takes_sudo_alone(
    unit: Unit, at_login: dict[str, str]
) -> None:
    advised = re.findall(r"^#.* edit (\S+) +\[Service\] (No\S+)$", unit.text, re.M)
    ((name, option),) = advised
    assert name.replace("@ada", f"@{USER}") == unit.name
    unit.account.box.sh(
        f"mkdir -p {unit.folder}/{unit.name}.service.d; "
        f"cat >{unit.folder}/{unit.name}.service.d/override.conf",
        input=f"[Service]\n{option}\n",
    )
    unit.account.sh(f"{unit.systemctl} daemon-reload")
    results = unit.results()
    assert "no new privileges" in results.pop("sudo")
    assert results == {name: at_login[name] for name in results}
