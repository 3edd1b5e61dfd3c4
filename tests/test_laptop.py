"""`./remote install` and `uninstall`: what they put into a home, and take out again."""

import json
import re
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from checks import asked, home_of, reaches, told, wrote
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from laptop import Laptop
from loopback import Loopback, free_port
from project import Project, snapshot

from remote_lab.laptop import install as side
from remote_lab.laptop.installed import Installed

pytestmark = pytest.mark.needs("ssh", "uv")

INCLUDE = "Include ~/.ssh/config.d/titanic.conf\n"
SSH_CONFIG = "Host old\n    HostName old.example.org\n"


def made_key(laptop: Laptop, path: str) -> Path:
    key = laptop.home / path
    key.parent.mkdir(mode=0o700, exist_ok=True)
    laptop.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key)
    return key


@pytest.fixture
def project(laptop: Laptop) -> Project:
    """A project whose remote is away; its key lies outside of ~/.ssh."""
    made_key(laptop, "keys/lab")
    answers = {
        "remote_host": "127.0.0.1",
        "remote_port": free_port(),
        "identity_file": "~/keys/lab",
    }
    return Project.rendered(laptop, answers)


# In and out again


def linked(path: str, target: str, content: bytes | None) -> Callable[[Path], None]:
    def prepare(home: Path) -> None:
        at = home / path
        at.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        real = at.parent / target
        real.parent.mkdir(parents=True, exist_ok=True)
        if content is not None:
            real.write_bytes(content)
            real.chmod(0o640)
        at.symlink_to(target)

    return prepare


HOMES = {
    "nothing": [],
    "plain": [
        wrote(".ssh/config", SSH_CONFIG.encode(), 0o600),
        wrote(".ssh/config.d/work.conf", b"Host work\n"),
        wrote(".bashrc", b"export A=1\n"),
        wrote(".zshrc", b"setopt nobeep\n"),
    ],
    "no line end": [
        wrote(".ssh/config", b"Host old\n    Port 2222", 0o600),
        wrote(".bashrc", b"echo noise\nalias a=b", 0o600),
    ],
    "empty": [wrote(".ssh/config", b"", 0o640), wrote(".zshrc", b"")],
    "odd bytes": [
        wrote(".ssh/config", b"# mine\r\nHost old\r\n    Port 22\r\n", 0o600),
        wrote(".zshrc", b"# caf\xe9\r\n\n"),
    ],
    "links": [
        linked(".ssh/config", "../dotfiles/ssh/config", SSH_CONFIG.encode()),
        linked(".bashrc", "dotfiles/bashrc", b"export A=1\n"),
    ],
    "a link to nothing": [linked(".ssh/config", "../dotfiles/ssh/config", None)],
    "named in a comment": [wrote(".ssh/config", f"# {INCLUDE}".encode())],
}


@pytest.mark.parametrize("kind", HOMES)
def test_uninstall_leaves_the_home_as_it_was(project: Project, kind: str) -> None:
    laptop = project.laptop
    for prepare in HOMES[kind]:
        prepare(laptop.home)
    before = home_of(laptop)
    project.remote("install")
    once = home_of(laptop)
    assert (laptop.home / ".ssh/config").read_bytes().startswith(INCLUDE.encode())
    for path, (mode, content, *_) in before.items():
        if mode & 0o170000 == 0o120000:  # a link stays one
            assert once[path] == (mode, content)
        assert once[path][0] == mode, path
    project.remote("install")
    assert home_of(laptop) == once
    said = project.remote("uninstall").stderr
    assert "as it was before" in said
    assert home_of(laptop) == before


