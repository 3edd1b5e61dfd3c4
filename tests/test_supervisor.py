"""The supervisor of the tunnel: a real systemd on the test VM; launchd's file."""

import plistlib
from pathlib import Path

import click
import pytest
from box import Account
from live import Live
from process import wait_until

from remote_lab.lab.supervisor import Launchd, Systemd

PACKAGE = Path(__file__).parent.parent / "src/remote_lab"
LAB = ("__init__", "background", "keep_running", "supervisor")
NEEDED = (
    *("__init__.py", "errors.py", "tools/__init__.py", "tools/programs.py"),
    *(f"lab/{name}.py" for name in LAB),
)
TUNNEL = ["/usr/bin/ssh", "-N", "titanic-lab"]


@pytest.mark.xdist_group("box")
def test_systemd_brings_a_command_back_until_it_is_stopped(fresh_user: Account) -> None:
    # Root writes it: what others may read is enough.
    package = f"{fresh_user.home}/remote_lab"
    fresh_user.box.sh(f"mkdir -p {package}/lab {package}/tools")
    for name in NEEDED:
        text = (PACKAGE / name).read_text()
        fresh_user.box.sh(f"cat >{package}/{name}", input=text)

    def keep(call: str) -> str:
        text = "from pathlib import Path;"
        text += "from remote_lab.lab.supervisor import supervisor; "
        text += f"s = supervisor('tunnel', Path('note')); print(s.{call})"
        return fresh_user.sh(f'python3 -c "{text}"').stdout.strip()

    def pid() -> str:
        asked = fresh_user.sh("systemctl --user show -P MainPID tunnel.service")
        return asked.stdout.strip()

    assert keep("start(['sleep', '1000'])") == "True"
    first = pid()
    assert first != "0"
    fresh_user.sh(f"kill -9 {first}")
    wait_until(lambda: pid() not in ("0", first), "the command again")
    # Started again, it is one command still: the new one in place of the old.
    assert keep("start(['sleep', '2000'])") == "True"
    [only] = fresh_user.sh("pgrep -u $USER -a sleep").stdout.splitlines()
    assert only.endswith("sleep 2000")
    keep("stop()")
    assert fresh_user.sh("pgrep -u $USER sleep", check=False).stdout == ""


@pytest.mark.xdist_group("box")
def test_a_supervised_tunnel_comes_back(live: Live) -> None:
    """The box plays the laptop too, since a laptop with systemd is what it takes."""
    box, ada = live.box, live.account
    lap = box.add_user("lap", live.laptop.key)
    lap.sh("ssh-keygen -q -t ed25519 -N '' -f .ssh/id_ed25519")
    box.sh(f"cat {lap.home}/.ssh/id_ed25519.pub >>{ada.home}/.ssh/authorized_keys")
    send = ("rsync", "-a", "--exclude=.venv", "-e", "ssh -o StrictHostKeyChecking=no")
    there = f"{lap.name}@{box.address}:"
    for package in (Path(click.__file__).parent, PACKAGE):
        live.laptop.run(*send, package, there)
    live.laptop.run(*send, f"{live.project.root}/", f"{there}titanic")

    def tunnel(verb: str) -> str:
        done = lap.sh(
            f"cd titanic && PYTHONPATH=$HOME python3 remote tunnel {verb} 2>&1"
        )
        return done.stdout

    def answers() -> bool:
        url = f"http://127.0.0.1:{live.port}/titanic/api"
        ask = f"import urllib.request as r; print(r.urlopen('{url}').status)"
        return lap.sh(f'python3 -c "{ask}"', check=False).stdout.strip() == "200"

    unit = "remote-lab-tunnel-titanic.service"
    live.url()  # so that the lab runs
    assert "is up" in tunnel("up")
    assert answers()
    assert "was up" in tunnel("up")
    lap.sh(f"kill -9 $(systemctl --user show -P MainPID {unit})")
    wait_until(answers, "the tunnel again")
    assert "is down" in tunnel("down")
    assert not answers()
    state = lap.sh(f"systemctl --user is-active {unit}", check=False).stdout
    assert state.strip() == "inactive"


def test_systemd_is_told_never_to_give_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSH_AUTH_SOCK", "/run/agent.sock")
    command = Systemd("tunnel").start_command(TUNNEL)
    assert "--setenv=SSH_AUTH_SOCK=/run/agent.sock" in command
    assert "--property=StartLimitIntervalSec=0" in command
    assert command[-4:] == ["--", *TUNNEL]


def test_launchd_agent_is_one_that_launchd_reads() -> None:
    agent = plistlib.loads(Launchd("remote-lab-tunnel-titanic").agent(TUNNEL))
    assert agent["ProgramArguments"] == TUNNEL
    assert (agent["KeepAlive"], agent["ThrottleInterval"]) == (True, 10)
    assert "-f" not in agent["ProgramArguments"]
