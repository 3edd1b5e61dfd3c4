"""A lab that runs on the box: the project that several test files look at.

It is made once a run, as a user makes it: `copier copy`, with the answers that set up
the laptop and push at once. Tests leave its lab running, and its files as they were.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from box import Account, Box
from jupyter import Server
from laptop import Laptop
from loopback import free_port
from project import Project


@dataclass
class Live:
    """A project whose lab runs on an account of the box."""

    box: Box
    laptop: Laptop
    account: Account
    project: Project
    first_push: str
    port: int

    def lab_pid(self) -> str:
        """The server's pid, as the account's systemd has it."""
        return self.account.sh(
            "systemctl --user show -P MainPID jupyter-titanic"
        ).stdout.strip()

    def token(self) -> str:
        """The token that the lab has now: each start makes another one."""
        return self.account.sh("cat .local/state/remote-lab/titanic/token").stdout

    def url(self) -> str:
        """What ./remote open prints."""
        return self.project.remote("open", "--no-browser").stdout.strip()

    def another(self, laptop: Laptop, answers: dict[str, Any]) -> Project:
        """A further project; what its environment needs is on the laptop already."""
        project = Project.rendered(laptop, answers)
        shutil.copy(self.project.root / "uv.lock", project.root)
        project.commit("Add uv.lock")
        wheels = Path(".cache", "remote-lab", "_wheels")
        (laptop.home / wheels).parent.mkdir(parents=True)
        (laptop.home / wheels).symlink_to(self.laptop.home / wheels)
        return project

    def server(self) -> Server:
        """The lab, through the tunnel."""
        return Server(self.url())


@pytest.fixture(scope="session")
def live(box: Box) -> Iterator[Live]:
    """The one lab of the run, on the account ada."""
    with Laptop() as laptop:
        account = box.add_user("ada", laptop.key)
        port = free_port()
        answers = {
            "remote_host": box.address,
            "remote_user": account.name,
            "lab_port": port,
            "setup_laptop": True,
            "push_now": True,
        }
        project, said = Project.copied(laptop, answers, timeout=240)
        yield Live(box, laptop, account, project, said, port)
        project.remote("uninstall", check=False)