@pytest.mark.parametrize("last", ["titanic", "olympic"])
def test_the_last_of_two_projects_leaves_the_home_as_it_was(
    project: Project, last: str
) -> None:
    """Neither ~/.ssh/config nor a folder was there: the last one deletes them."""
    laptop = project.laptop
    before = snapshot(laptop.home)
    answers = {"remote_host": "127.0.0.1", "identity_file": "~/keys/lab"}
    answers |= {"project_name": "Olympic", "project_id": "f" * 16}
    other = Project.rendered(laptop, answers, "olympic")
    for one in (project, other):
        one.remote("install")
    for one in sorted((project, other), key=lambda it: it.root.name == last):
        one.remote("uninstall")
    after = snapshot(laptop.home)
    for seen in (before, after):
        for path in [*seen]:
            if path.split("/")[0] in ("titanic", "olympic"):
                del seen[path]
    assert after == before


def test_what_was_written_below_our_block_stays(project: Project) -> None:
    bashrc = project.laptop.home / ".bashrc"
    bashrc.write_text("alias a=b")
    project.remote("install")
    with bashrc.open("a") as file:
        file.write("alias c=d\n")
    project.remote("uninstall")
    assert bashrc.read_text() == "alias a=b\nalias c=d\n"


lines = st.text(st.characters(codec="utf-8"), max_size=60)
contents = st.one_of(
    st.none(),
    st.binary(max_size=60),
    lines.map(str.encode),
    st.lists(lines, max_size=5).map(lambda parts: "\r\n".join(parts).encode()),
    st.lists(lines, max_size=5).map(lambda parts: "\n".join(parts).encode()),
)


@settings(max_examples=300, deadline=None)
@given(before=contents, more=st.sampled_from([b"", b"alias c=d\n"]), top=st.booleans())
def test_any_file_is_the_same_bytes_again(
    before: bytes | None, more: bytes, top: bool
) -> None:
    ours = INCLUDE if top else side.block("titanic")
    assume(ours.encode() not in (before or b""))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "config")
        if before is not None:
            path.write_bytes(before)
        state = SimpleNamespace(state=Path(folder, "state"), slug="titanic")
        installed = Installed(cast(Any, state))
        for _ in range(2):
            side.insert(path, ours, installed, top)
        inside = path.read_bytes()
        assert inside.count(ours.encode()) == 1
        path.write_bytes(inside + more)
        side.take_out(path, Installed(cast(Any, state)))
        joint = b"\n" if more and not top and before and before[-1:] != b"\n" else b""
        after = path.read_bytes() if path.exists() else None
        assert after == (
            (before or b"") + joint + more if more or before is not None else None
        )


def test_ssh_takes_what_was_written_under_a_umask_of_002(project: Project) -> None:
    project.laptop.run(
        "sh",
        "-c",
        "umask 002; ./remote install; ./remote push",
        cwd=project.root,
        check=False,
    )
    home = project.laptop.home
    for name in (
        ".ssh/config.d/titanic.conf",
        ".local/state/remote-lab/titanic/laptop/ssh.conf",
    ):
        assert (home / name).stat().st_mode & 0o777 == 0o600
    ours = (home / ".local/state/remote-lab/titanic/laptop/ssh_config").read_text()
    assert str(project.root) not in ours


def test_uninstall_of_nothing_says_so(project: Project) -> None:
    before = home_of(project.laptop)
    done = project.remote("uninstall", check=False)
    assert done.returncode == 1
    assert "Nothing of this project is installed" in done.stderr
    assert home_of(project.laptop) == before


# What can't be written, or is not ours

# Root, too, is then bound by the modes of files.
BOUND = ("setpriv", "--bounding-set=-dac_override,-dac_read_search")


