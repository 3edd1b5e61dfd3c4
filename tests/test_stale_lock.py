"""A dependency that pyproject.toml names and uv.lock does not: no push, no commit."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from laptop import Laptop
from project import Project
from stubs import uv_without

from remote_lab.env import lock

pytestmark = [pytest.mark.needs("uv", "network"), pytest.mark.xdist_group("pinned")]

PYPROJECT = """\
[project]
name = "demo"
version = "1"
requires-python = ">=3.11"
dependencies = ["six"]

[dependency-groups]
dev = ["iniconfig"]
"""


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with pyproject.toml and its uv.lock."""
    folder = tmp_path_factory.mktemp("locked")
    (folder / "pyproject.toml").write_text(PYPROJECT)
    subprocess.run(["uv", "lock", "-q"], cwd=folder, check=True)
    return folder


@pytest.mark.parametrize(
    ("old", "new", "stale"),
    [
        ('"six"', '"six", "toolz"', True),
        ('"six"', '"six>=1.16"', True),
        ('"six"', "", True),
        ('["iniconfig"]', '["iniconfig", "pluggy"]', True),
        ("[dependency-groups]\n", '[dependency-groups]\nlab = ["six"]\n', True),
        (">=3.11", ">=3.11,<3.15", True),
        ('"six"', '"remote-lab-that-nobody-has"', True),
        ("[dependency-groups]", "# A comment.\n[dependency-groups]", False),
        ('["six"]', '[\n  "six",\n]', False),
        ('version = "1"', 'version = "1"\ndescription = "Mine."', False),
    ],
)
def test_what_makes_a_lock_stale(
    locked: Path, tmp_path: Path, old: str, new: str, stale: bool
) -> None:
    assert PYPROJECT.count(old) == 1
    (tmp_path / "pyproject.toml").write_text(PYPROJECT.replace(old, new))
    (tmp_path / "uv.lock").write_bytes((locked / "uv.lock").read_bytes())
    assert lock.is_stale(tmp_path) is stale


def test_what_uv_cant_find_out_is_not_stale(locked: Path, tmp_path: Path) -> None:
    """The version comes from a build backend that is not on this machine."""
    backend = (
        '[build-system]\nrequires = ["nobody-has-this"]\nbuild-backend = "nobody"\n'
    )
    dynamic = PYPROJECT.replace('version = "1"', 'dynamic = ["version"]')
    (tmp_path / "pyproject.toml").write_text(dynamic + backend)
    (tmp_path / "uv.lock").write_bytes((locked / "uv.lock").read_bytes())
    assert not lock.is_stale(tmp_path)


def test_the_push_and_the_commit_refuse_it(laptop: Laptop) -> None:
    """And the commands that they print make both work."""
    project = Project.rendered(laptop)
    laptop.run("uv", "lock", "-q", cwd=project.root)
    project.commit("locked")
    laptop.run("pre-commit", "install", "-f", cwd=project.root)
    project.remote("push", "--only", "code")
    here = project.home / "titanic"
    before = laptop.run("git", "rev-parse", "HEAD", cwd=here).stdout

    pyproject = project.root / "pyproject.toml"
    pyproject.write_text(pyproject.read_text().replace('"pandas",', '"six",'))
    laptop.run("git", "add", "-A", cwd=project.root)
    commit = ("git", "commit", "-qm", "six")
    done = laptop.run(*commit, cwd=project.root, check=False)
    assert done.returncode == 1
    said = done.stdout + done.stderr
    assert f"{lock.STALE}\nNothing was committed. Type: uv lock && git add" in said

    laptop.run(*commit, "--no-verify", cwd=project.root)
    for more in (), ("--dry-run",), ("--only", "env"):
        done = project.remote("push", *more, check=False)
        assert done.returncode == 1
        assert lock.STALE in done.stderr
        assert laptop.run("git", "rev-parse", "HEAD", cwd=here).stdout == before

    typed = next(line for line in done.stderr.splitlines() if "uv lock &&" in line)
    *fix, again = typed.strip().removeprefix("Next: ").split(" && ")
    assert again == "./remote push"
    laptop.run("sh", "-c", " && ".join(fix), cwd=project.root)
    project.remote("push", "--only", "code")
    assert "six" in (here / "uv.lock").read_text()
    # Nothing else calls for the check: what it costs is paid where the files change.
    (project.root / "mine.txt").write_text("mine\n")
    project.commit("mine")
    project.remote("push", "--only", "code", env=uv_without(laptop, "lock"))
