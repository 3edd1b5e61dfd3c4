"""The lab as a service, with a stand-in for JupyterLab: what restarts it, its log."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from checks import STAND_IN
from laptop import Laptop
from process import wait_until
from project import Project, snapshot
from pushing import SERVER

pytestmark = pytest.mark.needs("uv", "nss_wrapper", "git")

# Called like files of the lab, and none of them.
OTHERS = (
    "bin/lab",
    "bin/supervise",
    ".config/other/jupyter/settings.py",
    ".config/systemd/user/backup.service",
    ".config/systemd/user/jupyter-titanic-two.service",
)


@pytest.fixture
def project() -> Iterator[Project]:
    """Its sandbox has dotfiles, and a stand-in for the environment."""
    with Laptop() as laptop:
        project = Project.rendered(laptop)
        project.remote("push", "--only", "home")
        subprocess.run(["sh", "-c", STAND_IN], cwd=project.home, check=True)
        yield project
        project.remote("lab", "stop", check=False)


def pid(project: Project) -> int:
    address = (project.state / "lab.addr").read_text()
    return int(address.partition("pid=")[2].split()[0])


def advised(project: Project, said: str) -> list[str]:
    """The words of the command that an error advises next, as it is printed."""
    line = said.partition("Next: ")[2].splitlines()[0]
    command, *words = line.partition("   ")[0].split()
    assert command == "./remote", said
    return words


def test_only_the_projects_own_files_restart_the_lab(project: Project) -> None:
    project.remote("lab", "start")
    before = pid(project)
    for path in OTHERS:
        (project.pieces / path).parent.mkdir(parents=True, exist_ok=True)
        project.edit(path, "# not the lab's")
    assert "restarted" not in project.remote("push", "--only", "home").stderr
    assert pid(project) == before
    project.edit(SERVER, "# the lab's")
    project.remote("push", "--only", "home")
    assert pid(project) != before


def test_logs_before_the_first_start_say_how_to_start_it(project: Project) -> None:
    done = project.remote("lab", "logs", check=False)
    assert done.returncode == 1
    assert "has not been started yet" in done.stderr
    project.remote(*advised(project, done.stderr))
    assert project.remote("lab", "logs").returncode == 0


def test_logs_go_on_until_interrupted(project: Project, tmp_path: Path) -> None:
    project.remote("lab", "start")
    with (project.state / "lab.log").open("a") as log:
        log.write("first \x1b[31m line\n")
    with (tmp_path / "shown").open("w+") as shown:
        following = project.begun("lab", "logs", "-f", stdout=shown)
        text = Path(shown.name).read_text
        wait_until(lambda: "first \\x1b[31m line" in text(), text)
        with (project.state / "lab.log").open("a") as log:
            log.write("second line\n")
        wait_until(lambda: "second line" in text(), text)
        os.killpg(following.pid, signal.SIGINT)
        assert following.wait(10) == 0
    tails = ["pgrep", "-f", f"tail .*{project.state}/lab.log"]
    assert subprocess.run(tails, capture_output=True, check=False).stdout == b""


@pytest.mark.parametrize("shell", ["dash", "bash", "busybox sh"])
def test_supervise_reports_the_status_of_the_lab(
    project: Project, tmp_path: Path, shell: str
) -> None:
    config = project.home / ".config/remote-lab/titanic"
    lab = config / "lab"
    lab.unlink()
    lab.write_text("#!/bin/sh\nexit 7\n")
    lab.chmod(0o755)
    with (tmp_path / "said").open("w+") as said:
        supervise = subprocess.Popen(
            [*shell.split(), str(config / "supervise")],
            env={**os.environ, "HOME": str(project.home)},
            stdout=said,
        )
        text = Path(said.name).read_text
        wait_until(lambda: "ended with status" in text(), text)
        supervise.terminate()
        supervise.wait(10)
        assert "status 7;" in text()


KERNEL = "sleep 1000 kernel-0a1b.json"  # known by its connection file
BLOCK = "# >>> titanic >>>"


@pytest.fixture
def busy(project: Project) -> Project:
    """Its lab runs, with two kernels and a terminal in it."""
    (project.home / "titanic/.venv/bin/python.lab").write_text(
        LAB.format(kernel=KERNEL.split(), terminal=["sleep", "1000"])
    )
    project.remote("lab", "start")
    wait_until(lambda: (project.home / "full").exists(), "the kernels")
    return project


LAB = """\
import os, pathlib, socket, subprocess, time
for argv in ({kernel}, {kernel}, {terminal}):
    subprocess.Popen(["sh", "-c", 'sleep 1000 & wait', *argv])
