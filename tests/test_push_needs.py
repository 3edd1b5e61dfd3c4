"""What the remote's userland has to have: nothing is begun where some of it is missing.

On the sandbox: an `sh` of ours, first on the laptop's PATH, sees a folder of programs
that a test chooses.
"""

from __future__ import annotations

import itertools
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from checks import STAND_IN, told
from laptop import Laptop
from needs import require
from process import Completed
from project import Project, sees, snapshot
from pushing import TMUX, after_push

from remote_lab.health.doctor import MORE
from remote_lab.transport.bundle import NEEDS

pytestmark = pytest.mark.needs("uv", "nss_wrapper", "git", "dash")

Counted = Callable[[str], None]
PUSH = ("push", "--only", "home")
# What the README says, and what of it holds these.
PACKAGES = {
    "findutils": {"find"},
    "diffutils": {"cmp", "diff"},
    **{name: {name} for name in ("tar", "gzip", "grep", "sed", "awk", "git")},
}
# A remote may do without: what stands for each of them is tested with the lab.
OPTIONAL = {"systemctl", "loginctl", "tmux", "sudo", "nvidia-smi"}


class Userland:
    """A project whose sandbox has the programs in a folder, and no others."""

    def __init__(self) -> None:
        self.laptop = Laptop()
        self.project = Project.rendered(self.laptop)
        self.home = self.project.home
        self.there = self.laptop.home.parent / "there"
        self.there.mkdir()
        here = self.laptop.home.parent / "here"
        here.mkdir()
        sh = f'#!/bin/dash\nexport PATH={self.there}\nexec /bin/dash "$@"\n'
        (here / "sh").write_text(sh)
        (here / "sh").chmod(0o755)
        self._env = {"PATH": f"{here}:{self.laptop.env['PATH']}"}

    def put(self, name: str, log: Path | None = None) -> None:
        """Put a program there; it writes its name into the log first."""
        path, real = self.there / name, shutil.which(name)
        assert real, name
        path.unlink(missing_ok=True)
        if log:
            text = f'#!/bin/dash\necho {name} >>{log}\nexec {real} "$@"\n'
            path.write_text(text)
            path.chmod(0o755)
        else:
            path.symlink_to(real)

    def remote(self, *words: str, check: bool = True) -> Completed:
        """Run ./remote."""
        return self.project.remote(*words, check=check, env=self._env)


@pytest.fixture(scope="module")
def userland() -> Iterator[Userland]:
    """One that has all that a push needs."""
    require("uv", "nss_wrapper", "git", "dash")
    userland = Userland()
    for name in ("sh", *NEEDS.split()):
        userland.put(name)
    yield userland
    userland.laptop.close()


def test_what_is_needed_is_enough(userland: Userland) -> None:
    userland.remote(*PUSH)
    assert sees(userland.home) == after_push(userland.project)
    userland.project.edit(TMUX, "# new")
    assert "+# new" in userland.remote(*PUSH, "--dry-run").stdout
    userland.remote(*PUSH)
    assert sees(userland.home) == after_push(userland.project)
    assert "nothing to do" in userland.remote(*PUSH).stderr
    userland.remote("undo")
    userland.remote("remove")
    assert sees(userland.home) == {}


def test_each_need_that_is_missing_is_named(
    userland: Userland, counted: Counted
) -> None:
    userland.home.mkdir(parents=True, exist_ok=True)
    (userland.home / ".bashrc").write_text("alias a=b")  # with no end of line
    first, tries = snapshot(userland.home, times=True), 0
    for name in NEEDS.split():
        (userland.there / name).unlink()
        told(userland.remote(*PUSH, check=False), 1, f"a push needs: {name}.")
        assert snapshot(userland.home, times=True) == first
        userland.put(name)
    userland.remote(*PUSH)
    userland.project.edit(TMUX, "# more")
    before = snapshot(userland.home, times=True)
    verbs = itertools.cycle([PUSH, ("undo",), ("remove",)])  # all begin alike
    for name, verb in zip(NEEDS.split(), verbs, strict=False):
        (userland.there / name).unlink()
        done = userland.remote(*verb, check=False)
        told(done, 1, f"a push needs: {name}.", "Nothing was changed there")
        assert "sudo apt install" in done.stderr
        assert snapshot(userland.home, times=True) == before
        tries += 1
        userland.put(name)
    userland.remote("remove")
    assert (userland.home / ".bashrc").read_text() == "alias a=b"
    counted(f"{tries + len(NEEDS.split())} verbs, each without one of its programs")


def test_doctor_names_what_is_missing(userland: Userland) -> None:
    done = userland.remote("doctor", check=False)
    assert f"Programs are missing: {MORE}\n" in done.stdout
    for name in ("awk", "find", "diff"):
        (userland.there / name).unlink(missing_ok=True)
    done = userland.remote("doctor", check=False)
    assert f"Programs are missing: diff find {MORE}\n" in done.stdout
    assert "sudo apt install coreutils diffutils findutils mawk" in done.stdout
    for name in [*NEEDS.split(), *MORE.split()]:
        userland.put(name)
    assert "All programs that are needed are installed" in (
        userland.remote("doctor", check=False).stdout
    )


def test_the_needs_are_all_and_no_more(tmp_path: Path) -> None:
    log = tmp_path / "log"
    logged = Userland()
    for folder in ("/usr/bin", "/bin", "/usr/sbin"):
        for path in Path(folder).iterdir():
            if shutil.which(path.name) and not (logged.there / path.name).exists():
                logged.put(path.name, log)

    def used(*words: str, check: bool = True) -> set[str]:
        log.write_text("")
        logged.remote(*words, check=check)
        return set(log.read_text().split())

    logged.home.mkdir(parents=True)
    (logged.home / ".bashrc").write_text("alias a=b")  # with no end of line
    by_push = used(*PUSH, "--dry-run") | used(*PUSH) | used(*PUSH)
    logged.project.edit(TMUX, "# new")
    by_push |= used(*PUSH)
    (logged.home / TMUX).write_text("# mine\n")
    logged.project.edit(TMUX, "# newer")
    by_push |= used(*PUSH, check=False) | used(*PUSH, "--force") | used("undo")
    logged.project.commit("new")
    beyond = used("push", "--only", "code") - {"git"}
    by_push |= used("remove")
    assert by_push - OPTIONAL - {"sh"} == set(NEEDS.split())
    logged.remote(*PUSH)
    subprocess.run(["sh", "-c", STAND_IN], cwd=logged.home, check=True)
    for verb in ("lab start", "lab logs", "lab stop", "save", "status"):
        beyond |= used(*verb.split())
    beyond |= used("doctor", check=False) | used("remove")
    named = {"sh", "git", "python3", *NEEDS.split(), *MORE.split()}
    assert beyond - OPTIONAL <= named
    logged.laptop.close()


def test_the_readme_names_the_packages() -> None:
    root = Path(__file__).resolve().parent.parent
    (said,) = [
        part
        for part in (root / "README.md").read_text().split("\n\n")
        if "The remote needs" in part
    ]
    for package in PACKAGES:
        assert package in said, package
    listed = subprocess.run(
        ["dpkg-query", "-L", "coreutils"], check=False, capture_output=True, text=True
    ).stdout
    elsewhere = set().union(*PACKAGES.values())
    for name in {*NEEDS.split(), *MORE.split()} - elsewhere:
        assert not listed or f"/{name}\n" in listed, name
