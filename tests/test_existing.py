"""Remote Lab is added to a project: all that was there stays as it was."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from existing import KINDS, copy, write
from laptop import Laptop
from needs import require
from project import snapshot
from render import ROOT

from remote_lab.laptop.answers import macros
from remote_lab.laptop.existing import FILES


@pytest.fixture(scope="module")
def laptop() -> Iterator[Laptop]:
    require("nss_wrapper", "git", "uv", "network")
    with Laptop() as laptop:
        yield laptop


class Added(NamedTuple):
    """A project that Remote Lab was added to.

    Attributes:
        laptop: Where it lies: each has the name that it is called by there.
        root: Its folder.
        before: What it had, with git's own files.
        said: What was printed.
    """

    laptop: Laptop
    root: Path
    before: dict[str, tuple[object, ...]]
    said: str


@pytest.fixture(scope="module", params=KINDS)
def added(request: pytest.FixtureRequest) -> Iterator[Added]:
    require("nss_wrapper", "git", "uv", "network")
    with Laptop() as laptop:
        yield add(laptop, request.param)


def add(laptop: Laptop, kind: str) -> Added:
    root = laptop.home / kind
    root.mkdir()
    KINDS[kind](laptop, root)
    if (root / ".git").exists():
        laptop.run("git", "add", "-A", cwd=root)
        laptop.run("git", "commit", "-qm", "mine", cwd=root)
        write(root, {"staged.txt": "Mine.\n", "untracked.bin": "Mine.\n"})
        laptop.run("git", "add", "staged.txt", cwd=root)
    before = snapshot(root)
    done = copy(laptop, root)
    return Added(laptop, root, before, done.stdout + done.stderr)


def commands(said: str) -> list[str]:
    """The commands that the setup lists."""
    block = re.findall(r"^  Next:\n((?:    .+\n)+)", said, re.MULTILINE)[0]
    return [line.strip() for line in block.splitlines()]


def test_all_of_theirs_is_as_it_was(added: Added) -> None:
    """Byte for byte, with modes; the repository, its index and its hooks as well."""
    after = snapshot(added.root)
    assert {path: after.get(path) for path in added.before} == added.before


def test_what_is_printed_is_exact(added: Added) -> None:
    assert "git add -A" not in added.said
    listed = commands(added.said)
    (add,) = (line for line in listed if line.startswith("git add "))
    theirs = {path for path in added.before if not path.startswith(".git/")}
    new = {
        path
        for path in set(snapshot(added.root)) - set(added.before)
        if (added.root / path).is_file() and not path.startswith((".git/", ".venv/"))
    }
    staged = add.split()[2:]
    for path in new:
        assert path.endswith(".remote-lab") or any(
            path == name or path.startswith(f"{name}/") for name in staged
        ), f"{path} would not be committed"
    merged = {".gitignore", "pyproject.toml", "uv.lock"}
    assert not theirs & set(staged) - merged
    assert listed[-1] == "./remote setup"


def test_the_names_are_those_of_the_template(tmp_path: Path) -> None:
    """Of all that a project may have, each file is kept or added by its name."""
    names = {*macros("existing").common} | {*FILES}
    files = [p for p in (ROOT / "template").rglob("*") if p.is_file()]
    paths = {
        str(p.relative_to(ROOT / "template")).removesuffix(".jinja") for p in files
    }
    for path in paths - {"{{ _copier_conf.answers_file }}"}:
        assert path.startswith("src/{{ package_name }}/") or any(
            path == name or path.startswith(f"{name}/") for name in names
        ), f"{path} is in neither list"
    assert {*macros("existing").common} <= paths


def test_no_package_is_doubled(added: Added) -> None:
    has_package = [path for path in added.before if path.endswith("__init__.py")]
    made = [path for path in snapshot(added.root) if path.endswith("__init__.py")]
    assert not has_package or made == has_package


def test_beside_is_what_the_template_has(added: Added) -> None:
    """With the address of the template, and not of a copy of it."""
    beside = list(added.root.rglob("*.remote-lab"))
    assert len(beside) == len(set(beside)) > 0
    for path in beside:
        assert path.read_text() != ""
        assert "/tmp/copier" not in path.read_text()


def test_setup_says_it_again_and_changes_nothing(added: Added) -> None:
    before = snapshot(added.root)
    done = added.laptop.run("./remote", "setup", cwd=added.root)
    assert commands(done.stderr) == commands(added.said)
    assert snapshot(added.root) == before


def test_the_commands_work_and_an_update_keeps_all(added: Added) -> None:
    """Each line as printed; then a commit of exactly that, and an update."""
    laptop = added.laptop
    if added.root.name == "poetry":
        assert "uvx migrate-to-uv" in added.said
        return
    for line in commands(added.said):
        laptop.run("sh", "-c", line, cwd=added.root, timeout=300)
    status = laptop.run("git", "status", "--porcelain", cwd=added.root).stdout
    left = {"?? untracked.bin\n"} if "untracked.bin" in added.before else set()
    if added.root.name == "no-repository":
        left = {"?? README.md\n", "?? analysis.py\n"}
    pairs = {
        f"?? {path.removesuffix('.ipynb')}.py\n"
        for path in added.before
        if path.startswith("notebooks/") and path.endswith(".ipynb")
    }
    assert set(status.splitlines(keepends=True)) == left | pairs
    changed = {".gitignore", "pyproject.toml", "uv.lock"}
    made = (".git/", ".venv")  # uv add has changed the environment, as it says
    theirs = {path for path in added.before if not path.startswith(made)} - changed
    now = snapshot(added.root)
    assert {path: now.get(path, ("",))[1:] for path in theirs} == {
        path: added.before[path][1:] for path in theirs
    }
    (added.root / "untracked.bin").unlink(missing_ok=True)
    if left | pairs:
        laptop.run("git", "add", "-A", cwd=added.root)
        laptop.run("git", "commit", "-qm", "more", "--allow-empty", cwd=added.root)
    mine = snapshot(added.root)
    laptop.run(
        *("copier", "update", "--trust", "--defaults", "--vcs-ref", "HEAD"),
        *("-d", "lab_port=8123"),
        cwd=added.root,
        timeout=300,
    )
    diff = laptop.run("git", "diff", "--name-only", cwd=added.root).stdout
    assert "remote.toml" in diff
    after = snapshot(added.root)
    assert {path: after.get(path) for path in theirs} == {
        path: mine.get(path) for path in theirs
    }


def test_a_no_writes_nothing(laptop: Laptop, tmp_path: Path) -> None:
    write(tmp_path, {"README.md": "Mine.\n"})
    done = copy(laptop, tmp_path, "-d", "add_to_existing=false", check=False)
    assert done.returncode != 0
    assert "Nothing was written" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["README.md"]


@pytest.mark.parametrize(("typed", "count"), [("\r\r", 1), ("n", 0)])
def test_it_is_asked(laptop: Laptop, tmp_path: Path, typed: str, count: int) -> None:
    write(tmp_path, {"README.md": "Mine.\n"})
    done = copy(
        laptop,
        tmp_path,
        "--skip-tasks",
        defaults=False,
        tty=True,
        input=typed + "\r" * 6,
        check=False,
    )
    assert "There is a project here" in done.stdout
    assert len(list(tmp_path.glob("remote.toml"))) == count
    assert (tmp_path / "README.md").read_text() == "Mine.\n"


@pytest.mark.parametrize("name", ["remote", "remote/README"])
def test_a_remote_of_theirs_is_not_run(
    laptop: Laptop, tmp_path: Path, name: str
) -> None:
    write(tmp_path, {name: "raise SystemExit('run')\n"})
    before = snapshot(tmp_path)
    done = copy(laptop, tmp_path, check=False)
    assert "Rename `remote` first" in done.stderr
    assert snapshot(tmp_path) == before


def test_part_of_a_repository(laptop: Laptop, tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    write(tmp_path / "part", {"README.md": "Mine.\n"})
    done = copy(laptop, tmp_path / "part")
    assert f"part of the git repository {tmp_path}" in done.stderr
    assert not (tmp_path / "part/.git").exists()
