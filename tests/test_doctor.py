"""Doctor: what it finds wrong is wrong, and what it says to do fixes it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from fleet import Fleet
from hostile import Hostile, called
from laptop import Laptop
from odd import OddRemote
from project import Project

pytestmark = pytest.mark.needs("nss_wrapper", "ssh", "sshd", "uv", "rsync")

Fixed = Callable[[Path, str], object]


def begins_with(home: Path, advice: str) -> None:
    """Have a start file begin with a line, as in: Have FILE there begin with: LINE."""
    found = re.fullmatch(r"Have ~/(\S+) .*begin with: (.*)", advice)
    assert found, advice
    file = home / found[1]
    file.write_text(f"{found[2]}\n{file.read_text()}")


def moves(home: Path, advice: str) -> None:
    """Move all that a start file has, as in: Move what prints from FILE to FILE."""
    found = re.match(r"Move what prints from ~/(\S+) there to ~/(\S+?),", advice)
    assert found, advice
    (home / found[1]).rename(home / found[2])


NOISY: dict[str, tuple[str, Fixed]] = {
    "bash": (".bashrc", begins_with),
    "zsh": (".zshenv", moves),
    "fish": (".config/fish/config.fish", begins_with),
    "bsd-csh": (".cshrc", begins_with),
    "tcsh": (".tcshrc", begins_with),
}


def copied(account: OddRemote) -> bool:
    """Whether rsync gets a file there with the project's ssh configuration."""
    state = account.laptop.home / ".local/state/remote-lab/titanic/laptop"
    way = f"ssh -F {state / 'ssh_config'}"
    words = ("rsync", "-e", way, ".gitconfig", "titanic:copied")
    return account.laptop.run(*words, check=False).returncode == 0


def findings(project: Project, *words: str) -> dict[str, str]:
    """What doctor found wrong, and what it says to do."""
    done = project.remote("doctor", "--json", *words, check=False)
    found = json.loads(done.stdout)
    assert done.returncode == int(not all(f["good"] for f in found))
    return {f["what"]: f["fix"] for f in found if not f["good"]}


@pytest.mark.parametrize("shell", NOISY)
def test_an_account_that_prints(account: OddRemote, shell: str) -> None:
    """There rsync fails, until the file is as doctor says."""
    name, fix = NOISY[shell]
    account.be(shell, f"export SHELL=/bin/{shell.removeprefix('bsd-')}")
    account.anew({name: "printf 'Welcome'\n", "copied": ""})
    assert not copied(account)
    [advice] = [
        advice
        for what, advice in findings(account.project).items()
        if what.endswith("It begins: Welcome") and "scp and rsync fail" in what
    ]
    fix(account.home, advice)
    assert not any("rsync" in what for what in findings(account.project))
    assert copied(account)


# Each sentence goes with one sign

GOOD = [
    "missing\t",
    *(f"need\t{need}\tyes" for need in ("git", "tmux", "systemd", "home")),
    "need\tenvironment\tyes",
    "need\tlinger\tyes\tada",
    "disk\t9999999\t9999999",
    "code\tours\tnone\tmain",
    "pairs\tyes",
    "lab\tsystemd-user\trunning\t1",
]
BAD = [
    "missing\t awk",
    *(f"need\t{need}\tno" for need in ("git", "tmux", "systemd", "home")),
    "need\tenvironment\tno",
    "need\tlinger\tno\tada",
    "disk\t1\t9999999",
    "code\tours\tnone\tmain",
    "edited\t M x",
    "pairs\tno",
    "lab\tsystemd-user\tstopped\t0",
    "owed",
]


def test_a_sign_and_a_sentence_belong_together(laptop: Laptop, tmp_path: Path) -> None:
    project = Project.rendered(laptop, {"remote_host": "far.example.org"})
    hostile = Hostile(laptop, tmp_path)
    told: dict[str, list[str]] = {}
    for records in (GOOD, BAD):
        hostile.says(*records)
        done = called(project, "doctor")
        assert not re.search(r"(True|False|yes|no)$", done.stdout, re.MULTILINE)
        for sign, what in re.findall(r"^([✓✗]) (.*)$", done.stdout, re.MULTILINE):
            told.setdefault(what, []).append(sign)
    assert all(len(set(signs)) == 1 for signs in told.values()), told
    bad = [what for what, signs in told.items() if signs == ["✗"]]
    assert len(bad) >= 10
    no_systemd = ["need\tsystemd\tno", "need\ttmux\tyes"]
    hostile.says(*no_systemd)
    tick = "✓ systemd does not answer this account: tmux manages the lab.\n"
    assert tick in called(project, "doctor").stdout


def test_doctor_and_status_of_several(laptop: Laptop) -> None:
    """Without a name, of all; one that can't be reached counts more than the rest."""
    with Fleet(laptop.key, 2) as fleet:
        answers = fleet.answers()
        more = json.loads(answers["more_remotes"])
        away = {**more[0], "name": "away", "port": 9}
        answers["more_remotes"] = json.dumps([*more, away])
        project = Project.rendered(laptop, answers)
        laptop.run("sh", "-c", "umask 077; mkdir -p .ssh; : >.ssh/config")

        done = project.remote("doctor", check=False)
        assert done.returncode == 4
        heads = ["This laptop:", "titanic:", "n2:", "away:"]
        assert [line for line in done.stdout.splitlines() if line in heads] == heads
        assert done.stdout.count("git: ") == 1
        assert "Next: ./remote push n2" in done.stdout
        done = project.remote("doctor", "--json", check=False)
        assert done.returncode == 4
        reached = {
            f["remote"]: f["good"]
            for f in json.loads(done.stdout)
            if "reached" in f["what"]
        }
        assert reached == {"titanic": True, "n2": True, "away": False}
        assert project.remote("doctor", "n2", check=False).returncode == 1

        done = project.remote("status", "--json", check=False)
        assert done.returncode == 4
        assert [row["exit_code"] for row in json.loads(done.stdout)] == [0, 0, 4]
        done = project.remote("status", check=False)
        assert done.returncode == 4
        assert "away: titanic-away can't be reached" in done.stderr
        assert "Next: " in done.stderr


def test_status_of_what_is_reached_ends_with_0(account: OddRemote) -> None:
    account.be()
    account.anew({})
    assert account.remote("status").returncode == 0
    account.be(stage="exit 3")
    assert account.remote("status", check=False).returncode == 1
