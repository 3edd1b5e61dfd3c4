"""A lab on the sandbox: start, stop, restart, tunnel, what a push restarts."""

import json
import os
import signal
import socket
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator
from http.cookiejar import CookieJar
from pathlib import Path

import pytest
from laptop import Laptop
from loopback import free_port
from process import wait_until
from project import Project, processes_of

from remote_lab.lab.opening import answers

pytestmark = [pytest.mark.xdist_group("lab"), pytest.mark.needs("network")]

SETTINGS = ".config/remote-lab/titanic/jupyter/jupyter_server_config.py"


@pytest.fixture(scope="module")
def project() -> Iterator[Project]:
    """A project whose sandbox has an environment."""
    with Laptop() as laptop:
        project, _ = Project.copied(laptop, {"lab_port": free_port()})
        yield project
        project.remote("tunnel", "down")
        project.remote("lab", "stop", "--yes")
        assert processes_of(project.home) == []


def opened(project: Project) -> tuple[str, str]:
    """The lab's base URL and token, of a lab that answers."""
    url = project.remote("open", "--no-browser").stdout.strip()
    base, token = url.split("/lab?token=")
    assert answers(base, token)
    return base, token


def pid(project: Project) -> int:
    address = (project.state / "lab.addr").read_text()
    return int(address.partition("pid=")[2].split()[0])


def ask(base: str, token: str, path: str, body: object = None) -> object:
    request = urllib.request.Request(
        f"{base}/api/{path}",
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": f"token {token}"},
    )
    with urllib.request.urlopen(request, timeout=30) as reply:
        return json.loads(reply.read())


def test_open_twice_is_the_same_lab_and_tunnel(project: Project) -> None:
    first = opened(project)
    before = pid(project)
    assert opened(project) == first
    assert pid(project) == before
    assert "was up" in project.remote("tunnel", "up").stderr
    assert project.remote("tunnel", "status").stdout.split()[:2] == ["titanic", "up"]


def test_nothing_answers_without_the_token(project: Project) -> None:
    base, _ = opened(project)
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(f"{base}/api/contents", timeout=10)


def test_the_socket_and_token_are_the_users_alone(project: Project) -> None:
    opened(project)
    told = dict(
        line.split("=", 1) for line in (project.state / "lab.addr").read_text().split()
    )
    assert Path(told["socket"]).stat().st_mode & 0o777 == 0o600
    assert Path(told["socket"]).parent.stat().st_mode & 0o777 == 0o700
    assert (project.state / "token").stat().st_mode & 0o777 == 0o600


def test_a_push_leaves_a_lab_with_a_kernel_alone(project: Project) -> None:
    base, token = opened(project)
    ask(base, token, "kernels", {})
    before = pid(project)
    project.edit(SETTINGS, "# changed")
    said = project.remote("push").stderr
    assert "lab restart" in said
    assert pid(project) == before
    # It is not forgotten, and not nagged into a restart either.
    assert "lab restart" in project.remote("push").stderr
    assert pid(project) == before
    doctor = project.remote("doctor", check=False)
    assert "waits for a restart" in doctor.stdout

    said = project.remote("push", "--restart").stderr
    assert "restarted the lab" in said
    opened(project)
    assert pid(project) != before
    assert "nothing to do" in project.remote("push").stderr


def test_a_push_restarts_an_idle_lab_if_its_settings_changed(project: Project) -> None:
    opened(project)
    before = pid(project)
    project.edit(".config/remote-lab/titanic/tmux.conf", "# changed")
    project.remote("push")
    assert pid(project) == before
    project.edit(SETTINGS, "# changed again")
    assert "restarted the lab" in project.remote("push").stderr
    opened(project)
    assert pid(project) != before


def test_a_killed_lab_is_back_and_the_same_tunnel_works(project: Project) -> None:
    base, token = opened(project)
    before = pid(project)
    os.kill(before, signal.SIGKILL)
    wait_until(lambda: not answers(base, token), "the lab to be gone")
    wait_until(lambda: pid(project) != before, "the lab to be back")
    # Each start makes a new token.
    fresh = (project.state / "token").read_text()
    assert fresh != token
    # How long JupyterLab then takes to answer is the machine's affair.
    wait_until(lambda: answers(base, fresh), "the same tunnel")


def test_stop_stops_and_a_push_does_not_start_it(project: Project) -> None:
    base, token = opened(project)
    project.remote("lab", "stop", "--yes")
    assert not answers(base, token)
    project.remote("push")
    row = json.loads(project.remote("status", "--json").stdout)[0]
    assert (row["reachable"], row["lab"]) == (True, "stopped")
    opened(project)
    row = json.loads(project.remote("status", "--json").stdout)[0]
    assert (row["lab"], row["tunnel"]) == ("running", "up")


