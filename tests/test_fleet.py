"""Many remotes at once: each one's fate, whoever else is slow, dead, edited or refuses.

They stand behind one sshd, so that its limits on logins count for all of them.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from fleet import Fleet
from laptop import Laptop, Terminal
from loopback import Loopback
from process import Completed, wait_until
from project import Project, sees
from pushing import TMUX

pytestmark = [
    pytest.mark.xdist_group("fleet"),
    pytest.mark.needs("nss_wrapper", "sshd", "ssh"),
]
SIZE = 12
EVERYWHERE = ("push", "--all", "--only", "home")
PROMPT = "@127.0.0.1's password:"
CLOSED = "Connection (?:closed|reset) by auth"


def push_all(project: Project, *more: str, code: int | None = 0) -> Completed:
    """Push the dotfiles everywhere."""
    done = project.remote(*EVERYWHERE, *more, check=False, timeout=100)
    assert code is None or done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done


def fates(said: str) -> dict[str, str]:
    """The table at the end: each remote's fate."""
    rows = re.findall(r"^[✓✗] (\w+) +([a-z ]+?)(?:  .*)?$", said, re.MULTILINE)
    return dict(rows)


def logins_end(project: Project) -> None:
    """End the connections that are kept: what comes next has to log in again."""
    for master in (project.laptop.home / ".ssh").glob("cm-*"):
        project.laptop.run("ssh", "-S", master, "-O", "exit", "x", check=False)


def test_each_fate_is_told_and_nobody_waits_for_another(laptop: Laptop) -> None:
    with Fleet(laptop.key, SIZE) as fleet:
        project = Project.rendered(laptop, fleet.answers())
        assert fates(push_all(project).stderr) == dict.fromkeys(fleet.names, "done")
        for home in fleet.homes.values():
            assert (home / TMUX).read_bytes() == (project.pieces / TMUX).read_bytes()
        again = push_all(project).stderr
        assert fates(again) == dict.fromkeys(fleet.names, "nothing to do")
        logins_end(project)
        project.edit(TMUX, "# news")
        mine, slow, full, gone = fleet.names[1:5]
        with (fleet.homes[mine] / TMUX).open("a") as file:
            file.write("# mine\n")
        (fleet.homes[slow] / ".bashrc").write_text("sleep 6\n")
        shutil.rmtree(fleet.homes[full])
        fleet.homes[full].write_text("a file, and no home\n")
        point_at_nothing(project, gone)
        done = push_all(project, code=4)
    told = fates(done.stderr)
    wanted = dict.fromkeys(fleet.names, "done")
    wanted |= {mine: "changed there", full: "failed", gone: "not reached"}
    assert told == wanted
    assert list(told) == fleet.names
    # All others are through before the slow one, which waits for nobody either.
    through = re.findall(r"^- (\w+): ", done.stderr, re.MULTILINE)
    assert len(through) == SIZE
    assert through[-1] == slow
    assert "-# mine" in done.stdout
    assert done.stderr.count("Next: ") == 3
    sentences = re.findall(r"^✗ (.*)$", done.stderr, re.MULTILINE)
    for name in (mine, full, gone):  # one has the reason, and one is the table's row
        about = [text for text in sentences if re.search(rf"\b{name}\b", text)]
        assert len(about) == 2, about
        assert re.fullmatch(rf"{name} +(changed there|failed|not reached)", about[1])


def point_at_nothing(project: Project, name: str) -> None:
    """Have one remote's port be one where nobody listens."""
    hosts = project.root / "home/laptop/.ssh/config.d/titanic.conf"
    text, found = re.subn(
        rf"(Host titanic-{name} .*\n.*HostName .*\n.*Port) \d+",
        r"\1 9",
        hosts.read_text(),
    )
    assert found == 1
    hosts.write_text(text)


def test_json_of_many_is_json_alone(laptop: Laptop) -> None:
    with Fleet(laptop.key, 3) as fleet:
        project = Project.rendered(laptop, fleet.answers())
        point_at_nothing(project, "n3")
        rows = json.loads(push_all(project, "--json", code=4).stdout)
        assert [(row["remote"], row["ok"], row["lab"]) for row in rows] == [
            ("titanic", True, "none"),
            ("n2", True, "none"),
            ("n3", False, None),
        ]
        # What can't be pushed anywhere is told for each, and once for a person.
        (project.pieces / "file").write_text("<<<<<<< mine\n")
        done = push_all(project, "--json", code=1)
        rows = json.loads(done.stdout)
        assert [row["remote"] for row in rows] == ["titanic", "n2", "n3"]
        for row in rows:
            assert (row["ok"], row["lab"]) == (False, None)
            assert row["error"] == "home/remote/file holds an unresolved conflict."
        assert done.stderr.count("holds an unresolved conflict") == 1
        assert "&& ./remote push titanic n2 n3\n" in done.stderr


