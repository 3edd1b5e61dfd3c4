"""The main job, end to end, on the box: a bare account becomes a running lab."""

import json
import re

import pytest
from browser import Browser
from live import Live
from process import wait_until

from remote_lab.lab.opening import answers as answers_at

pytestmark = [pytest.mark.xdist_group("box"), pytest.mark.timeout(300)]

PASSENGERS = """\
import pandas as pd

passengers = pd.DataFrame(
    {
        "name": ["Cumings, Florence", "Futrelle, Lily May", "McCarthy, Timothy"],
        "age": [38, 35, 54],
        "fare": [71.28, 53.10, 51.86],
        "survived": [True, True, False],
    }
)
passengers.round(1)\
"""
TMUX = ".config/remote-lab/titanic/tmux.conf"


def test_setup_says_what_it_did(live: Live) -> None:
    assert "brought from here" in live.first_push  # the box has no way out
    assert "systemd (user)" in live.first_push
    assert "titanic is ready" in live.first_push
    assert "ada" in live.account.sh("ls /var/lib/systemd/linger").stdout.split()


def test_ssh_by_name_logs_in(live: Live) -> None:
    assert live.laptop.run("ssh", "titanic", "id", "-un").stdout.strip() == "ada"
    done = live.laptop.run("bash", "-ic", "alias", env={"HOME": str(live.laptop.home)})
    assert "titanic" in done.stdout


def test_push_again_has_nothing_to_do_and_restarts_nothing(live: Live) -> None:
    before = live.lab_pid()
    done = live.project.remote("push")
    assert "nothing to do" in done.stderr
    assert live.lab_pid() == before


def test_one_changed_file_is_pushed_alone_and_undone(live: Live) -> None:
    before, pid = live.account.sh(f"cat {TMUX}").stdout, live.lab_pid()
    live.project.edit(TMUX, "# new")
    done = live.project.remote("push", "--json")
    assert json.loads(done.stdout)[0]["changed"] == [TMUX]
    assert live.account.sh(f"cat {TMUX}").stdout == before + "# new\n"
    live.project.remote("undo")
    assert live.account.sh(f"cat {TMUX}").stdout == before
    assert live.lab_pid() == pid
    live.laptop.run("git", "checkout", "-q", "home", cwd=live.project.root)


def test_a_kernel_and_a_terminal_through_the_tunnel(live: Live) -> None:
    server = live.server()
    with server.kernel() as kernel:
        assert kernel.run("6 * 7") == "42"
        assert kernel.run("import socket; print(socket.gethostname())") == "box\n"
    with server.terminal() as terminal:
        terminal.type("echo hel''lo from $(id -un)\r")
        terminal.wait_for("hello from ada")


def test_lab_in_a_browser(live: Live, browser: Browser) -> None:
    lab = browser.open_lab(live.url())
    lab.new_notebook()
    assert lab.run_cell("1+1") == "2"
    assert "71.3" in lab.run_cell(PASSENGERS)
    lab.screenshot("lab")


def test_lab_killed_is_back_and_the_tunnel_works_on(
    live: Live, browser: Browser
) -> None:
    url, pid = live.url(), live.lab_pid()
    base, former = url.split("/lab?token=")
    browser.open_lab(url)
    live.account.sh(f"kill -9 {pid}")
    wait_until(lambda: live.lab_pid() not in ("0", pid), "the lab")
    # How long JupyterLab then takes to answer is the machine's affair.
    wait_until(lambda: live.token() != former, "a new token", timeout=45)
    token = live.token()
    wait_until(lambda: answers_at(base, token), "the same tunnel", timeout=45)
    # The browser is still logged in; and not the tabs of last time.
    lab = browser.open_lab(f"{base}/lab?reset")
    lab.new_notebook()
    assert lab.run_cell("2+2") == "4"


def test_lab_is_up_after_a_reboot(live: Live) -> None:
    live.box.reboot()
    wait_until(lambda: live.lab_pid() != "0", "the lab", timeout=30)
    assert re.fullmatch(
        rf"http://127\.0\.0\.1:{live.port}/titanic/lab\?token=[0-9a-f]+", live.url()
    )
