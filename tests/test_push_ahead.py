"""The head start: ssh is on its way before the program knows all, and never to a place
where it should not be."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from laptop import Laptop
from loopback import Loopback
from project import Project, sees

pytestmark = pytest.mark.needs("nss_wrapper", "sshd", "ssh")

# A command line that waits for ssh, and does nothing else.
WAITS = """
import pathlib, sys, time
def main():
    for _ in range(100):
        if pathlib.Path({log!r}).exists():
            sys.exit(7)
        time.sleep(0.1)
"""


def reaches(server: Loopback) -> dict[str, str | int]:
    """The answers for a project whose remote this is."""
    return {
        "remote_host": server.address,
        "remote_port": server.port,
        "remote_user": server.user,
    }


@pytest.fixture
def log(laptop: Laptop, tmp_path: Path) -> Path:
    """Where each ssh of the laptop's writes down its arguments."""
    log, real = tmp_path / "log", shutil.which("ssh")
    ssh = tmp_path / "bin/ssh"
    ssh.parent.mkdir()
    ssh.write_text(f'#!/bin/sh\necho "$*" >>{log}\nexec {real} "$@"\n')
    ssh.chmod(0o755)
    laptop.env["PATH"] = f"{ssh.parent}{os.pathsep}{laptop.env['PATH']}"
    return log


def push(project: Project, log: Path) -> list[str]:
    """Push the home pieces; the connections that were begun for it."""
    log.unlink(missing_ok=True)
    project.remote("push", "--only", "home")
    return [line for line in log.read_text().splitlines() if " -T " in line]


def test_ssh_is_called_before_the_program_is_loaded(
    laptop: Laptop, loopback: Loopback, log: Path
) -> None:
    project = Project.rendered(laptop, reaches(loopback))
    assert len(push(project, log)) == 1
    (project.pieces / ".news").write_text("news\n")
    assert len(push(project, log)) == 1
    assert (loopback.home / ".news").exists()
    log.unlink()
    cli = project.root / "remote_lab/cli.py"
    cli.write_text(WAITS.format(log=str(log)))
    assert project.remote("push", check=False).returncode == 7
    log.unlink()
    cli.write_text("import sys\ndef main(): sys.exit(7)\n")
    for words in (["status"], ["push", "--help"]):
        project.remote(*words, check=False)
    assert not log.exists()


@pytest.mark.parametrize("seen", ["seen", "unseen"])
def test_a_remote_that_has_moved_is_found_where_it_is(
    laptop: Laptop, loopback: Loopback, log: Path, seen: str
) -> None:
    """Even where a file looks as it did before, the old place gets nothing."""
    project = Project.rendered(laptop, reaches(loopback))
    push(project, log)
    before = sees(loopback.home)
    (project.pieces / ".config/remote-lab/titanic/news").write_text("news\n")
    with Loopback(laptop.key) as other:
        hosts = project.root / "home/laptop/.ssh/config.d/titanic.conf"
        was = hosts.stat()
        hosts.write_text(hosts.read_text().replace(str(loopback.port), str(other.port)))
        if seen == "unseen":
            os.utime(hosts, ns=(was.st_atime_ns, was.st_mtime_ns))
        same = (was.st_size, was.st_mtime_ns) == (
            hosts.stat().st_size,
            hosts.stat().st_mtime_ns,
        )
        calls = push(project, log)
        assert len(calls) == 1 + same
        assert "news" in str(sees(other.home))
    assert sees(loopback.home) == before
