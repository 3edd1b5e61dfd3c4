"""The generated files: whole, and what was meant, whatever the answers are."""

import ast
import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
from jinja2.exceptions import UndefinedError
from render import render, snapshot

PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
PROGRAMS = ("lab", "supervise", "system/enable", "system/disable")
SERVER = {"remote_host": "gpu.example.org", "remote_user": "ada"}
MORE = [
    {"name": "gpu2", "host": "10.0.0.7", "user": "bob", "port": 2222},
    {"name": "gpu3", "host": "::1", "proxy_jump": "bob@login:22,eve@[::1]"},
]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template as a plain folder: quicker to render than a repository."""
    return snapshot(tmp_path_factory.mktemp("template"))


@pytest.fixture(scope="module")
def plain(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project for one server, with no other answer."""
    return render(template, tmp_path_factory.mktemp("plain"), **SERVER)


@pytest.fixture(scope="module")
def sandbox(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with no answer at all."""
    return render(template, tmp_path_factory.mktemp("sandbox"))


def run(*command: str | Path, **env: str) -> str:
    """Run a command that must succeed and say nothing on standard error."""
    done = subprocess.run(command, capture_output=True, text=True, env=env or None)
    assert done.returncode == 0, (command, done.stdout, done.stderr)
    assert not done.stderr, (command, done.stderr)
    return done.stdout


def files(project: Path) -> set[str]:
    """The paths of a project's files, its own names taken out."""
    slug: str = toml(project / "remote.toml")["slug"]
    return {
        str(path.relative_to(project))
        .replace(slug, "SLUG")
        .replace(slug.replace("-", "_"), "SLUG")
        for path in project.rglob("*")
        if path.is_file()
    }


def toml(path: Path) -> dict[str, Any]:
    """What a TOML file says."""
    return tomllib.loads(path.read_text(encoding="utf-8"))


def shape(value: object) -> object:
    """The keys of nested tables, without their values."""
    return {k: shape(v) for k, v in value.items()} if isinstance(value, dict) else None


def home(project: Path, name: str) -> Path:
    """One of the files under ~/.config/SLUG of the remote."""
    slug: str = toml(project / "remote.toml")["slug"]
    own = project / "home/remote/.config/remote-lab" / slug
    return own / name.replace("SLUG", slug)


def units(project: Path) -> list[Path]:
    """The two units, the system's first."""
    found = (project / "home" / "remote" / ".config").rglob("*.service")
    return sorted(found, key=lambda unit: "@" not in unit.name)


def ssh_config(project: Path) -> Path:
    """The project's ssh config."""
    return next(project.glob("home/laptop/.ssh/config.d/*.conf"))


def ssh(project: Path, host: str) -> dict[str, list[str]]:
    """What ssh makes of a Host, with nobody's own configuration."""
    said: dict[str, list[str]] = {}
    for line in run("ssh", "-GTF", ssh_config(project), host).splitlines():
        key, _, value = line.partition(" ")
        said.setdefault(key, []).append(value)
    return said


def keys(path: Path) -> list[str]:
    """A unit's or an ssh config's lines, without values and comments."""
    lines = [line.strip() for line in path.read_text().splitlines()]
    return [line.split("=")[0].split()[0] for line in lines if line and line[0] != "#"]


def check_programs(project: Path) -> None:
    """Have each program of a project parsed by what will run it."""
    for name in PROGRAMS:
        for shell in ("sh", "dash", "bash"):
            run(shell, "-n", home(project, name))
    run("bash", "-n", home(project, "bashrc"))
    (aliases,) = project.glob("home/laptop/.config/*/*/aliases.sh")
    for shell in ("bash", "zsh"):
        run(shell, "-n", aliases)
    for path in project.rglob("*.py"):
        compile(path.read_bytes(), path, "exec")
    for path in (project / "jupytext.toml", project / "pyproject.toml"):
        toml(path)
    ast.parse((project / "remote").read_text())


# --- Single files ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "answers",
    [
        {},
        {"environment": "conda", "lab_listen": "port", "notebooks_in_git": "both"},
        {**SERVER, "more_remotes": MORE, "proxy_jump": "login"},
    ],
    ids=["sandbox", "conda and port", "several"],
)
def test_linters_find_nothing(
    template: Path, tmp_path: Path, answers: dict[str, Any]
) -> None:
    project = render(template, tmp_path / "p", **answers)
    check_programs(project)
    run("black", "-q", "--check", "--extend-exclude", "^$", project)
    run("ruff", "check", "-q", "--no-cache", project)
    run("shellcheck", *[home(project, name) for name in PROGRAMS])
    (aliases,) = project.glob("home/laptop/.config/*/*/aliases.sh")
    run("shellcheck", "-s", "bash", home(project, "bashrc"), aliases)
    for name in PROGRAMS:
        assert home(project, name).stat().st_mode & 0o111
    assert (project / "remote").stat().st_mode & 0o111


