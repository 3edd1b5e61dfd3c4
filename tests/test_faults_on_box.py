"""Faults that need a machine of their own: full disks, refusals."""

import re
from collections.abc import Iterator

import pytest
from box import Account
from checks import STAND_IN, push, reaches, told
from laptop import Laptop
from project import Project

pytestmark = pytest.mark.xdist_group("box-2")

TMUX = ".config/remote-lab/titanic/tmux.conf"


def on(account: Account, laptop: Laptop, **more: object) -> Project:
    return Project.rendered(laptop, {**reaches(account), **more})


# What the machine does not grant


def test_sudo_is_refused(fresh_user: Account, laptop: Laptop) -> None:
    project = on(fresh_user, laptop, service="systemd-system")
    push(project, "home", check=True)
    done = project.remote("lab", "start", check=False)
    told(done, 1, "needs sudo, which was refused")
    (command,) = re.findall(r"ssh -t titanic sudo (.*?)   \(or", done.stderr)
    box = fresh_user.box
    assert "jupyter-titanic@" not in box.sh("ls /etc/systemd/system").stdout
    # What it says to type does it.
    box.sh(f"cd {fresh_user.home} && {command}")
    units = box.sh("systemctl list-unit-files 'jupyter-titanic@*'").stdout
    assert "enabled" in units
    box.sh(f"systemctl disable --now jupyter-titanic@{fresh_user.name}")
    box.sh("rm /etc/systemd/system/jupyter-titanic@.service; systemctl daemon-reload")


@pytest.fixture
def no_linger(fresh_user: Account) -> Iterator[Account]:
    """An account that may not let its systemd live on."""
    rule = "/etc/polkit-1/rules.d/49-no-linger.rules"
    text = """polkit.addRule(function(action, subject) {
        if (action.id.indexOf("org.freedesktop.login1.set-") == 0 &&
            action.id.indexOf("linger") > 0 && subject.user == "%s")
            return polkit.Result.NO;
    });"""
    box = fresh_user.box
    box.sh(f"cat >{rule}; systemctl restart polkit", input=text % fresh_user.name)
    yield fresh_user
    box.sh(f"rm {rule}; systemctl restart polkit")


def test_without_lingering_tmux_takes_over_and_it_is_said(
    no_linger: Account, laptop: Laptop
) -> None:
    project = on(no_linger, laptop)
    push(project, "home", check=True)
    no_linger.sh(STAND_IN)
    said = project.remote("lab", "start").stderr
    assert "by tmux" in said
    assert f"sudo loginctl enable-linger {no_linger.name}" in said
    assert "enable-linger" not in project.remote("lab", "start").stderr  # once
    assert "lab" in no_linger.sh("tmux -L titanic list-sessions").stdout
    project.remote("lab", "stop")


def test_systemd_user_without_lingering_says_what_an_admin_types(
    no_linger: Account, laptop: Laptop
) -> None:
    project = on(no_linger, laptop, service="systemd-user")
    push(project, "home", check=True)
    no_linger.sh(STAND_IN)
    said = project.remote("lab", "start").stderr
    assert "by systemd (user)" in said
    assert f"sudo loginctl enable-linger {no_linger.name}" in said
    project.remote("lab", "stop")


# No room, no right


def small_home(account: Account, size: str) -> None:
    """Put the account's home on a disk of its own, of some KiB, or change its size."""
    home, box = account.home, account.box
    if size != "ro" and box.sh(f"mountpoint -q {home}", check=False).returncode:
        box.sh(
            f"mv {home}/.ssh /tmp/ssh.{account.name} && "
            f"mount -t tmpfs -o size={size},mode=700 tmpfs {home} && "
            f"cp -a /tmp/ssh.{account.name} {home}/.ssh && chown {account.name}: {home}"
        )
    else:
        box.sh(f"mount -o remount,{'ro' if size == 'ro' else f'size={size}'} {home}")


@pytest.fixture
def tight(fresh_user: Account) -> Iterator[Account]:
    yield fresh_user
    fresh_user.box.sh(f"umount -l {fresh_user.home}", check=False)


def seen(account: Account) -> str:
    """What the account gets to see of the dotfiles: their sums."""
    sums = "-type f -exec sha256sum {} + 2>/dev/null | sort"
    find = f"find .config/remote-lab/titanic/ {sums}"
    return account.sh(find, check=False).stdout


def left_over(account: Account) -> str:
    cd = "cd .local/state/remote-lab/titanic 2>/dev/null"
    ls = "ls -d in.* lock* generations/*.part 2>/dev/null"
    return account.sh(f"{cd} && {ls}", check=False).stdout


def test_a_full_disk_at_a_first_push(tight: Account, laptop: Laptop) -> None:
    project = on(tight, laptop)
    refused = 0
    for size in range(12, 400, 12):
        small_home(tight, f"{size}k")
        done = push(project, "home")
        if done.returncode == 0:
            break
        refused += 1
        told(done, 1, "as it was", "disk")
        assert re.search("No space left|I/O error", done.stderr)
        assert seen(tight) == ""
        assert left_over(tight) == "", size
    assert refused > 5
    assert "tmux.conf" in seen(tight)
    small_home(tight, f"{size + 100}k")
    assert "nothing to do" in push(project, "home", check=True).stderr
    project.remote("remove")
    assert {*tight.sh("ls -A").stdout.split()} <= {".local", ".ssh"}


def test_a_disk_that_fills_up_later(tight: Account, laptop: Laptop) -> None:
    small_home(tight, "3m")
    project = on(tight, laptop)
    push(project, check=True)
    before = seen(tight)
    head = tight.sh("git -C titanic rev-parse HEAD").stdout
    project.edit(TMUX, "# more" * 2000)
    (project.root / "notes.txt").write_text("\n".join(map(str, range(100000))))
    project.commit("more")
    tight.sh("dd if=/dev/zero of=filler bs=4k", check=False)
    told(push(project), 1, "as it was", "No space left")
    assert seen(tight) == before
    tight.sh("truncate -s -400k filler")  # the dotfiles have room, the code has not
    told(push(project), 1, "The code there is as it was", "No space left")
    assert tight.sh("git -C titanic rev-parse HEAD").stdout == head
    assert tight.sh("git -C titanic status --porcelain").stdout == ""
    tight.sh("rm filler")
    push(project, check=True)
    assert tight.sh("git -C titanic rev-parse HEAD").stdout != head
    assert tight.sh("git -C titanic status --porcelain").stdout == ""
    assert left_over(tight) == ""


def test_a_read_only_home(tight: Account, laptop: Laptop) -> None:
    small_home(tight, "8m")
    project = on(tight, laptop)
    small_home(tight, "ro")
    told(push(project), 1, "can't write", "Read-only file system", "as it was")
    tight.box.sh(f"mount -o remount,rw {tight.home}")
    push(project, check=True)


def test_something_of_the_users_in_our_place(
    fresh_user: Account, laptop: Laptop
) -> None:
    project = on(fresh_user, laptop)
    fresh_user.sh(
        "mkdir -p .config/remote-lab/titanic"
        " && echo mine >.config/remote-lab/titanic/notes"
    )
    done = push(project)
    told(
        done,
        1,
        "~/.config/remote-lab/titanic on titanic is there already, and is not ours",
    )
    (command,) = re.findall(r"Move it away: (ssh .*?)   then", done.stderr)
    assert fresh_user.sh("cat .config/remote-lab/titanic/notes").stdout == "mine\n"
    project.remote("install")
    laptop.run(*command.split())
    push(project, check=True)
    assert fresh_user.sh("cat .config/remote-lab/titanic.mine/notes").stdout == "mine\n"