def test_where_sshd_drops_logins_all_get_in_by_and_by(
    laptop: Laptop, counted: Callable[[str], None]
) -> None:
    with Fleet(laptop.key, SIZE, config=["MaxStartups 2"]) as fleet:
        project = Project.rendered(laptop, fleet.answers())
        done = push_all(project)
        dropped = len(re.findall(r"drop connection|MaxStartups", fleet.logs()))
    assert fates(done.stderr) == dict.fromkeys(fleet.names, "done")
    assert dropped > 0
    counted(f"{SIZE} remotes through one sshd that dropped {dropped} of their logins")


def test_a_key_that_is_refused_is_tried_once(laptop: Laptop) -> None:
    with Fleet(laptop.key, 3) as fleet:
        project = Project.rendered(
            laptop, fleet.answers(identity_file="~/.ssh/stranger")
        )
        stranger = laptop.home / ".ssh/stranger"
        laptop.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", stranger)
        done = push_all(project, code=4)
        wait_until(lambda: not fleet.sessions(), "sshd to have written of each login")
        logins = len(re.findall(CLOSED, fleet.logs()))
    assert fates(done.stderr) == dict.fromkeys(fleet.names, "not reached")
    assert "does not let you in" in done.stderr
    assert logins == 3, fleet.logs()


def test_at_most_eight_log_in_at_once(laptop: Laptop) -> None:
    with Fleet(laptop.key, SIZE) as fleet:
        project = Project.rendered(laptop, fleet.answers())
        for home in fleet.homes.values():
            (home / ".bashrc").write_text("sleep 1\n")
        with project.begun(*EVERYWHERE) as process:
            most = 0
            while process.poll() is None:
                most = max(most, len(ssh_of(process)))
            assert process.returncode == 0
    assert most == 8


def ssh_of(process: subprocess.Popen[str]) -> list[int]:
    """The ssh processes of ./remote, whether uv has become it or runs it."""
    return [
        ssh
        for pid in (process.pid, *children_of(process.pid, "python"))
        for ssh in children_of(pid, "ssh")
    ]


def children_of(pid: int, name: str) -> list[int]:
    """The children of a process and of all its threads that run a program."""
    found = []
    with suppress(OSError):  # gone by now
        for thread in Path(f"/proc/{pid}/task").iterdir():
            for child in (thread / "children").read_text().split():
                if Path(f"/proc/{child}/comm").read_text() == f"{name}\n":
                    found.append(int(child))
    return found


def test_memory_does_not_grow_with_the_remotes(laptop: Laptop) -> None:
    peaks = {}
    for size in (8, 16):  # as many as are pushed to at once; twice that
        with Fleet(laptop.key, size) as fleet:
            project = Project.rendered(laptop, fleet.answers(), folder=f"of-{size}")
            with project.begun(*EVERYWHERE) as process:
                peaks[size] = peak(process)
            assert process.returncode == 0
        shutil.rmtree(laptop.home / ".local/state/remote-lab/titanic")
    assert peaks[16] < peaks[8] * 1.1, peaks


def peak(process: subprocess.Popen[str]) -> int:
    """The most memory, in KiB, that the program ever had, less the ssh's it started."""
    most = 0
    while process.poll() is None:
        with suppress(OSError):  # gone by now
            for pid in (process.pid, *children_of(process.pid, "python")):
                status = Path(f"/proc/{pid}/status").read_text()
                told = status.partition("VmHWM:")[2].split() or ["0"]  # of a zombie
                most = max(most, int(told[0]))
    return most


def test_ctrl_c_tells_each_fate(laptop: Laptop) -> None:
    with Fleet(laptop.key, SIZE) as fleet:
        project = Project.rendered(laptop, fleet.answers())
        for name in fleet.names[2:]:
            (fleet.homes[name] / ".bashrc").write_text(": >~/begun; sleep 3\n")
        with project.begun(*EVERYWHERE) as process:
            wait_until((fleet.homes["n3"] / "begun").exists, "the pushes to begin")
            os.killpg(process.pid, signal.SIGINT)
            said = process.communicate(timeout=60)[1]
        assert process.returncode == 1
        assert "Traceback" not in said
        told = fates(said)
        assert list(told) == fleet.names, said
        for name, fate in told.items():
            assert bool(sees(fleet.homes[name])) == (fate == "done"), (name, fate)
        for home in fleet.homes.values():
            (home / ".bashrc").write_text("")
        assert set(fates(push_all(project).stderr).values()) <= {
            "done",
            "nothing to do",
        }