def test_systemd_takes_both_units(plain: Path, tmp_path: Path) -> None:
    """In a home whose path has a space, where the launcher stands."""
    there = tmp_path / "a home"
    shutil.copytree(plain / "home" / "remote", there)
    run_time = tmp_path / "run"
    run_time.mkdir()
    system, user = units(plain)
    env = {
        "HOME": str(there),
        "XDG_RUNTIME_DIR": str(run_time),
        "PATH": "/usr/bin:/bin",
    }
    run("systemd-analyze", "verify", "--man=no", "--user", user, **env)
    run("systemd-analyze", "verify", "--man=no", system, **env)


def test_tmux_takes_its_settings(plain: Path, tmp_path: Path) -> None:
    tmux = ["tmux", "-S", str(tmp_path / "s"), "-f", str(home(plain, "tmux.conf"))]
    env = {"HOME": str(tmp_path), "PATH": PATH, "TERM": "xterm"}
    run(*tmux, "new-session", "-d", "-x", "80", "-y", "24", **env)
    try:
        run(*tmux, "source-file", str(home(plain, "tmux.conf")), **env)
        assert run(*tmux, "show", "-gv", "history-limit", **env) == "100000\n"
    finally:
        run(*tmux, "kill-server", **env)


def test_ssh_of_several_remotes(template: Path, tmp_path: Path) -> None:
    more = [*MORE, {"name": "here", "host": "sandbox"}]
    project = render(template, tmp_path / "p", more_remotes=more, **SERVER)
    assert ssh(project, "my-lab-gpu2")["user"] == ["bob"]
    assert ssh(project, "my-lab-gpu2")["port"] == ["2222"]
    assert ssh(project, "my-lab-gpu3")["hostname"] == ["::1"]
    assert ssh(project, "my-lab-gpu3")["proxyjump"] == ["bob@login:22,eve@[::1]"]
    assert "sandbox" not in ssh_config(project).read_text()
    remotes = toml(project / "remote.toml")["remotes"]
    assert remotes["here"] == {"lab_port": 8003, "sandbox": True}
    assert [remote["lab_port"] for remote in remotes.values()] == [
        8000,
        8001,
        8002,
        8003,
    ]


def test_a_tunnel_shares_no_connection_and_a_login_does(plain: Path) -> None:
    tunnel, login = ssh(plain, "my-lab-lab"), ssh(plain, "my-lab")
    assert tunnel["controlmaster"] == ["false"]
    assert "controlpath" not in tunnel
    assert login["controlmaster"] == ["auto"]
    for options in (tunnel, login):
        assert options["stricthostkeychecking"] == ["accept-new"]
        assert options["serveraliveinterval"] == ["15"]
        assert (
            options["userknownhostsfile"][0].split()[0].endswith("known_hosts.my-lab")
        )


def test_the_sandbox_alone_needs_no_ssh(sandbox: Path) -> None:
    assert not list(sandbox.rglob(".ssh"))
    assert toml(sandbox / "remote.toml")["remotes"]["my-lab"]["sandbox"] is True
    (aliases,) = sandbox.glob("home/laptop/.config/*/*/aliases.sh")
    assert "ssh" not in aliases.read_text()


