"""A push connects once, to the right place, and leaves no connection behind."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from laptop import Laptop
from loopback import Loopback
from process import wait_until
from project import Project, processes_of, sees

pytestmark = pytest.mark.needs("nss_wrapper", "sshd", "ssh")


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


def push(project: Project, log: Path, check: bool = True) -> list[str]:
    """Push the dotfiles; the connections that were begun for it."""
    log.unlink(missing_ok=True)
    project.remote("push", "--only", "home", check=check)
    return [line for line in log.read_text().splitlines() if " -T " in line]


def test_a_push_of_dotfiles_connects_once(
    laptop: Laptop, loopback: Loopback, log: Path
) -> None:
    project = Project.rendered(laptop, reaches(loopback))
    assert len(push(project, log)) == 1
    (project.pieces / ".news").write_text("news\n")
    assert len(push(project, log)) == 1
    assert (loopback.home / ".news").exists()


def test_a_push_that_is_refused_here_leaves_no_connection(
    laptop: Laptop, loopback: Loopback, log: Path
) -> None:
    project = Project.rendered(laptop, reaches(loopback))
    (project.pieces / ".news").write_text("<<<<<<< ours\n")
    before = sees(loopback.home)
    assert len(push(project, log, check=False)) == 1  # it was begun first
    wait_until(lambda: not processes_of(laptop.home), "the end of its ssh")
    assert sees(loopback.home) == before


@pytest.mark.parametrize("seen", ["seen", "unseen"])
def test_a_remote_that_has_moved_is_found_where_it_is(
    laptop: Laptop, loopback: Loopback, log: Path, seen: str
) -> None:
    """Even where a file has the date that it had before, the old place gets nothing."""
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
        assert len(push(project, log)) == 1
        assert "news" in str(sees(other.home))
    assert sees(loopback.home) == before