def test_a_busy_port_is_named_with_its_holder_and_a_way_out(project: Project) -> None:
    base, token = opened(project)
    port = urllib.parse.urlsplit(base).port
    project.remote("tunnel", "down")
    with socket.create_server(("127.0.0.1", port or 0)):
        done = project.remote("open", "--no-browser", check=False)
    assert done.returncode == 1
    assert f"Port {port}" in done.stderr
    assert str(os.getpid()) in done.stderr
    assert "--lab-port" in done.stderr
    assert opened(project) == (base, token)


def test_a_password_opens_the_lab_too(project: Project) -> None:
    project.remote("lab", "password", input="tr'icky \"$(word)\n")
    project.remote("lab", "restart", "--yes")
    base, _ = opened(project)
    browser = urllib.request.build_opener(
        urllib.request.HTTPCookieProcessor(CookieJar())
    )
    page = browser.open(f"{base}/login", timeout=10).read().decode()
    assert "password" in page
    token = page.split('name="_xsrf" value="')[1].split('"')[0]
    form = urllib.parse.urlencode({"password": "tr'icky \"$(word)", "_xsrf": token})
    browser.open(f"{base}/login", form.encode(), timeout=10)
    assert browser.open(f"{base}/api/contents", timeout=10).status == 200


def test_another_projects_lab_is_not_taken_for_ours(project: Project) -> None:
    project.remote("lab", "stop", "--yes")
    # Its notes are old, and the number is somebody else's by now.
    other = subprocess.Popen(
        ["python3", "-c", "input()", "-m", "jupyterlab"], stdin=subprocess.PIPE
    )
    (project.state / "lab.addr").write_text(f"pid={other.pid}\nsocket=/nowhere\n")
    row = json.loads(project.remote("status", "--json").stdout)[0]
    assert row["lab"] == "stopped"
    project.remote("lab", "stop", "--yes")
    assert other.poll() is None
    other.kill()
    other.wait()
    opened(project)


def test_logs_are_shown(project: Project) -> None:
    opened(project)
    assert "jupyter" in project.remote("lab", "logs").stdout.lower()


def test_doctor_is_content_and_says_so(project: Project) -> None:
    opened(project)
    done = project.remote("doctor")
    assert "✗" not in done.stdout
    found = json.loads(project.remote("doctor", "--json").stdout)
    assert all(finding["good"] for finding in found)


def test_code_and_edits_travel_both_ways(project: Project) -> None:
    there = project.home / "titanic"
    (project.root / "src/titanic/work.py").write_text("x = 1\n")
    project.commit("work")
    project.remote("push")
    assert (there / "src/titanic/work.py").read_text() == "x = 1\n"

    (there / "src/titanic/work.py").write_text("x = 2\n")
    (project.root / "src/titanic/more.py").write_text("y = 1\n")
    project.commit("more")
    done = project.remote("push", check=False)
    assert done.returncode == 3
    assert "src/titanic/work.py" in done.stderr
    assert "./remote save" in done.stderr
    assert (there / "src/titanic/work.py").read_text() == "x = 2\n"

    done = project.remote("save", check=False)
    assert "git merge titanic/saved" in done.stderr
    project.laptop.run("git", "merge", "-q", "titanic/saved", cwd=project.root)
    assert (project.root / "src/titanic/work.py").read_text() == "x = 2\n"
    project.remote("push")
    assert (there / "src/titanic/more.py").exists()
    (there / "src/titanic/more.py").write_text("y = 2\n")
    project.remote("save")
    assert (project.root / "src/titanic/more.py").read_text() == "y = 2\n"
    assert "nothing" in project.remote("save").stderr


def test_a_folder_that_is_not_ours_is_left_alone(laptop: Laptop) -> None:
    project = Project.rendered(laptop)
    own = project.home / "titanic" / "thesis.tex"
    own.parent.mkdir(parents=True)
    own.write_text("mine\n")
    done = project.remote("push", "--only", "code", check=False)
    assert done.returncode == 1
    assert "not this project" in done.stderr
    assert own.read_text() == "mine\n"
    assert list(own.parent.iterdir()) == [own]


def test_works_from_any_folder_of_the_project(project: Project) -> None:
    for folder in ("src/titanic", "home/remote"):
        up = "/".join(".." for _ in Path(folder).parts)
        done = project.laptop.run(f"{up}/remote", "status", cwd=project.root / folder)
        assert "titanic" in done.stdout


COMPLETED = {
    "bash": '''
        eval "$(./remote completion bash)"
        COMP_WORDS=(./remote sta) COMP_CWORD=1
        _remote_completion ./remote
        echo "${COMPREPLY[@]}"''',
    # What the completion calls, and no line editor to call it from.
    "zsh": """
        compdef() { : }
        compadd() { print -- $completions }
        _describe() { print -- $completions_with_descriptions }
        eval "$(./remote completion zsh)"
        words=(./remote sta) CURRENT=2
        _remote_completion""",
    "fish": "./remote completion fish | source; complete -C './remote sta'",
}


