"""The lab as a service, with a stand-in for JupyterLab: what restarts it, its log."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from checks import STAND_IN
from laptop import Laptop
from process import wait_until
from project import Project
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
    assert "lab runs" not in project.remote("push", "--only", "home").stderr
    assert pid(project) == before
    project.edit(SERVER, "# the lab's")
    project.remote("push", "--only", "home")
    wait_until(lambda: pid(project) != before, "the new lab")


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
