"""One bad value ends no ssh: what goes into the user's ssh configuration is tried."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from checks import asked, reaches, told, wrote
from effort import rounds
from hostile import Hostile, called
from laptop import Laptop
from loopback import Loopback, free_port
from project import Project

pytestmark = pytest.mark.needs("ssh", "uv")

BAD = {
    "identity": ["x\\", 'a"b', "a'b", "%r", "${HOME}", "-x", " x", "a\u2028b", "`x`"],
    "user": ["x\\", "a b", "-x", "a%h", "$USER", "a;b", "a\u2028b", ""],
}


@pytest.fixture
def project(laptop: Laptop) -> Project:
    assert laptop.key
    answers = {"remote_host": "127.0.0.1", "remote_port": free_port()}
    return Project.rendered(laptop, answers)


def ssh_conf(laptop: Laptop) -> Path:
    (found,) = (laptop.home / ".local/state").rglob("ssh.conf")
    return found


def test_no_value_of_the_users_ends_ssh(
    project: Project, counted: Callable[[str], None]
) -> None:
    project.remote("install")
    for key, values in BAD.items():
        for value in values:
            done = called(project, "install", f"--{key}={value}")
            told(done, 2, f"remote.local.toml: {key} is", "Nothing was changed")
            assert not (project.root / "remote.local.toml").exists()
            assert asked(project.laptop, "titanic")
    counted(f"{sum(map(len, BAD.values()))} logins and key files that can't be")


def test_a_value_that_is_there_already_is_corrected(project: Project) -> None:
    """An older ./remote took it, and wrote what ends the user's ssh to every host."""
    laptop = project.laptop
    project.remote("install")
    own = project.root / "remote.local.toml"
    own.write_text("[remotes.titanic]\nidentity = 'x\\'\nuser = 'ada'\n")
    with ssh_conf(laptop).open("a") as file:
        file.write('Host titanic\n    IdentityFile "x\\"\n')
    assert laptop.run("ssh", "-G", "elsewhere", check=False).returncode
    done = called(project, "status")
    told(done, 1, "identity is 'x\\\\'", f"Correct it in {own}")
    project.remote("install", "--identity", "~/.ssh/id_ed25519")
    assert asked(laptop, "elsewhere")
    assert asked(laptop, "titanic")["user"] == ["ada"]
    assert asked(laptop, "titanic")["identityfile"][0] == "~/.ssh/id_ed25519"


BROKEN = ["Host titanic\n    Port x\n", "", "\0\0\0\0"]


@pytest.mark.parametrize("text", BROKEN[: rounds(1, 3)])
def test_a_broken_file_is_repaired_by_the_next_command(
    project: Project, text: str
) -> None:
    laptop = project.laptop
    project.remote("install")
    whole = ssh_conf(laptop).read_text()
    ssh_conf(laptop).write_text(text)
    called(project, "push", "--only", "home")
    assert ssh_conf(laptop).read_text() == whole
    assert asked(laptop, "elsewhere")


def test_a_file_that_ssh_would_not_read_does_not_replace_a_good_one(
    project: Project,
) -> None:
    """The last resort, for a value that no check of ours knows."""
    laptop = project.laptop
    project.remote("install")
    whole = ssh_conf(laptop).read_text()
    # ssh reports a name with a quote in it as it is; it can't be written so.
    odd = b'Host 127.0.0.1\n    IdentityFile ~/a\\"b\n'
    wrote(".ssh/config.d/odd.conf", odd, 0o600)(laptop.home)
    config = laptop.home / ".ssh/config"
    config.write_text("Include ~/.ssh/config.d/odd.conf\n" + config.read_text())
    done = project.remote("push", "--only", "home", check=False)
    told(done, 1, "ssh would not read this line", 'a"b', "was not replaced")
    assert ssh_conf(laptop).read_text() == whole
    assert asked(laptop, "elsewhere")


def test_a_committed_file_that_ssh_would_not_read_is_not_installed(
    project: Project,
) -> None:
    laptop = project.laptop
    project.remote("install")
    hosts = project.root / "home/laptop/.ssh/config.d/titanic.conf"
    hosts.write_text(hosts.read_text() + "    Port x\n")
    done = project.remote("install", check=False)
    told(done, 1, "ssh would not read", "Nothing was installed")
    assert asked(laptop, "elsewhere")


def test_a_socket_of_the_remotes_that_is_too_long(
    laptop: Laptop, project: Project, tmp_path: Path
) -> None:
    project.remote("install")
    hostile = Hostile(laptop, tmp_path)
    for place in ("/" + "x" * 107, "/" + "é" * 54, "/a:b", "/a'b", "/a`b`"):
        hostile.says(f"socket\t{place}", "token\tx")
        told(called(project, "tunnel", "up"), 1, "invalid address")
        assert asked(laptop, "elsewhere")
    hostile.says(f"socket\t/{'x' * 102}", "token\tx")
    called(project, "tunnel", "up")
    assert "x" * 102 in ssh_conf(laptop).read_text()
    assert asked(laptop, "elsewhere")