@pytest.mark.parametrize("shell", COMPLETED)
def test_the_shell_completes_verbs(project: Project, shell: str) -> None:
    said = project.laptop.run(shell, "-c", COMPLETED[shell], cwd=project.root)
    assert said.stdout.startswith("status"), said.stdout + said.stderr


def test_wrong_usage_ends_with_2(project: Project) -> None:
    for words in (["push", "nowhere"], ["push", "--only", "all"], ["fly"]):
        done = project.remote(*words, check=False)
        assert done.returncode == 2, done.stderr
        assert "Traceback" not in done.stderr


def git(project: Project, *words: str) -> str:
    return project.laptop.run("git", *words, cwd=project.root).stdout.strip()


def test_what_git_ignores_there_is_not_overwritten(project: Project) -> None:
    there = project.home / "titanic" / "notebooks"
    project.remote("push")
    (there / "x.ipynb").write_text("outputs of a week\n")
    (project.root / "notebooks/x.ipynb").write_text("{}\n")
    git(project, "add", "-f", "notebooks/x.ipynb")
    git(project, "commit", "-qm", "A notebook")
    done = project.remote("push", "--only", "code", check=False)
    assert done.returncode == 3
    assert "notebooks/x.ipynb" in done.stderr
    assert (there / "x.ipynb").read_text() == "outputs of a week\n"
    (there / "x.ipynb").unlink()
    project.remote("push")


def test_commits_on_another_branch_there_are_not_lost(project: Project) -> None:
    there = project.home / "titanic"
    project.remote("push")
    main = git(project, "branch", "--show-current")
    git(project, "checkout", "-qb", "feature")
    for line in (
        "git checkout -q -b feature && echo z >z && git add z && git commit -qm z",
        f"git checkout -q {main}",
    ):
        project.laptop.run("sh", "-c", line, cwd=there)
    done = project.remote("push", "--only", "code", check=False)
    assert done.returncode == 3
    assert "commits that were made there" in done.stderr
    project.laptop.run("git", "checkout", "-q", "feature", cwd=there)
    project.remote("save")
    assert (project.root / "z").exists()
    project.remote("push", "--only", "code")

    # Back on main, the laptop is behind what is there: nothing has to be sent.
    git(project, "checkout", "-q", main)
    project.remote("push", "--only", "code")
    assert not (there / "z").exists()
    # Edits of main there, while the laptop is on another branch: fetched, not merged.
    (there / "src/titanic/edit.py").write_text("x = 1\n")
    git(project, "checkout", "-q", "feature")
    done = project.remote("save", check=False)
    assert f"git checkout {main} && git merge titanic/saved" in done.stderr
    assert not (project.root / "src/titanic/edit.py").exists()
    git(project, "checkout", "-q", main)
    git(project, "merge", "-q", "titanic/saved")


def test_conflicts_in_the_code_are_never_pushed(project: Project) -> None:
    (project.root / "src/titanic/c.py").write_text("<<<<<<< a\n1\n>>>>>>> b\n")
    git(project, "add", "-A")
    git(project, "commit", "--no-verify", "-qm", "Unfinished")
    done = project.remote("push", check=False)
    assert done.returncode == 1
    assert "src/titanic/c.py" in done.stderr
    git(project, "rm", "-q", "src/titanic/c.py")
    git(project, "commit", "-qm", "Away with it")


def test_json_is_json_whatever_else_is_told(project: Project) -> None:
    project.remote("push")
    project.edit(".config/remote-lab/titanic/tmux.conf", "# for the diff")
    told = project.remote("push", "--dry-run", "--json").stdout
    assert "+# for the diff" in json.loads(told)[0]["diff"]
    git(project, "checkout", "-q", "home")


def test_a_new_environment_under_a_kernel_waits_for_a_word(project: Project) -> None:
    base, token = opened(project)
    ask(base, token, "kernels", {})
    before = pid(project)
    project.laptop.run("uv", "add", "-q", "--no-sync", "six", cwd=project.root)
    project.commit("six")
    assert "lab restart" in project.remote("push").stderr
    assert pid(project) == before
    project.remote("lab", "restart", "--yes")


def test_only_env_leaves_a_stopped_lab_alone(project: Project) -> None:
    opened(project)
    project.remote("lab", "stop", "--yes")
    assert "nothing to do" in project.remote("push", "--only", "env").stderr
    row = json.loads(project.remote("status", "--json").stdout)[0]
    assert row["lab"] == "stopped"
