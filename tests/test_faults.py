"""Bad input and faults: what is said, what stays as it was, what the next push does.

The remote is an sshd on this machine; what needs accounts and systemd is in
test_faults_on_box.py.
"""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from checks import STAND_IN, push, reaches, told
from effort import chosen
from laptop import Laptop
from loopback import Loopback, free_port
from process import Completed, wait_until
from project import Project, sees

pytestmark = pytest.mark.needs("ssh", "uv")

TMUX = ".config/remote-lab/titanic/tmux.conf"


@pytest.fixture
def project(laptop: Laptop, loopback: Loopback) -> Project:
    return Project.rendered(laptop, reaches(loopback))


# No way there


@pytest.mark.parametrize(
    "verb", ["push", "undo", "open --no-browser", "lab start", "save", "tunnel up"]
)
def test_a_remote_that_is_away(laptop: Laptop, verb: str) -> None:
    away = {"remote_host": "127.0.0.1", "remote_port": free_port()}
    project = Project.rendered(laptop, away)
    done = project.remote(*verb.split(), check=False)
    told(done, 4, "titanic can't be reached", "Connection refused", "ssh -v titanic")
    assert "Nothing was changed there" in done.stderr


def test_a_name_that_nobody_knows(laptop: Laptop) -> None:
    project = Project.rendered(laptop, {"remote_host": "no-such-host.invalid"})
    told(push(project), 4, "can't be reached", "no-such-host.invalid")
    done = project.remote("status", "--json", check=False)
    assert done.returncode == 4
    assert json.loads(done.stdout)[0]["reachable"] is False


def test_a_key_that_the_remote_does_not_know(
    laptop: Laptop, loopback: Loopback
) -> None:
    project = Project.rendered(
        laptop, {**reaches(loopback), "identity_file": "~/.ssh/stranger"}
    )
    stranger = laptop.home / ".ssh/stranger"
    laptop.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", stranger)
    told(push(project), 4, "does not let you in", "publickey", "./remote install")


def test_a_host_key_that_changed(project: Project, loopback: Loopback) -> None:
    push(project, "home", check=True)
    project.laptop.run("ssh", "-O", "exit", "titanic", check=False)
    known = project.laptop.home / ".ssh/known_hosts.titanic"
    # Another's key under that name: as when the machine was set up anew.
    place = f"[{loopback.address}]:{loopback.port}"
    known.write_text(f"{place} {' '.join(project.laptop.key.split()[:2])}\n")
    project.remote("uninstall", check=False)  # ends the connection that is kept
    for master in (project.laptop.home / ".ssh").glob("cm-*"):
        project.laptop.run("ssh", "-S", master, "-O", "exit", "x", check=False)
    told(push(project), 4, "another host key", "ssh-keygen -R")


@pytest.mark.parametrize("away", ["nobody listens", "nobody knows it"])
def test_a_jump_host_that_is_away_is_found_out(
    laptop: Laptop, loopback: Loopback, away: str
) -> None:
    """ssh says the same where sshd drops logins, and that would be tried for long."""
    jump = "no-such-host.invalid" if "knows" in away else f"127.0.0.1:{free_port()}"
    project = Project.rendered(laptop, {**reaches(loopback), "proxy_jump": jump})
    began = time.monotonic()
    told(push(project), 4, "can't be reached")
    assert time.monotonic() - began < 5


def test_a_jump_host_that_refuses_is_not_asked_for(
    laptop: Laptop, loopback: Loopback
) -> None:
    config = laptop.home / ".ssh/config"
    config.write_text("StrictHostKeyChecking accept-new\n")
    with Loopback("", config=["PasswordAuthentication yes"]) as jump:
        way = f"{jump.user}@{jump.address}:{jump.port}"
        project = Project.rendered(laptop, {**reaches(loopback), "proxy_jump": way})
        done = push(project)
        told(done, 4, "does not let you in", "Permission denied")
        assert "closes each connection" not in done.stderr


def test_a_folder_among_the_users_ssh_files(project: Project) -> None:
    (project.laptop.home / ".ssh/config.d/.git").mkdir(parents=True)
    push(project, "home", check=True)


def test_a_banner_that_speaks_of_limits_hides_nothing(
    laptop: Laptop, tmp_path: Path
) -> None:
    banner = tmp_path / "banner"
    banner.write_text("Please fork our docs. Killed jobs: too many open files.\n")
    with Loopback(laptop.key, config=[f"Banner {banner}"]) as loopback:
        project = Project.rendered(laptop, reaches(loopback))
        push(project, "home", check=True)
        (loopback.home / TMUX).write_text("# mine\n")
        project.edit(TMUX, "# theirs")
        project.laptop.run("ssh", "-O", "exit", "titanic", check=False)
        told(push(project, "home"), 3, "Changed on titanic", "--force")


# Settings that can't be

