"""The main job, end to end, on the box: a bare account becomes a running lab."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from box import Account, Box
from browser import Browser
from laptop import Laptop
from process import wait_until
from project import Project
from remote_lab.opening import answers as answers_at

pytestmark = [pytest.mark.xdist_group("box"), pytest.mark.timeout(300)]

TMUX = ".config/titanic/tmux.conf"


@dataclass
class Live:
    """A project whose lab runs on an account of the box."""

    box: Box
    laptop: Laptop
    account: Account
    project: Project
    first_push: str

    def lab_pid(self) -> str:
        """The server's pid, as the account's systemd has it."""
        return self.account.sh(
            "systemctl --user show -P MainPID jupyter-titanic"
        ).stdout.strip()

    def url(self) -> str:
        """What ./remote open prints."""
        return self.project.remote("open", "--no-browser").stdout.strip()


def answers(box: Box, account: Account, **more: object) -> dict[str, object]:
    return {
        "remote_host": box.address,
        "remote_user": account.name,
        "setup_laptop": True,
        "push_now": True,
        **more,
    }


@pytest.fixture(scope="session")
def live(box: Box) -> Iterator[Live]:
    with Laptop() as laptop:
        account = box.add_user("ada", laptop.key)
        project, said = Project.copied(laptop, answers(box, account), timeout=240)
        yield Live(box, laptop, account, project, said)
        project.remote("uninstall", check=False)
        laptop.run("ssh", "-O", "exit", "titanic", check=False)


def test_setup_says_what_it_did(live: Live) -> None:
    assert "brought from here" in live.first_push  # the box has no way out
    assert "systemd-user" in live.first_push
    assert "titanic is ready" in live.first_push
    assert live.account.sh("ls /var/lib/systemd/linger").stdout.split() == ["ada"]


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


def test_lab_in_a_browser(live: Live, browser: Browser) -> None:
    lab = browser.open_lab(live.url())
    lab.new_notebook()
    assert lab.run_cell("1+1") == "2"
    lab.screenshot("lab")


def test_lab_killed_is_back_and_the_tunnel_works_on(
    live: Live, browser: Browser
) -> None:
    url, pid = live.url(), live.lab_pid()
    live.account.sh(f"kill -9 {pid}")
    base, token = url.split("/lab?token=")
    wait_until(
        lambda: answers_at(base, token), "the lab, by the same tunnel", timeout=15
    )
    assert live.lab_pid() not in ("0", pid)
    lab = browser.open_lab(url)
    lab.new_notebook()
    assert lab.run_cell("2+2") == "4"


def test_lab_is_up_after_a_reboot(live: Live) -> None:
    live.box.reboot()
    wait_until(lambda: live.lab_pid() != "0", "the lab", timeout=30)
    assert re.fullmatch(
        r"http://127\.0\.0\.1:8000/titanic/lab\?token=[0-9a-f]+", live.url()
    )
