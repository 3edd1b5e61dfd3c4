"""The lab's launcher and its supervisor, with a stand-in for the server."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from render import render, snapshot

# What it is told, it writes down; then it stays, as a server does.
SERVER = """#!/usr/bin/python3
import os, sys, time
if sys.argv[1] == "-c":
    os.execv(sys.executable, ["python3", *sys.argv[1:]])
home = os.environ["HOME"]
told = [os.getcwd(), " ".join(sys.argv[1:]), *map("=".join, os.environ.items())]
for name, text in ("said", "\\n".join(told) + "\\n"), ("server", str(os.getpid())):
    with open(f"{home}/.{name}", "w") as file:
        file.write(text)
    os.rename(f"{home}/.{name}", f"{home}/{name}")
time.sleep(60)
"""


@pytest.fixture(scope="module")
def projects(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One project for each way to listen."""
    folder = tmp_path_factory.mktemp("projects")
    template = snapshot(folder / "template")
    return {
        listen: render(template, folder / listen, lab_listen=listen)
        for listen in ("socket", "port")
    }


class Home:
    """A remote's home with the pushed pieces, and a server that only tells."""

    def __init__(self, root: Path, project: Path, shell: list[str]) -> None:
        self.root = root
        self.shell = shell
        self.state = root / ".local/state/remote-lab/my-lab"
        self.started: list[subprocess.Popen[bytes]] = []
        shutil.copytree(project / "home" / "remote", root, dirs_exist_ok=True)
        python = root / "my-lab" / ".venv" / "bin" / "python"
        python.parent.mkdir(parents=True)
        python.write_text(SERVER)
        python.chmod(0o755)

    def start(self, program: str, **env: str) -> subprocess.Popen[bytes]:
        """Start one of the project's programs, as systemd or nohup does."""
        path = f"{self.root}/bin:/usr/bin:/bin"
        process = subprocess.Popen(
            [*self.shell, self.root / ".config/remote-lab/my-lab" / program],
            env={"HOME": str(self.root), "PATH": path, **env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self.started.append(process)
        return process

    def said(self) -> str:
        """What the server was told, once it runs."""
        return wait_for(self.root / "said")

    def address(self) -> dict[str, str]:
        """What lab.addr says."""
        lines = (self.state / "lab.addr").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines)

    def log(self) -> str:
        """What the lab has written."""
        return (self.state / "lab.log").read_text()


def wait_for(path: Path, other_than: str = "") -> str:
    """The text of a file, once it is there and says something new."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        if path.exists() and (text := path.read_text()) and text != other_than:
            return text
        time.sleep(0.02)
    raise AssertionError(f"{path} did not come")


def alive(pid: str) -> bool:
    """Whether a process is there, and not only its remains."""
    try:
        return Path(f"/proc/{int(pid)}/stat").read_text().split()[2] != "Z"
    except FileNotFoundError:
        return False


@pytest.fixture(params=["dash", "bash --posix", "busybox sh"])
def home(request: pytest.FixtureRequest, projects: dict[str, Path]) -> Iterator[Home]:
    """A home whose path has a space; what was started in it is ended."""
    # Not under tmp_path, whose path is too long for sockets.
    root = Path(tempfile.mkdtemp(prefix="a home ", dir="/tmp"))
    home = Home(root, projects["socket"], request.param.split())
    yield home
    for process in home.started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    shutil.rmtree(root)


def test_it_leads_the_server_to_its_places(home: Home) -> None:
    process = home.start("lab")
    said = home.said().splitlines()
    root = home.root
    assert said[:2] == [str(root / "my-lab"), "-P -m jupyterlab"]
    assert f"JUPYTER_CONFIG_DIR={root}/.local/share/remote-lab/my-lab/jupyter" in said
    assert f"JUPYTER_CONFIG_PATH={root}/.config/remote-lab/my-lab/jupyter" in said
    assert f"JUPYTER_RUNTIME_DIR={root}/.local/state/remote-lab/my-lab/run" in said
    (path,) = [line for line in said if line.startswith("PATH=")]
    assert path.startswith(f"PATH={root}/my-lab/.venv/bin:")
    assert home.address() == {
        "pid": str(process.pid),
        "socket": f"{root}/.local/state/remote-lab/my-lab/run/lab.sock",
    }
    assert (home.state / "run").stat().st_mode & 0o777 == 0o700
    assert home.state.stat().st_mode & 0o077 == 0


def test_each_start_makes_a_token_without_a_line_break(home: Home) -> None:
    """With one, the server would answer 403 for ever."""
    first = home.start("lab")
    home.said()
    token = home.state / "token"
    made = token.read_text()
    assert len(made) == 48
    assert made.isalnum()
    assert token.stat().st_mode & 0o777 == 0o600
    first.kill()
    first.wait()
    (home.root / "said").unlink()
    home.start("lab")
    home.said()
    again = token.read_text()
    assert len(again) == 48
    assert again != made


def test_it_takes_the_folder_that_systemd_made(home: Home) -> None:
    given = home.root / "given"
    given.mkdir(mode=0o700)
    home.start("lab", RUNTIME_DIRECTORY=str(given))
    assert f"JUPYTER_RUNTIME_DIR={given}\n" in home.said()


def test_a_path_too_long_for_sockets_gives_way(home: Home) -> None:
    """Kernels add 50 bytes, and bytes count, not letters."""
    long = home.root / ("ü" * 30)
    long.mkdir(mode=0o700)
    home.start("lab", RUNTIME_DIRECTORY=str(long))
    home.said()
    run = Path(home.address()["socket"]).parent
    assert run.parent == Path("/tmp")
    assert run.name.startswith(f"remote-lab-{os.getuid()}-")
    assert run.stat().st_mode & 0o777 == 0o700
    run.rmdir()


def test_a_folder_of_somebody_else_is_refused(home: Home) -> None:
    link = home.root / "link"
    link.symlink_to("/tmp")
    process = home.start("lab", RUNTIME_DIRECTORY=str(link))
    assert process.wait(10) == 1
    assert f"{link} is no folder of yours" in home.log()
    assert not (home.state / "lab.addr").exists()


def test_a_second_lab_leaves_the_first_alone(home: Home) -> None:
    first = home.start("lab")
    home.said()
    before = home.address()
    assert home.start("lab").wait(10) == 1
    assert f"it runs already, as the process {first.pid}" in home.log()
    assert home.address() == before


def test_without_an_environment_it_says_what_to_do(home: Home) -> None:
    shutil.rmtree(home.root / "my-lab" / ".venv")
    assert home.start("lab").wait(10) == 1
    assert "./remote push" in home.log()


def test_a_start_settles_the_restart_that_was_owed(home: Home) -> None:
    owed = home.state / "current" / "pending" / "lab"
    owed.parent.mkdir(parents=True)
    owed.touch()
    home.start("lab")
    home.said()
    assert not owed.exists()


def test_on_a_port_it_says_which(projects: dict[str, Path], tmp_path: Path) -> None:
    home = Home(tmp_path, projects["port"], ["sh"])
    process = home.start("lab")
    (run,) = [line for line in home.said().splitlines() if "RUNTIME_DIR=" in line]
    run = run.partition("=")[2]
    shutil.rmtree(run)
    assert home.address() == {"pid": str(process.pid), "port": "8089", "run": run}
    process.kill()
    process.communicate()


@pytest.fixture
def supervised(home: Home) -> subprocess.Popen[bytes]:
    """A running supervise, whose ten seconds are a tenth."""
    (home.root / "bin").mkdir()
    stub = home.root / "bin" / "sleep"
    stub.write_text('#!/bin/sh\n[ "$1" != 10 ] || set -- 0.1\nexec /bin/sleep "$@"\n')
    stub.chmod(0o755)
    return home.start("supervise")


def test_supervise_starts_the_lab_again(
    home: Home, supervised: subprocess.Popen[bytes]
) -> None:
    first = wait_for(home.root / "server")
    os.kill(int(first), signal.SIGKILL)
    second = wait_for(home.root / "server", other_than=first)
    assert alive(second)
    assert (home.state / "supervise.pid").read_text() == f"{supervised.pid}\n"


@pytest.mark.parametrize("name", ["TERM", "HUP", "INT"])
def test_supervise_takes_the_lab_down_with_it(
    home: Home, supervised: subprocess.Popen[bytes], name: str
) -> None:
    server = wait_for(home.root / "server")
    supervised.send_signal(getattr(signal, f"SIG{name}"))
    assert supervised.wait(10) == 0
    assert not alive(server)
    assert not (home.state / "supervise.pid").exists()


def test_one_supervise_is_enough(
    home: Home, supervised: subprocess.Popen[bytes]
) -> None:
    server = wait_for(home.root / "server")
    second = home.start("supervise")
    assert second.wait(10) == 0
    assert second.stdout
    assert f"by the process {supervised.pid}." in second.stdout.read().decode()
    assert supervised.poll() is None
    assert alive(server)


def test_a_pid_file_from_before_a_reboot_is_no_hindrance(home: Home) -> None:
    home.state.mkdir(parents=True)
    # The number is another process's by now: this test's.
    (home.state / "supervise.pid").write_text(f"{os.getpid()}\n")
    process = home.start("supervise")
    wait_for(home.root / "server")
    assert (home.state / "supervise.pid").read_text() == f"{process.pid}\n"