lab = socket.socket(socket.AF_UNIX)
lab.bind(os.environ["JUPYTER_RUNTIME_DIR"] + "/lab.sock")
lab.listen()
pathlib.Path.home().joinpath("full").touch()
time.sleep(1000)
"""


@pytest.mark.parametrize("verb", ["lab stop", "lab restart", "remove"])
def test_kernels_are_ended_by_nobody_who_was_not_asked(
    busy: Project, verb: str
) -> None:
    before, address = pid(busy), snapshot(busy.home)
    done = busy.remote(*verb.split(), check=False)
    assert done.returncode == 1
    assert "2 kernels and 1 terminal" in done.stderr
    assert snapshot(busy.home) == address
    assert pid(busy) == before
    no = busy.remote(*verb.split(), check=False, tty=True, input="n\n")
    assert (no.returncode, "Nothing was changed" in no.stdout) == (1, True)
    assert snapshot(busy.home) == address
    Path(f"/proc/{before}").stat()
    words = advised(busy, done.stderr)
    assert words == [*verb.split(), "--yes"]
    busy.remote(*words)
    assert not Path(f"/proc/{before}").exists()


def test_a_yes_at_the_terminal_ends_them(busy: Project) -> None:
    before = pid(busy)
    busy.remote("lab", "stop", tty=True, input="y\n")
    assert not Path(f"/proc/{before}").exists()


def test_a_staged_restart_is_had_by_the_command_that_is_printed(busy: Project) -> None:
    before = pid(busy)
    busy.edit(SERVER, "# changed")
    done = busy.remote("push", "--only", "home", "--json")
    assert json.loads(done.stdout)[0]["restart_pending"]
    assert "2 kernels and 1 terminal run in it" in done.stderr
    found = busy.remote("doctor", "--json", check=False).stdout
    (owed,) = [f for f in json.loads(found) if "restart" in f["what"]]
    command = owed["fix"]
    assert command in done.stderr
    busy.laptop.run("sh", "-c", command, cwd=busy.root)
    assert pid(busy) != before
    again = busy.remote("push", "--only", "home")
    assert "nothing to do" in again.stderr


def test_a_push_that_restarts_tells_whether_the_lab_came_up(project: Project) -> None:
    project.remote("lab", "start")
    project.edit(SERVER, "# good")
    done = project.remote("push", "--only", "home", "--json")
    assert json.loads(done.stdout)[0]["restarted"]
    assert "✓ titanic: restarted the lab with the new settings." in done.stderr
    assert pid(project) == int((project.state / "lab.addr").read_text()[4:].split()[0])
    Path(f"/proc/{pid(project)}").stat()

    stand_in = project.home / "titanic/.venv/bin/python.lab"
    stand_in.write_text("import sys\nsys.exit('No such setting: c.Oops')\n")
    project.edit(SERVER, "c.Oops.oops = 1")
    done = project.remote("push", "--only", "home", "--json", check=False)
    assert done.returncode == 1
    assert "is not running" in done.stderr
    assert "No such setting: c.Oops" in done.stderr
    assert "restarted the lab with" not in done.stderr
    assert "No such setting" in project.remote(*advised(project, done.stderr)).stdout


def test_a_restart_alone_is_no_nothing_to_do(project: Project) -> None:
    project.remote("lab", "start")
    (project.state / "current/pending/lab").touch()  # the last push was cut off
    said = project.remote("push", "--only", "home").stderr
    assert "restarted the lab" in said
    assert "nothing to do" not in said


def test_a_block_that_the_user_deleted_stays_out(project: Project) -> None:
    bashrc = project.home / ".bashrc"
    lines = bashrc.read_text().splitlines()
    assert BLOCK in lines
    bashrc.write_text("alias a=b\n")
    said = project.remote("push", "--only", "home").stderr
    assert "you deleted the project's block from ~/.bashrc" in said
    assert bashrc.read_text() == "alias a=b\n"
    again = project.remote("push", "--only", "home").stderr
    assert "nothing to do" in again
    assert "block" not in again
    back, then = (
        said.partition("To have it back: ")[2].splitlines()[0].split("   then: ")
    )
    for command in (back, then.replace("push", "push --only home")):
        project.laptop.run("sh", "-c", command, cwd=project.root)
    assert BLOCK in bashrc.read_text().splitlines()