@pytest.mark.needs("root", "setpriv")
@pytest.mark.parametrize("read_only", ["file", "folder"])
def test_a_read_only_ssh_config_is_left_and_named(
    project: Project, read_only: str
) -> None:
    laptop = project.laptop
    wrote(".ssh/config", SSH_CONFIG.encode(), 0o600)(laptop.home)
    (laptop.home / ".ssh/config.d").mkdir()
    config = laptop.home / ".ssh/config"
    locked = config if read_only == "file" else config.parent
    locked.chmod(0o500)
    done = laptop.run(*BOUND, "./remote", "install", cwd=project.root, check=False)
    assert done.returncode == 1
    assert f"{config} can't be written" in done.stderr
    assert "It is as it was" in done.stderr
    assert "chmod u+w" in done.stderr
    assert "Traceback" not in done.stderr
    assert config.read_text() == SSH_CONFIG
    locked.chmod(0o700)
    project.remote("install")
    assert config.read_text() == INCLUDE + SSH_CONFIG
    project.remote("uninstall")
    assert config.read_text() == SSH_CONFIG


def test_a_file_in_our_place_that_is_not_ours_is_left(project: Project) -> None:
    theirs = project.laptop.home / ".ssh/config.d/titanic.conf"
    wrote(".ssh/config.d/titanic.conf", b"Host mine\n")(project.laptop.home)
    before = home_of(project.laptop)
    done = project.remote("install", check=False)
    assert done.returncode == 1
    assert f"{theirs} is there already, and not from this project" in done.stderr
    assert f"mv {theirs}" in done.stderr
    assert home_of(project.laptop) == before


# ssh by name, and the aliases


def test_ssh_knows_the_answers(laptop: Laptop) -> None:
    wrote(".ssh/config", SSH_CONFIG.encode(), 0o600)(laptop.home)
    project = Project.rendered(
        laptop,
        {
            "remote_host": "127.0.0.1",
            "remote_port": free_port(),
            "remote_user": "grace",
            "proxy_jump": "grace@jump.example.org",
            "more_remotes": "[{name: gpu2, host: 127.0.0.2, port: 1}]",
        },
    )
    project.remote("install")
    told = asked(laptop, "titanic")
    assert told["hostname"] == ["127.0.0.1"]
    assert told["user"] == ["grace"]
    assert told["proxyjump"] == ["grace@jump.example.org"]
    assert told["identityfile"][0] == "~/.ssh/id_ed25519"
    assert asked(laptop, "titanic-gpu2")["hostname"] == ["127.0.0.2"]
    assert asked(laptop, "titanic-lab")["exitonforwardfailure"] == ["yes"]
    assert asked(laptop, "old")["hostname"] == ["old.example.org"]


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_the_aliases_lead_to_the_project(project: Project, shell: str) -> None:
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not installed")
    laptop = project.laptop
    (laptop.home / f".{shell}rc").write_text("PS1='> '\n")
    project.remote("install")
    # Each on a line of its own: aliases count from the next line on.
    typed = "cd /\ntitanic tunnel status\ntitanic-cd\npwd\nalias titanic-tmux\n"
    done = laptop.run(shell, "-i", input=typed)
    assert re.search(r"^titanic\tdown\t8000$", done.stdout, re.MULTILINE), done.stderr
    assert f"\n{project.root}\n" in done.stdout
    assert "ssh -t titanic tmux -L titanic" in done.stdout
    project.remote("uninstall")
    assert "titanic" not in laptop.run(shell, "-ic", "alias").stdout


# The key


def test_a_key_is_made_if_missing_and_never_overwritten(laptop: Laptop) -> None:
    project = Project.rendered(
        laptop, {"remote_host": "127.0.0.1", "remote_port": free_port()}
    )
    key = laptop.home / ".ssh/id_ed25519"
    said = project.remote("install").stderr
    assert f"Made the key {key}" in said
    made = (key.read_bytes(), key.stat().st_mode & 0o777)
    assert made[1] == 0o600
    project.remote("install")
    said = project.remote("uninstall").stderr
    assert f"rm {key} {key}.pub" in said
    project.remote("install")
    assert (key.read_bytes(), key.stat().st_mode & 0o777) == made