def test_each_further_port_is_the_next_free_one(template: Path, tmp_path: Path) -> None:
    more = [
        {"name": "a", "host": "h"},
        {"name": "b", "host": "h", "lab_port": 9001},
        {"name": "c", "host": "h"},
    ]
    project = render(template, tmp_path / "p", lab_port=9000, more_remotes=more)
    remotes = toml(project / "remote.toml")["remotes"]
    assert [r["lab_port"] for r in remotes.values()] == [9000, 9002, 9001, 9003]


@pytest.mark.parametrize(
    ("answer", "ignored"),
    [("scripts", True), ("both-stripped", False), ("both", False)],
)
def test_what_git_ignores(
    template: Path, tmp_path: Path, answer: str, ignored: bool
) -> None:
    project = render(template, tmp_path / "p", notebooks_in_git=answer)
    run("git", "init", "-q", project)
    for name, out in {
        "notebooks/a.ipynb": ignored,
        "notebooks/deep/a.ipynb": ignored,
        "notebooks/a.py": False,
        "notebooks/.ipynb_checkpoints/a.ipynb": True,
        "data/big.csv": True,
        "data/README.md": False,
        "results/x.png": True,
        "src/my_lab/data/x.csv": False,
        ".sandbox/x": True,
        ".venv/x": True,
        "remote.local.toml": True,
        "uv.lock": False,
    }.items():
        asked = ["git", "-C", str(project), "check-ignore", "-q", "--no-index", name]
        assert (subprocess.run(asked).returncode == 0) is out, name


def aliases(shell: str, path: Path) -> set[str]:
    """The aliases that an interactive shell has after a file, which it reads twice."""
    program = f"unalias -a; . '{path}'; . '{path}'; alias"
    command = [shell, "--norc" if shell == "bash" else "-f", "-ic", program]
    said = subprocess.run(command, capture_output=True, text=True).stdout
    lines = [line.removeprefix("alias ") for line in said.splitlines()]
    return {line.partition("=")[0] for line in lines}


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_aliases_leave_commands_of_the_same_name_alone(
    template: Path, plain: Path, tmp_path: Path, shell: str
) -> None:
    git = render(template, tmp_path / "p", project_slug="git", **SERVER)
    for project, slug, own in [(git, "git", set()), (plain, "my-lab", {"my-lab"})]:
        laptop = aliases(
            shell, next(project.glob("home/laptop/.config/*/*/aliases.sh"))
        )
        assert laptop == own | {f"{slug}-cd", f"{slug}-tmux"}
        if shell == "bash":
            remote = aliases(shell, home(project, "bashrc"))
            assert remote == own | {f"{slug}-tmux", f"{slug}-log"}


def test_the_remote_bashrc_is_silent_where_nobody_types(plain: Path) -> None:
    """scp and rsync would take its output for their own."""
    assert run("bash", "-c", f". '{home(plain, 'bashrc')}'; alias") == ""


def test_the_package_brings_the_kernel_settings(sandbox: Path, tmp_path: Path) -> None:
    """By way of the wheel's data: so they are on in every kernel of the environment."""
    uv = shutil.which("uv")
    if uv is None:
        pytest.skip("uv is not installed")
    run(uv, "build", "-q", "--offline", "--wheel", "-o", tmp_path, sandbox)
    (wheel,) = tmp_path.glob("*.whl")
    listed = run("python3", "-m", "zipfile", "-l", wheel)
    assert ".data/data/etc/ipython/ipython_config.py" in listed
    assert "my_lab/__init__.py" in listed


def test_a_name_that_no_question_defines_stops_the_copy(
    template: Path, tmp_path: Path
) -> None:
    copied = tmp_path / "t"
    shutil.copytree(template, copied)
    (copied / "template" / "x.jinja").write_text("{{ remote_hots }}\n")
    with pytest.raises(UndefinedError, match="remote_hots"):
        render(copied, tmp_path / "p")


def test_two_copies_are_the_same(template: Path, plain: Path, tmp_path: Path) -> None:
    """And hold no secret, which would be made anew."""
    (id,) = re.findall('^id = "(.*?)"', (plain / "remote.toml").read_text(), re.M)
    again = render(template, tmp_path / "p", **SERVER, project_id=id)
    for path in (path for path in plain.rglob("*") if path.is_file()):
        assert (again / path.relative_to(plain)).read_bytes() == path.read_bytes()
