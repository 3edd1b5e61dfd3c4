"""What runs the lab: each backend on the box, and the moves from one to the next.

One account goes through them all, in the order of the file: its environment is built
once. What `auto` picks is in test_on_box.py and test_faults_on_box.py.
"""

from __future__ import annotations

import re
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from box import Account
from jupyter import Server
from laptop import Laptop
from live import Live
from loopback import free_port
from process import wait_until
from project import Project

from remote_lab.lab.opening import answers

pytestmark = [pytest.mark.xdist_group("box"), pytest.mark.timeout(300)]

UNIT = "jupyter-titanic@bob.service"
# All but the code, which stays, what IPython keeps for all projects, and the folders
# of .local and .cache, which are everybody's.
WHOLE_HOME = r"""
find . -path ./titanic -prune -o -path ./.ipython -prune -o \
    \( ! -type d -o -name '*titanic*' \) -printf '%M %p %l\n' | sort
cat .bashrc
"""


@dataclass
class Bob:
    """A project whose lab runs on an account that may use sudo."""

    project: Project
    account: Account
    before: str
    port: int

    def answer(self, question: str, value: str) -> None:
        """Change an answer in remote.toml."""
        file = self.project.root / "remote.toml"
        text, count = re.subn(
            rf'^{question} = "[a-z-]+"',
            f'{question} = "{value}"',
            file.read_text(),
            flags=re.MULTILINE,
        )
        assert count == 1
        file.write_text(text)

    def labs(self) -> list[str]:
        """The pids of all labs that this account runs."""
        listed = self.account.sh("pgrep -u bob -f 'python -P -m [j]upyterlab'", False)
        return listed.stdout.split()

    def server(self) -> Server:
        return Server(self.project.remote("open", "--no-browser").stdout.strip())

    def comes_back(self) -> None:
        """Kill the lab, and see it back, with the tunnel as it is."""
        server, (pid,) = self.server(), self.labs()
        self.account.sh(f"kill -9 {pid}")
        wait_until(lambda: self.labs() not in ([], [pid]), "the lab")
        # How long JupyterLab then takes to answer is the machine's affair.
        token = self.account.sh("cat ~/.local/state/remote-lab/titanic/token").stdout
        wait_until(lambda: answers(server.base, token), "the same tunnel")
        assert len(self.labs()) == 1


@pytest.fixture(scope="module")
def bob(live: Live) -> Iterator[Bob]:
    with Laptop() as laptop:
        account = live.box.add_user("bob", laptop.key, sudo="nopasswd")
        before = account.sh(WHOLE_HOME).stdout
        port = free_port()
        asked = {
            "remote_host": live.box.address,
            "remote_user": "bob",
            "service": "systemd-system",
            "lab_port": port,
        }
        project = live.another(laptop, asked)
        yield Bob(project, account, before, port)
        project.remote("tunnel", "down", check=False)


def test_systemd_system_has_the_classic_shape(bob: Bob) -> None:
    said = bob.project.remote("push", timeout=240).stderr
    assert "started the lab, managed by systemd (system)" in said
    shown = bob.account.sh(
        f"systemctl show {UNIT} -p User,WorkingDirectory,Restart,RestartUSec,"
        "UnitFileState,ActiveState,FragmentPath,MainPID"
    ).stdout
    told = dict(line.split("=", 1) for line in shown.splitlines())
    assert bob.labs() == [told.pop("MainPID")]
    assert told == {
        "User": "bob",
        "WorkingDirectory": "~",
        "Restart": "always",
        "RestartUSec": "10s",
        "UnitFileState": "enabled",
        "ActiveState": "active",
        "FragmentPath": "/etc/systemd/system/jupyter-titanic@.service",
    }
    links = bob.account.sh("ls /etc/systemd/system/multi-user.target.wants").stdout
    assert UNIT in links
    with bob.server().kernel() as kernel:
        assert kernel.run("import os; os.environ['HOME']") == ("'/home/bob'")


