"""The tunnel on a laptop that has neither systemd nor launchd, and what it asks for."""

import re
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from checks import reaches, told
from laptop import Laptop, Terminal
from listener import answers, listening_lab
from loopback import Loopback, free_port
from process import wait_until
from project import Project, processes_of

from remote_lab.lab import background

pytestmark = pytest.mark.needs("ssh", "uv")

STATE = ".local/state/remote-lab/titanic/laptop"


def installed(laptop: Laptop, loopback: Loopback) -> tuple[Project, int]:
    """A project that reaches the server, and the port of its tunnel."""
    port = free_port()
    project = Project.rendered(laptop, {**reaches(loopback), "lab_port": port})
    # A laptop without systemd, also where the tests run on one.
    laptop.env.pop("XDG_RUNTIME_DIR", None)
    laptop.env["DBUS_SESSION_BUS_ADDRESS"] = "unix:path=/nowhere"
    project.remote("install")
    return project, port


def test_a_tunnel_comes_back_without_systemd(
    laptop: Laptop, loopback: Loopback
) -> None:
    project, port = installed(laptop, loopback)
    note = laptop.home / STATE / "titanic.keeper"

    def minders() -> list[str]:
        return [line for line in processes_of(note) if "keep_running" in line]

    with listening_lab(loopback):
        # Two at once: one of them minds it, and both report the tunnel.
        two = [project.begun("tunnel", "up") for _ in range(2)]
        said = []
        for begun in two:
            _, errors = begun.communicate(timeout=60)
            assert "Traceback" not in errors
            said.append(errors)
        assert "was up" in project.remote("tunnel", "up").stderr
        assert answers(port)
        assert len(minders()) == 1, said
        # Its ssh is killed, and the remote does not let it in for a while.
        (pid,) = children(int(note.read_text().split()[0]))
        key = laptop.home / ".ssh/id_ed25519"
        key.rename(f"{key}.away")
        subprocess.run(["kill", "-9", pid], check=False)
        wait_until(lambda: "ended" in note.read_text(), "its end to be noted")
        wait_until(lambda: not answers(port), "the tunnel to be down")
        Path(f"{key}.away").rename(key)
        wait_until(lambda: answers(port), "the tunnel again", timeout=40)
        assert "is down" in project.remote("tunnel", "down").stderr
        assert not answers(port)
        assert not minders()
        # What a reboot leaves is a file without a lock: no process is meant by it.
        bystander = subprocess.Popen(["sleep", "60"])
        note.write_text(f"{bystander.pid}\n")
        assert "There was no tunnel" in project.remote("tunnel", "down").stderr
        assert bystander.poll() is None
        bystander.kill()
        bystander.wait()
        project.remote("tunnel", "up")
        project.remote("uninstall")
        assert not minders()
        assert not answers(port)


def children(pid: int) -> list[str]:
    """The pids of a process's children."""
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def test_a_busy_port_is_named_with_one_that_is_free(
    laptop: Laptop, loopback: Loopback
) -> None:
    project, _ = installed(laptop, loopback)
    project.remote("install", "--lab-port", "65535")
    with listening_lab(loopback), socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", 65535))
        other.listen()
        done = project.remote("tunnel", "up", check=False)
        told(done, 1, "Port 65535 on this laptop is taken by")
        advised = re.search(r"\./remote (install --lab-port (\d+))", done.stderr)
        assert advised
        project.remote(*advised[1].split())
        project.remote("tunnel", "up")
        assert answers(int(advised[2]))
        project.remote("tunnel", "down")


def test_a_passphrase_is_asked_for_once(laptop: Laptop, loopback: Loopback) -> None:
    key = laptop.home / ".ssh/lab"
    laptop.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "opensesame", "-f", key)
    keys = loopback.home / ".ssh/authorized_keys"
    keys.parent.mkdir(mode=0o700)
    keys.write_text(key.with_suffix(".pub").read_text())
    port = free_port()
    answered = {"lab_port": port, "identity_file": "~/.ssh/lab"}
    project = Project.rendered(laptop, {**reaches(loopback), **answered})
    laptop.env.pop("SSH_AUTH_SOCK", None)
    with (
        listening_lab(loopback),
        Terminal(laptop, cwd=project.root) as terminal,
    ):
        terminal.type("./remote tunnel up; echo ended=$?")
        terminal.wait_for("Enter passphrase", timeout=60)
        terminal.type("opensesame")
        screen = terminal.wait_for(re.compile(r"ended=\d"), timeout=60)
        assert screen.count("Enter passphrase") == 1
        assert "ended=0" in screen
        assert "does not come back by itself after sleep" in screen
        assert answers(port)
        # The agent went with the command, and took the key along.
        wait_until(lambda: not processes_of(Path("/tmp/agent-")), "the agent's end")
        # With the advised agent, nothing is asked, and the tunnel is minded.
        advised = re.search(r"eval .*tunnel up", screen.replace("\n", " "))
        assert advised
        terminal.type(f"clear; {advised[0]}; echo again=$?")
        begun = re.compile(r"Agent pid \d+[\s\S]*Enter passphrase")
        screen = terminal.wait_for(begun, timeout=60)
        started = re.search(r"Agent pid (\d+)", screen)
        assert started
        terminal.type("opensesame")
        screen = terminal.wait_for(re.compile(r"again=\d"), timeout=60)
        subprocess.run(["kill", started[1]], check=False)
        assert "again=0" in screen
        assert screen.count("Enter passphrase") == 1
        assert "does not come back" not in screen
        project.remote("tunnel", "down")


BEGINS = """
import fcntl, os, sys, time
with open(sys.argv[1], "a") as file:
    fcntl.flock(file, fcntl.LOCK_EX)
    print("ready", flush=True)
    sys.stdin.readline()
    file.write(f"{os.getpid()}\\n")
    file.flush()
    time.sleep(60)
"""


def test_a_process_that_is_just_beginning_is_ended(tmp_path: Path) -> None:
    """It has the lock before it has noted its pid."""
    path = tmp_path / "lock"
    with (
        subprocess.Popen(
            [sys.executable, "-c", BEGINS, path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as process,
        ThreadPoolExecutor() as pool,
    ):
        assert process.stdin
        assert process.stdout
        assert process.stdout.readline()
        ending = pool.submit(background.end, path)
        with pytest.raises(TimeoutError):  # it waits for the pid
            ending.result(timeout=0.5)
        print(file=process.stdin, flush=True)
        ending.result(timeout=30)
        assert process.wait(10) == -15