def test_a_folder_that_is_not_the_codes_is_refused(project: Project) -> None:
    toml = project.root / "remote.toml"
    text = toml.read_text()
    for folder in (".git", ".ssh", "a/.git", ".config/x", "a/..", "/a"):
        toml.write_text(text.replace('dir = "titanic"', f'dir = "{folder}"'))
        told(called(project, "push"), 1, f"dir is {folder!r}")
    toml.write_text(text.replace("lab_port = 8000", "lab_port = 80"))
    told(called(project, "push"), 1, "lab_port is 80", "1024")


def test_a_short_password_is_not_sent(
    laptop: Laptop, project: Project, tmp_path: Path
) -> None:
    Hostile(laptop, tmp_path)
    for text in ("", "x", "1234567"):
        done = project.remote("lab", "password", input=f"{text}\n", check=False)
        told(done, 1, "at least 8 characters", "nothing was sent")


# What a remote complains of, without end

ENDLESS = "exec yes $(head -c 9999 /dev/zero | tr '\\0' x) >&2"


@pytest.mark.timeout(120)
def test_complaints_without_end_are_cut_off(
    laptop: Laptop, project: Project, tmp_path: Path
) -> None:
    hostile = Hostile(laptop, tmp_path)
    hostile.says(more=ENDLESS)
    done = project.remote("push", "--only", "home", check=False, timeout=100)
    told(done, 1, "sends more than an answer can hold")


@pytest.mark.needs("nss_wrapper", "sshd")
def test_the_users_own_options_for_logins_are_not_for_us(
    laptop: Laptop, loopback: Loopback, tmp_path: Path
) -> None:
    """They are for a login of the user's, which keeps them."""
    project = Project.rendered(laptop, reaches(loopback))
    ran, taken = tmp_path / "ran", free_port()
    config = f"""\
Host *
    ForwardAgent yes
    PermitLocalCommand yes
    LocalCommand touch {ran}
    RemoteCommand echo remote command
    LocalForward {taken} localhost:1
    RemoteForward {free_port()} localhost:1
    DynamicForward {free_port()}
    ExitOnForwardFailure yes
    RequestTTY force
    ForwardX11 yes
"""
    wrote(".ssh/config", config.encode(), 0o600)(laptop.home)
    agent: dict[str, str] = {}
    for line in laptop.run("ssh-agent", "-s").stdout.splitlines():
        name, _, value = line.partition(";")[0].partition("=")
        agent |= {name: value} if name.startswith("SSH_") else {}
    with subprocess.Popen(
        [
            "python3",
            "-c",
            "import socket, sys, time; s = socket.socket();"
            f" s.bind(('127.0.0.1', {taken})); s.listen(); time.sleep(1000)",
        ]
    ) as holder:
        try:
            project.remote("push", "--only", "home", env=agent)
            project.remote("install", env=agent)
            assert not ran.exists()
            theirs = asked(laptop, "titanic")
            assert theirs["forwardagent"] == ["yes"]
            assert theirs["remotecommand"] == ["echo remote command"]
            login = ["-o", "ClearAllForwardings=yes", "-o", "RequestTTY=no"]
            login += ["-o", "RemoteCommand=none"]
            seen = laptop.run(
                *("ssh", *login, "titanic", 'echo "[$SSH_AUTH_SOCK]"'), env=agent
            )
            assert seen.stdout.strip() not in ("", "[]")
            assert ran.exists()
        finally:
            holder.kill()
            os.kill(int(agent["SSH_AGENT_PID"]), 15)


LISTENER = """
import pathlib, socket, sys
server = socket.socket(socket.AF_UNIX)
server.bind(sys.argv[1] + "/lab.sock")
server.listen()
print("ready", flush=True)
while True:
    server.accept()[0].sendall(b"hello from the lab")
"""


@pytest.mark.needs("nss_wrapper", "sshd")
def test_the_users_forwards_are_not_the_tunnels(
    laptop: Laptop, loopback: Loopback
) -> None:
    """One of them that can't be made does not end it, nor is its port called taken."""
    port, taken, there = free_port(), free_port(), free_port()
    project = Project.rendered(laptop, {**reaches(loopback), "lab_port": port})
    config = (
        f"Host *\n    LocalForward {taken} localhost:1\n"
        f"    RemoteForward {there} localhost:1\n"
    )
    wrote(".ssh/config", config.encode(), 0o600)(laptop.home)
    state = loopback.home / project.state.relative_to(project.home)
    state.mkdir(parents=True)
    # What tells the lab's process from any other is its python.
    python = f"{loopback.home}/titanic/.venv/bin/python"
    with (
        socket.create_server(("127.0.0.1", taken)),
        subprocess.Popen(
            [sys.executable, "-c", LISTENER, state, python], stdout=subprocess.PIPE
        ) as lab,
    ):
        try:
            assert lab.stdout
            assert lab.stdout.readline()
            (state / "lab.addr").write_text(f"pid={lab.pid}\nsocket={state}/lab.sock\n")
            (state / "token").write_text("secret")
            project.remote("tunnel", "up")
            with socket.create_connection(("127.0.0.1", port), timeout=10) as way:
                assert way.recv(64) == b"hello from the lab"
            with pytest.raises(OSError, match="refused"):
                socket.create_connection(("127.0.0.1", there), timeout=10)
            assert "was up" in project.remote("tunnel", "up").stderr
            project.remote("tunnel", "down")
        finally:
            lab.kill()