def test_ctrl_c_during_a_dry_run_advises_a_dry_run(laptop: Laptop) -> None:
    with Fleet(laptop.key, 2) as fleet:
        project = Project.rendered(laptop, fleet.answers())
        for home in fleet.homes.values():
            (home / ".bashrc").write_text(": >~/begun; sleep 3\n")
        for words, names in ((["--all"], fleet.names), (["n2"], ["n2"])):
            with project.begun("push", "--dry-run", *words) as process:
                for name in names:
                    wait_until((fleet.homes[name] / "begun").exists, "it to begin")
                os.killpg(process.pid, signal.SIGINT)
                said = process.communicate(timeout=60)[1]
            assert process.returncode in (1, 4)
            assert "became" not in said
            assert not re.search("remote push (?!--dry-run)", said), said
            for name in names:
                (fleet.homes[name] / "begun").unlink()


@pytest.mark.needs("tmux")
def test_who_is_asked_is_asked_one_at_a_time(laptop: Laptop) -> None:
    with Fleet(laptop.key, 4) as fleet:
        identity = laptop.home / ".ssh/secret"
        words = ("-t", "ed25519", "-N", "open sesame", "-f", identity)
        laptop.run("ssh-keygen", "-q", *words)
        asking = fleet.names[1:3]
        for name in asking:
            fleet.lets_in(name, identity.with_suffix(".pub").read_text())
        project = Project.rendered(laptop, fleet.answers())
        own = [f'[remotes.{n}]\nidentity = "~/.ssh/secret"\n' for n in asking]
        (project.root / "remote.local.toml").write_text("\n".join(own))
        with Terminal(laptop, cwd=project.root) as screen:
            screen.type("./remote push --all --only home; echo ended $?")
            for number in (1, 2):
                screen.wait_for(re.compile(f"(?s)(Enter passphrase.*){{{number}}}"))
                assert screen.capture().count("Enter passphrase") == number
                if number == 1:  # the others go on meanwhile
                    for name in set(fleet.names) - set(asking):
                        wait_until((fleet.homes[name] / TMUX).exists, name)
                screen.type("open sesame")
            shown = screen.wait_for("ended 0")
        assert fates(shown) == dict.fromkeys(fleet.names, "done")


@pytest.mark.needs("tmux")
def test_a_jump_host_asks_nobody_while_others_go(laptop: Laptop) -> None:
    """The ssh that logs in there is started by ssh, and does not hear of BatchMode."""
    with (
        Loopback("", config=["PasswordAuthentication yes"]) as jump,
        Fleet(laptop.key, 4) as fleet,
    ):
        config = laptop.home / ".ssh/config"
        config.write_text("StrictHostKeyChecking accept-new\n")
        answers = fleet.answers()
        more = json.loads(answers["more_remotes"])
        for host in more[1:]:
            host["proxy_jump"] = f"{jump.user}@{jump.address}:{jump.port}"
        answers["more_remotes"] = json.dumps(more)
        project = Project.rendered(laptop, answers)
        with Terminal(laptop, cwd=project.root) as screen:
            screen.type("./remote push --all --only home; echo ended $?")
            screen.wait_for(PROMPT)
            # Both were tried before, twice; one of them is asked for now.
            wait_until(lambda: len(re.findall(CLOSED, jump.logs())) >= 4, jump.logs)
            for name in fleet.names[:2]:
                wait_until((fleet.homes[name] / TMUX).exists, name)
            shown = screen.capture()
            assert re.search(rf"n[34] asks:\n.*{PROMPT}", shown), shown
            assert shown.count(PROMPT) == 1, shown
            screen.send_keys("C-c")
            shown = screen.wait_for("ended 4")
        assert {fates(shown)[name] for name in fleet.names[:2]} == {"done"}


@pytest.mark.needs("tmux")
def test_the_screen_shows_a_line_for_each_that_is_under_way(laptop: Laptop) -> None:
    with Fleet(laptop.key, 4) as fleet:
        project = Project.rendered(laptop, fleet.answers())
        for name in fleet.names[2:]:
            (fleet.homes[name] / ".bashrc").write_text("sleep 3\n")
        with Terminal(laptop, cwd=project.root) as screen:
            screen.type("clear; ./remote push --all --only home; echo ended $?")
            shown = screen.wait_for("2 of 4 are done")
            assert "n3  connecting\nn4  connecting\n2 of 4" in shown
            shown = screen.wait_for("ended 0")
        assert fates(shown) == dict.fromkeys(fleet.names, "done")
        assert "connecting" not in shown
        assert "are done" not in shown
