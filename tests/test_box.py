"""The tests' own ground: the box, the laptop, the loopback server, the browser."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from box import Account, Box
from conftest import BOX_NEEDS
from image import apt_source, sources
from laptop import Laptop, Terminal
from loopback import Loopback, free_port
from needs import missing, require
from process import CommandFailed, wait_until

if TYPE_CHECKING:
    from browser import Browser

pytestmark = pytest.mark.xdist_group("box-2")

NEW_HOST = ("-o", "StrictHostKeyChecking=accept-new")


# The box


def test_a_login_has_a_systemd_of_its_own(fresh_user: Account, laptop: Laptop) -> None:
    said = laptop.run(
        "ssh",
        *NEW_HOST,
        f"{fresh_user.name}@{fresh_user.box.address}",
        "systemctl --user is-system-running; pwd; echo $XDG_RUNTIME_DIR",
    ).stdout.split()
    assert said[:2] == ["running", fresh_user.home]
    assert re.fullmatch(r"/run/user/\d+", said[2])


def test_sh_works_for_root_and_in_a_users_session(fresh_user: Account) -> None:
    assert fresh_user.box.sh("id -un; pwd").stdout.split() == ["root", "/root"]
    said = fresh_user.sh("id -un; pwd; systemctl --user is-system-running").stdout
    assert said.split() == [fresh_user.name, fresh_user.home, "running"]
    with pytest.raises(CommandFailed, match="exit 3"):
        fresh_user.sh("exit 3")


def test_what_a_user_leaves_in_the_background_goes_on(fresh_user: Account) -> None:
    fresh_user.sh("sleep 1000 >/dev/null 2>&1 &")
    assert fresh_user.box.sh(f"pgrep -u {fresh_user.name} -x sleep").stdout


def test_a_user_may_let_his_services_linger(fresh_user: Account) -> None:
    fresh_user.sh("loginctl enable-linger")
    assert fresh_user.box.sh(f"ls /var/lib/systemd/linger/{fresh_user.name}").stdout


@pytest.mark.parametrize("shell", ["zsh", "fish", "csh", "dash"])
def test_login_shells(box: Box, laptop: Laptop, shell: str) -> None:
    account = box.add_user(f"likes-{shell}", laptop.key, shell=f"/usr/bin/{shell}")
    host = f"{account.name}@{box.address}"
    said = laptop.run("ssh", *NEW_HOST, host, "echo $SHELL").stdout
    assert said == f"/usr/bin/{shell}\n"
    box.remove_user(account)


def test_sudo_is_for_those_who_have_it(box: Box, fresh_user: Account) -> None:
    assert fresh_user.sh("sudo -n id -u", check=False).returncode != 0
    admin = box.add_user("admin", sudo="nopasswd")
    assert admin.sh("sudo -n id -u").stdout == "0\n"
    box.remove_user(admin)


def test_the_box_has_no_way_out(box: Box) -> None:
    assert "default" not in box.sh("ip route; ip -6 route").stdout
    assert box.sh("getent hosts deb.debian.org", check=False).returncode != 0
    connect = "timeout 5 bash -c '</dev/tcp/1.1.1.1/443'"
    assert "unreachable" in box.sh(connect, check=False).stderr


def test_reboots_keep_the_files_and_start_what_lingers(own_box: Box) -> None:
    ada = own_box.add_user("ada")
    ada.sh(
        "loginctl enable-linger; mkdir -p ~/.config/systemd/user/default.target.wants;"
        "cd ~/.config/systemd/user;"
        "printf '[Service]\\nExecStart=/bin/sleep 1000\\n' >nap.service;"
        "ln -s ../nap.service default.target.wants/"
    )
    boots = [own_box.sh("cat /proc/sys/kernel/random/boot_id").stdout]
    for power_cut in (False, True):
        own_box.sh("sync")
        own_box.reboot(power_cut=power_cut)
        boots.append(own_box.sh("cat /proc/sys/kernel/random/boot_id").stdout)
        assert own_box.sh("systemctl is-system-running").stdout == "running\n"
        wait_until(
            lambda: own_box.sh("pgrep -u ada -x sleep", check=False).stdout,
            "ada's service",
        )
    assert len(set(boots)) == 3


def test_boxes_beside_each_other_do_not_meet(box: Box, own_box: Box) -> None:
    assert box.address != own_box.address
    own_box.add_user("only-here")
    assert "only-here" not in box.sh("cat /etc/passwd").stdout
    reach = f"timeout 5 bash -c '</dev/tcp/{own_box.address}/22'"
    assert box.sh(reach, check=False).returncode != 0


def test_what_a_killed_run_left_is_swept() -> None:
    require(*BOX_NEEDS)
    program = (
        "from box import Box\nb = Box(); b.start(); print(b.address, flush=True)\n"
    )
    run = subprocess.Popen(
        [sys.executable, "-c", program + "input()"],
        cwd=Path(__file__).parent,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert run.stdout
    address = run.stdout.readline().strip()
    run.kill()
    run.communicate()
    left = _processes_on_cable(address)
    assert left
    with Box():
        assert not any(_runs(int(pid)) for pid in left)


def _processes_on_cable(address: str) -> set[str]:
    """Return the pids in the network namespace that has *address*."""
    for file in Path("/run/netns").glob("remote-lab-*"):
        shown = subprocess.run(
            ["ip", "-n", file.name, "address"], capture_output=True, text=True
        )
        if f" {address}/" in shown.stdout:
            pids = ["ip", "netns", "pids", file.name]
            done = subprocess.run(pids, capture_output=True, text=True, check=True)
            return set(done.stdout.split())
    return set()


def test_apt_sources_in_both_formats() -> None:
    old = "# deb http://no sid main\ndeb [arch=amd64] http://a bookworm main\n"
    assert list(sources(old, deb822=False)) == [("http://a", "bookworm")]
    new = (
        "Types: deb-src\nURIs: http://no\nSuites: bookworm\n\n"
        "Types: deb\n# why not\nURIs: http://a\n http://b\nSuites: bookworm\n\n"
        "Enabled: no\nTypes: deb\nURIs: http://no\nSuites: bookworm\n"
    )
    assert [uri for uri, _ in sources(new, deb822=True)] == ["http://a", "http://b"]


def test_a_machine_without_sources_gets_the_default(tmp_path: Path) -> None:
    assert apt_source(tmp_path)[0].startswith("http")


# The laptop


def test_the_laptop_has_a_home_of_its_own(laptop: Laptop) -> None:
    home = str(laptop.home)
    assert laptop.key.startswith("ssh-ed25519 ")
    assert f"userknownhostsfile {home}/.ssh/known_hosts" in (
        laptop.run("ssh", "-G", "somewhere").stdout
    )
    for asked in ("echo ~", "cd; pwd", "getent passwd $(id -u) | cut -d: -f6"):
        assert laptop.run("sh", "-c", asked).stdout.strip() == home
    assert laptop.run("git", "config", "user.name").stdout == "Ada Lovelace\n"
    assert "XDG" not in laptop.run("env").stdout


def test_ssh_copy_id_reads_the_laptops_key(laptop: Laptop, loopback: Loopback) -> None:
    where = ("-p", str(loopback.port), f"{loopback.user}@{loopback.address}")
    laptop.run("ssh-copy-id", "-f", *NEW_HOST, *where)
    keys = (loopback.home / ".ssh" / "authorized_keys").read_text()
    assert keys.split()[1] == laptop.key.split()[1]


def test_a_terminal_for_one_command(laptop: Laptop) -> None:
    asks = "read word </dev/tty; test -t 1 && echo got $word; exit 3"
    done = laptop.run("sh", "-c", asks, tty=True, input="it\n", check=False)
    assert (done.stdout, done.returncode) == ("it\ngot it\n", 3)
    with pytest.raises(subprocess.TimeoutExpired):
        laptop.run("sleep", "1000", tty=True, timeout=0.2)


def test_a_screen_to_type_at(laptop: Laptop) -> None:
    with Terminal(laptop) as screen:
        screen.type("echo $((6 * 7)) in $HOME; sleep 1000")
        screen.wait_for(f"42 in {laptop.home}")
        screen.send_keys("C-c")
        screen.type("echo status $?")
        screen.wait_for(re.compile(r"^status 130$", re.MULTILINE))
        with pytest.raises(TimeoutError, match="status 130"):
            screen.wait_for("never shown", timeout=0.2)


def test_nothing_of_the_laptop_outlives_it() -> None:
    require("nss_wrapper")
    with Laptop() as laptop:
        pid = int(laptop.run("sh", "-c", "sleep 1000 >&- 2>&- & echo $!").stdout)
        os.kill(pid, 0)
    assert not laptop.home.exists()
    wait_until(lambda: not _runs(pid), "the leftover to be gone")


def _runs(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


# The loopback server


def test_the_loopback_session_is_elsewhere_and_has_no_systemd(
    laptop: Laptop, loopback: Loopback
) -> None:
    where = ("-p", str(loopback.port), f"{loopback.user}@{loopback.address}")
    said = laptop.run("ssh", *NEW_HOST, *where, "pwd; echo ~; echo $HOME")
    assert set(said.stdout.split()) == {str(loopback.home)} != {str(laptop.home)}
    probe = laptop.run("ssh", *where, "systemctl --user status", check=False)
    assert "not been booted with systemd" in probe.stderr


def test_the_loopback_takes_settings_and_a_shell(
    laptop: Laptop, tmp_path: Path
) -> None:
    require("nss_wrapper", "sshd", "zsh")
    (tmp_path / "banner").write_text("members only\n")
    settings = [f"Banner {tmp_path}/banner"]
    with Loopback(laptop.key, shell="/bin/zsh", config=settings) as loopback:
        where = ("-p", str(loopback.port), f"{loopback.user}@{loopback.address}")
        laptop.run("ssh", *NEW_HOST, *where, "sleep 1000 >&- 2>&- </dev/null &")
        done = laptop.run("ssh", *where, "echo $ZSH_NAME")
        assert done.stdout == "zsh\n"
        assert done.stderr == "members only\n"
    assert not loopback.home.exists()


# The browser


@pytest.mark.needs("uv", "network")
def test_a_notebook_in_the_browser(laptop: Laptop, browser: Browser) -> None:
    port = free_port()
    options = f"--no-browser --allow-root --ServerApp.port={port}"
    token = "--IdentityProvider.token=secret"
    lab = ["uv", "run", "--no-project", "--with=jupyterlab", "jupyter", "lab", token]
    with (laptop.home / "lab.log").open("wb") as log:
        subprocess.Popen(
            [*lab, *options.split()],
            cwd=laptop.home,
            env=laptop.env,
            stdout=log,
            stderr=log,
        )
    base = f"http://127.0.0.1:{port}"
    ask = ("curl", "-sf", f"{base}/api/status?token=secret")
    wait_until(lambda: laptop.run(*ask, check=False).stdout, "the lab", 120)
    page = browser.open_lab(f"{base}/lab?token=secret")
    for answer in ("1", "2"):  # the second finds the first one's tab restored
        page.new_notebook()
        assert page.run_cell(f"x = {answer}\nif x:\n    print([x])") == f"[{answer}]"
        assert page.run_cell("x") == answer
    page.page.keyboard.press("Control+s")
    page.open_notebook("Untitled.ipynb")
    assert page.run_cell("x + 1") == "2"
    assert page.screenshot("notebook").stat().st_size > 10_000


# What a machine lacks


def test_a_need_that_is_not_met(monkeypatch: pytest.MonkeyPatch) -> None:
    assert missing("sh") == ""
    monkeypatch.delenv("REMOTE_LAB_NO_SKIP", raising=False)
    with pytest.raises(pytest.skip.Exception, match="no-such-program"):
        require("no-such-program")
    monkeypatch.setenv("REMOTE_LAB_NO_SKIP", "1")
    with pytest.raises(pytest.fail.Exception, match="forbids skipping"):
        require("no-such-program")
