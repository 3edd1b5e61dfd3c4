"""Odd servers, over a real ssh: what sshd forbids or forces, and limits."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from checks import told
from loopback import free_port
from odd import OddRemote
from process import wait_until
from project import sees
from pushing import after_push

pytestmark = pytest.mark.needs("ssh", "uv", "nss_wrapper", "sshd")

Counted = Callable[[str], None]


# sshd's settings


def test_one_session_a_login() -> None:
    with OddRemote("MaxSessions 1") as account:
        account.lives("home,code")
        account.remote("install")
        # While somebody has the one session, there has to be another login.
        begun = account.home / "begun"
        with subprocess.Popen(
            ["ssh", "titanic", ": >begun; exec sleep 100"],
            env=account.laptop.env,
            stdin=subprocess.DEVNULL,
        ) as other:
            wait_until(begun.exists, "the session to begin")
            account.push()
            account.edit()
            account.push()
            account.remote("undo")
            assert other.poll() is None
            other.terminate()


def test_no_session_at_all() -> None:
    with OddRemote("MaxSessions 0") as account:
        for _ in range(2):  # by a login of its own, and by one that is there
            account.refuses("opens no session", "MaxSessions", code=4)


FORCED = {
    "ForceCommand echo welcome": "It printed: welcome",
    "ForceCommand internal-sftp": "allows only sftp, and runs no commands",
    "ForceCommand false": "It printed nothing",
    'ForceCommand git-shell -c "$SSH_ORIGINAL_COMMAND"': "unrecognized command",
}


@pytest.mark.parametrize("line", FORCED)
def test_a_command_that_is_forced(line: str) -> None:
    with OddRemote(line) as account:
        account.refuses(FORCED[line], "Ask", "ssh titanic echo hello")


@pytest.mark.parametrize("command", ["echo welcome", 'sh -c "$SSH_ORIGINAL_COMMAND"'])
def test_a_key_with_a_command(command: str) -> None:
    with OddRemote() as account:
        known = account.home.parent / "authorized_keys"
        quoted = command.replace('"', '\\"')
        known.write_text(f'command="{quoted}" {known.read_text()}')
        if "ORIGINAL" in command:
            account.lives()
        else:
            account.refuses("It printed: welcome", "command= in authorized_keys")


def test_strict_settings_that_serve(tmp_path: Path) -> None:
    banner = tmp_path / "banner"
    banner.write_text("Authorised users only!\nPermission denied for others\n")
    strict = ["PermitTTY no", "DisableForwarding yes", "PrintMotd yes"]
    strict += ["PermitUserRC no", "MaxAuthTries 1", "RekeyLimit 4K", "MaxStartups 1"]
    forced = 'ForceCommand echo motd; eval "$SSH_ORIGINAL_COMMAND"'
    with OddRemote(f"Banner {banner}", *strict, forced) as account:
        account.lives("home,code")


@pytest.mark.needs("python3")
def test_a_tunnel_that_is_forbidden() -> None:
    line = "AllowStreamLocalForwarding no"
    with OddRemote(line, lab_port=free_port()) as account:
        account.be(stage='export TMUX_TMPDIR="$HOME"')  # apart from other tests' labs
        account.push()
        account.stand_in()
        account.remote("lab", "start")
        done = account.remote("open", "--no-browser", check=False)
        told(done, 1, "its sshd forbids forwarding", line)
        account.remote("tunnel", "down")
        account.remote("remove")


# Limits of the account: root is above them

NOBODY = """\
chown -R nobody "$HOME"
ulimit {0}
exec setpriv --reuid nobody --clear-groups /bin/bash "$@"
"""
LIMITS = {
    "processes": [f"-p {number}" for number in range(9)],
    "blocks of a file": [f"-f {number}" for number in (0, 1, 2, 4, 8, 20, 40)],
    "open files": [f"-n {number}" for number in range(11, 14)],
}


@pytest.mark.needs("root", "setpriv", "dash")
@pytest.mark.parametrize("kind", LIMITS)
def test_limits(account: OddRemote, counted: Counted, kind: str) -> None:
    account.home.parent.chmod(0o711)
    account.anew({})
    account.be(stage=NOBODY.format("-S -c 0"))
    account.push()
    before = sees(account.home)
    account.edit()
    refused = named = 0
    for limit in LIMITS[kind]:
        account.be(stage=NOBODY.format(limit))
        done = account.push(check=False)
        if done.returncode == 0:
            break
        refused += 1
        named += "limit of the account" in done.stderr
        told(done, 1, "as it was")
        assert sees(account.home) == before
    assert named >= 2
    account.be(stage=NOBODY.format("-S -c 0"))
    account.push()
    assert sees(account.home) == after_push(account.project)
    state = account.home / ".local/state/remote-lab/titanic"
    assert not [*state.glob("in.*"), *state.glob("generations/*.part")]
    counted(f"{refused} pushes under a limit on {kind}")


@pytest.mark.needs("root")
def test_no_memory(account: OddRemote) -> None:
    account.be(stage="ulimit -v 4000")
    account.anew({})
    account.refuses("cannot allocate")