TOMLS: dict[str, tuple[str, str | bytes | tuple[str, str], str]] = {
    "no toml": ("remote.toml", 'slug = "titanic', "can't be read"),
    "no slug": ("remote.toml", "a = 1\n", "has a:"),
    "no remotes": ("remote.toml", ("[remotes.titanic]", "[other]"), "has other:"),
    "a number": ("remote.toml", ("[remotes.titanic]", "[remotes]\ntitanic = 3"),
                 "titanic is 3"),
    "climbs": ("remote.toml", ('dir = "titanic"', 'dir = "../x"'), "dir is '../x'"),
    "bad service": ("remote.toml", ('service = "auto"', 'service = "slurm"'),
                    "service is 'slurm'"),
    "latin-1": ("remote.toml", b"# caf\xe9\n", "can't be read"),
    "own, no toml": ("remote.local.toml", "[remotes", "can't be read"),
    "own, a number": ("remote.local.toml", "remotes = 3\n", "remotes is 3"),
    "own, no table": ("remote.local.toml", "[remotes]\ntitanic = 3\n", "titanic is 3"),
    "own, a port": ("remote.local.toml", '[remotes.titanic]\nlab_port = "80"\n',
                    "lab_port is '80'"),
    "own, a user": ("remote.local.toml", '[remotes.titanic]\nuser = "a b"\n',
                    "a login name without spaces"),
}  # fmt: skip


def test_settings_that_cannot_be_are_named_with_their_file(laptop: Laptop) -> None:
    project = Project.rendered(laptop)
    for kind, (name, content, sentence) in TOMLS.items():
        path = project.root / name
        before = path.read_text() if path.exists() else ""
        if isinstance(content, tuple):
            assert content[0] in before, kind
            content = before.replace(content[0], content[1], 1)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        done = project.remote("push", check=False)
        told(done, 1, f"{name}", sentence)
        path.write_text(before) if before else path.unlink()


def test_no_settings_at_all(laptop: Laptop) -> None:
    project = Project.rendered(laptop)
    (project.root / "remote.toml").unlink()
    told(project.remote("push", check=False), 1, "git checkout HEAD -- remote.toml")


# What is not there, or in the way


def test_no_git(project: Project, loopback: Loopback) -> None:
    without(loopback.home, "git")
    done = push(project)
    told(done, 1, "git is not installed on titanic", "dotfiles are in place")
    assert sees(loopback.home)
    (loopback.home / ".bashrc").write_text("")
    push(project, check=True)
    assert (loopback.home / "titanic/README.md").exists()
    assert "nothing to do" in push(project, check=True).stderr


def without(home: Path, *programs: str) -> None:
    """Take programs off the PATH of an account whose shell is bash."""
    few = home / "few"
    few.mkdir()
    for program in Path("/usr/bin").iterdir():
        if program.name not in programs:
            (few / program.name).symlink_to(program)
    (home / ".bashrc").write_text(f"PATH={few}\n")


def test_neither_systemd_nor_tmux(project: Project, loopback: Loopback) -> None:
    without(loopback.home, "tmux", "systemctl", "loginctl")
    push(project, "home", check=True)
    subprocess.run(["sh", "-c", STAND_IN], cwd=loopback.home, check=True)
    assert "by process" in project.remote("lab", "start").stderr
    project.remote("lab", "stop")


@pytest.mark.parametrize(
    ("service", "words"),
    [("systemd-user", "no systemd that answers"), ("tmux", "tmux is not installed")],
)
def test_a_service_that_is_not_there(
    laptop: Laptop, loopback: Loopback, service: str, words: str
) -> None:
    project = Project.rendered(laptop, {**reaches(loopback), "service": service})
    without(loopback.home, "tmux", "systemctl", "loginctl")
    push(project, "home", check=True)
    told(project.remote("lab", "start", check=False), 1, words, "Nothing was started")


def test_a_folder_in_the_codes_place_is_left(
    project: Project, loopback: Loopback
) -> None:
    notes = loopback.home / "titanic/notes"
    notes.parent.mkdir()
    notes.write_text("mine\n")
    told(push(project), 1, "~/titanic", "not this project", "not touched")
    assert [path.name for path in notes.parent.iterdir()] == ["notes"]
    notes.parent.rename(loopback.home / "mine")
    push(project, check=True)


# Ctrl-C, and a connection that is cut


def interrupted(
    project: Project, *words: str, said_so: str = "", after: float = 0.0
) -> Completed:
    """Run ./remote in a group of its own, as a terminal does, and press Ctrl-C.

    Args:
        said_so: Once it has said this; or else
        after: so many seconds after it has started ssh.
    """
    said = project.laptop.home / "said"
    with (
        said.open("wb") as stderr,
        project.begun(*words, stdout=stderr, stderr=stderr) as process,
    ):
        began = 0.0
        while process.poll() is None:
            if not said_so and not began and "ssh" in group(process.pid):
                began = time.monotonic()
            timely = began and time.monotonic() - began > after
            if said_so in said.read_text() if said_so else timely:
                os.killpg(process.pid, signal.SIGINT)
                break
            time.sleep(0.01)
        process.wait(timeout=60)
    return Completed(list(words), process.returncode, "", said.read_text())