def test_systemd_takes_the_units_that_are_installed(bob: Bob) -> None:
    done = bob.account.sh(
        f"systemd-analyze verify {UNIT} &&"
        " systemd-analyze --user verify ~/.config/systemd/user/jupyter-titanic.service"
    )
    assert "titanic" not in done.stdout + done.stderr


def test_systemd_system_brings_a_killed_lab_back(bob: Bob) -> None:
    bob.comes_back()


def test_systemd_system_starts_it_at_boot(live: Live, bob: Bob) -> None:
    live.box.reboot()
    wait_until(bob.labs, "the lab")
    assert bob.server().ask("status")["kernels"] == 0


def test_a_lab_in_use_is_not_moved_unasked(bob: Bob) -> None:
    bob.answer("service", "tmux")
    before = bob.labs()
    with bob.server().kernel():  # open does not move it, either
        said = bob.project.remote("push").stderr
        assert "systemd (system) still manages the lab" in said
        assert "./remote lab restart" in said
    assert bob.labs() == before


def test_a_push_moves_it_to_tmux_and_leaves_nothing_behind(bob: Bob) -> None:
    said = bob.project.remote("push").stderr
    assert "tmux manages the lab now; it was systemd (system)" in said
    assert "nothing to do" not in said
    assert bob.server().ask("status")
    assert len(bob.labs()) == 1
    assert "lab:" in bob.account.sh("tmux -L titanic list-sessions").stdout
    assert "titanic" not in bob.account.sh("ls -R /etc/systemd/system").stdout
    assert "nothing to do" in bob.project.remote("push").stderr


def test_tmux_brings_a_killed_lab_back(bob: Bob) -> None:
    bob.comes_back()


def test_lab_stop_ends_what_runs_in_tmux(bob: Bob) -> None:
    bob.server().ask("kernels", {})
    bob.project.remote("lab", "stop", "--yes")
    left = bob.account.sh("ps -u bob -o args=").stdout
    assert "jupyter" not in left
    assert "ipykernel" not in left
    assert "supervise" not in left
    assert "tmux" not in left


def test_the_classic_tunnel_to_a_port(live: Live, bob: Bob) -> None:
    """lab_listen: port, as `copier update` would bring it."""
    asked = {
        "remote_host": live.box.address,
        "remote_user": "bob",
        "service": "systemd-user",
        "lab_listen": "port",
        "lab_port": bob.port,
    }
    other = Project.rendered(bob.project.laptop, asked, folder="other")
    for name in ("home", "remote.toml"):
        bob.project.laptop.run("cp", "-r", other.root / name, bob.project.root)
    bob.project.remote("push", timeout=240)
    server = bob.server()
    assert server.base == f"http://127.0.0.1:{bob.port}/titanic"
    page = urllib.request.urlopen(f"{server.base}/lab?token={server.token}")
    assert b"jupyter-config-data" in page.read()
    with server.kernel() as kernel:
        assert kernel.run("6 * 7") == "42"
    listeners = bob.account.sh("ss -Hltn").stdout
    assert "127.0.0.1:8089" in listeners
    assert "0.0.0.0:8089" not in listeners
    # Others can knock at it, and that is all.
    for path in ("api/contents", "api/kernels", "lab"):
        knock = f"http://127.0.0.1:8089/titanic/{path}"
        get = f"import urllib.request as r; print(r.urlopen('{knock}').url)"
        done = live.account.sh(f'python3 -c "{get}"', check=False)
        assert "403" in done.stderr or "/login?" in done.stdout, path


def test_remove_takes_everything_off(bob: Bob) -> None:
    bob.answer("service", "systemd-system")
    assert "systemd (system) manages the lab now" in bob.project.remote("push").stderr
    assert bob.server().ask("status")
    bob.project.remote("remove")
    assert bob.labs() == []
    assert "titanic" not in bob.account.sh("ls -R /etc/systemd/system").stdout
    assert bob.account.sh(WHOLE_HOME).stdout.splitlines() == bob.before.splitlines()
    assert bob.account.sh("ls titanic/uv.lock").stdout