@pytest.mark.parametrize("way_in", ["config", "agent"])
def test_the_key_is_brought_by_another_that_opens_the_door(
    laptop: Laptop, loopback: Loopback, way_in: str
) -> None:
    project = Project.rendered(
        laptop, {**reaches(loopback), "identity_file": "~/.ssh/my key"}
    )
    agent = {}
    if way_in == "config":
        config = "Host *\n    IdentityFile ~/.ssh/id_ed25519\n"
        wrote(".ssh/config", config.encode())(laptop.home)
    else:
        told = laptop.run("ssh-agent", "-s").stdout
        agent = dict(re.findall(r"(SSH_\w+)=([^;]+)", told))
        laptop.run("ssh-add", "-q", ".ssh/id_ed25519", env=agent)
    said = project.remote("install", env=agent).stderr
    if agent:
        laptop.run("ssh-agent", "-k", env=agent)
    assert "knows your key now" in said
    known = loopback.home / ".ssh/authorized_keys"
    assert (laptop.home / ".ssh/my key.pub").read_text() in known.read_text()
    before = known.read_bytes()
    assert "titanic knows your key." in project.remote("install").stderr
    assert known.read_bytes() == before


def test_with_no_way_in_the_command_is_printed(
    laptop: Laptop, loopback: Loopback
) -> None:
    project = Project.rendered(
        laptop, {**reaches(loopback), "identity_file": "~/.ssh/a lab"}
    )
    done = project.remote("install")
    assert f"ssh-copy-id -i '{laptop.home}/.ssh/a lab.pub' titanic" in done.stderr
    assert not (loopback.home / ".ssh").exists()
    assert asked(laptop, "titanic")["port"] == [str(loopback.port)]


# A file that was installed, and edited


ALIASES = ".config/remote-lab/titanic/aliases.sh"


def test_an_edited_file_is_never_overwritten_unasked(project: Project) -> None:
    home = project.laptop.home
    installed, ours = home / ALIASES, project.root / "home/laptop" / ALIASES
    project.remote("install")
    # Edited here alone: it stays.
    mine = installed.read_text() + "alias mine=true\n"
    installed.write_text(mine)
    assert f"Kept as you edited it: ~/{ALIASES}" in project.remote("install").stderr
    assert installed.read_text() == mine
    # Changed in the project as well: refused, with the diff, and the way out works.
    ours.write_text(ours.read_text() + "alias new=true\n")
    before = home_of(project.laptop)
    done = project.remote("install", check=False)
    told(done, 1, f"{installed} was edited here", "-alias mine=true", "+alias new=true")
    assert home_of(project.laptop) == before
    project.laptop.run("sh", "-c", f"mv {installed} {installed}.mine")
    project.remote("install")
    assert installed.read_text() == ours.read_text()
    # Not edited, changed in the project: written; and taken out, but for an edit.
    ours.write_text(ours.read_text() + "alias newer=true\n")
    project.remote("install")
    assert installed.read_text() == ours.read_text()
    mine = installed.read_text() + "alias again=true\n"
    installed.write_text(mine)
    done = project.remote("uninstall")
    assert f"Kept, since you had edited it: {installed}.mine" in done.stderr
    assert not installed.exists()
    assert Path(f"{installed}.mine").read_text() == mine


def test_files_of_a_former_version_are_known_by_git(project: Project) -> None:
    """Its list of what it installed had no sums."""
    state = project.laptop.home / ".local/state/remote-lab/titanic/laptop"
    installed = project.laptop.home / ALIASES
    ours = project.root / "home/laptop" / ALIASES
    project.remote("install")
    listed = json.loads((state / "installed.json").read_text())
    del listed["sums"]
    for mine in ("", "alias mine=true\n"):
        (state / "installed.json").write_text(json.dumps(listed))
        installed.write_text(installed.read_text() + mine)
        ours.write_text(ours.read_text() + "# new\n")
        done = project.remote("install", check=False)
        assert done.returncode == bool(mine), done.stderr
        project.commit("update")