def group(leader: int) -> set[str]:
    """The names of the programs in a process group."""
    names = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # gone by now
            name, _, rest = stat.read_text().partition("(")[2].rpartition(")")
            if rest.split()[2] == str(leader):
                names.add(name)
    return names


def test_ctrl_c_at_any_moment_of_a_push(
    project: Project, loopback: Loopback, counted: Callable[[str], None]
) -> None:
    push(project, check=True)
    ends = []
    for number in chosen(range(24), 6):
        project.edit(TMUX, f"# {number}")
        project.commit("more")
        before = sees(loopback.home)
        done = interrupted(project, "push", "--only", "home,code", after=number / 40)
        # Behind its last words, all is done, and it has no more to say.
        done_by_then = "code at commit" in done.stderr
        assert done.returncode in (0, 1) or done_by_then, done.stderr
        assert "Traceback" not in done.stderr
        ends.append(done.returncode)
        after = (project.pieces / TMUX).read_bytes()
        assert sees(loopback.home) in (before, {**before, TMUX: after})
        settled(loopback)
        push(project, check=True)
        assert sees(loopback.home)[TMUX] == after
        status = ("git", "status", "--porcelain")
        assert not project.laptop.run(*status, cwd=project.root).stdout
    assert 1 in ends
    counted(f"{len(ends)} times Ctrl-C, {ends.count(1)} pushes that it ended")


def settled(loopback: Loopback) -> None:
    """Wait for the remote's end of what was broken off."""
    state = loopback.home / ".local/state/remote-lab/titanic"
    wait_until(
        lambda: not (state / "lock").is_symlink() and not [*state.glob("in.*")],
        "the remote to let go",
    )


@pytest.mark.needs("network")
@pytest.mark.parametrize("step", ["git repository", "first commit", "dotfiles"])
def test_ctrl_c_in_a_setup_keeps_the_project(
    laptop: Laptop, loopback: Loopback, step: str
) -> None:
    project = Project.rendered(laptop, {**reaches(loopback), "setup_laptop": False})
    (laptop.home / "said").touch()
    laptop.run("rm", "-rf", project.root / ".git")
    files = {path for path in project.root.rglob("*") if "__pycache__" not in str(path)}
    done = interrupted(project, "setup", said_so=step)
    assert done.returncode == 1, done.stderr
    assert "nterrupted" in done.stderr
    assert "Traceback" not in done.stderr
    assert files <= set(project.root.rglob("*"))
    settled(loopback)
    push(project, "home", check=True)
    again = interrupted(project, "setup", said_so="git hooks")
    assert "there already" in again.stderr


@pytest.mark.needs("root")  # another's sshd is no child of its server's
def test_a_connection_that_is_cut(project: Project, loopback: Loopback) -> None:
    push(project, check=True)
    state = loopback.home / ".local/state/remote-lab/titanic"
    for number in range(4):
        project.edit(TMUX, f"# {number}")
        before = sees(loopback.home)
        after = {**before, TMUX: (project.pieces / TMUX).read_bytes()}
        hang(loopback, number)
        with project.begun("push", "--only", "home") as process:
            wait_until((loopback.home / "hangs").exists, "the push to be under way")
            cut(loopback)
            (loopback.home / "cut").touch()
            said = process.communicate(timeout=60)[1]
        assert "The connection to titanic broke" in said
        assert "Traceback" not in said
        assert process.returncode in (0, 1), said
        assert sees(loopback.home) in (before, after)
        (loopback.home / ".bashrc").write_text("")
        wait_until(lambda: not [*state.glob("in.*")], "the remote to let go", 60)
        (loopback.home / "hangs").unlink()
        (loopback.home / "cut").unlink()
        push(project, "home", check=True)
        assert sees(loopback.home) == after


def hang(loopback: Loopback, at: int) -> None:
    """Have the apply program say that it runs, and wait until it has been cut."""
    slow, name = loopback.home / "slow", ["sort", "cp", "ln", "mv"][at]
    slow.mkdir(exist_ok=True)
    for stub in slow.iterdir():
        stub.unlink()
    mark = loopback.home / "hangs"
    until_cut = f"until [ -e {loopback.home}/cut ]; do sleep 0.1; done"
    wait = f"#!/bin/sh\n[ -e {mark} ] || {{ : >{mark}; {until_cut}; }}\n"
    (slow / name).write_text(f'{wait}exec /usr/bin/{name} "$@"\n')
    (slow / name).chmod(0o755)
    (loopback.home / ".bashrc").write_text(f"PATH={slow}:$PATH\n")


def cut(loopback: Loopback) -> None:
    """Kill the server's side of each connection, not what it runs."""
    server = int((loopback.home.parent / "pid").read_text())
    children = Path(f"/proc/{server}/task/{server}/children").read_text().split()
    assert children
    for child in children:
        os.kill(int(child), signal.SIGKILL)
