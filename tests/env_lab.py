"""A project whose environment is built on a sandbox remote, with faults to choose.

The remote's sh is ours: it sees a PATH of few tools, and, where it is to have no way
out, a network namespace of its own, with nothing in it.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from remote_lab import settings
from remote_lab.env import build, stamp
from remote_lab.transport.connection import Connection

REAL_UV = shutil.which("uv") or ""
PYPROJECT = """\
[project]
name = "demo-lab"
version = "0.1.0"
requires-python = ">=3.11"
dependencies = [
    "markupsafe",
    "six",
    "tomli; python_full_version < '3'",
]

[dependency-groups]
dev = ["pluggy"]
lab = ["iniconfig"]
bootstrap = ["uv>=0.9,<0.15"]

[build-system]
requires = ["uv_build>=0.9,<0.15"]
build-backend = "uv_build"

[tool.uv.build-backend]
data = { data = "environment" }
"""
REMOTE_TOML = """\
slug = "demo-lab"
id = "0123456789abcdef"
dir = "demo-lab"
environment = "uv"
service = "auto"
lab_listen = "socket"
lab_remote_port = 8089
notebooks_in_git = "scripts"
[setup]
laptop = false
push = false
[remotes.far]
lab_port = 8000
sandbox = true
"""


def git(root: Path, *arguments: str) -> None:
    author = ("-c", "user.name=A", "-c", "user.email=a@example.org")
    subprocess.run(["git", "-C", root, *author, *arguments], check=True)


class Lab:
    """A project, and the machine that plays its remote."""

    def __init__(self, root: Path, tools: Path) -> None:
        self.root = root
        self.bin = tools / "there"  # the remote's PATH
        self.shell = tools / "here"  # comes first on the laptop's
        self.connection = Connection(settings.load(root), self._remote())
        self.home = self.connection.home()
        self.code = self.home / "demo-lab"

    def _remote(self) -> settings.Remote:
        return settings.load(self.root).pick(None)

    def network(self, on: bool) -> None:
        """Give the remote a way out, or none."""
        apart = "" if on else f"{shutil.which('unshare')} -r -n "
        ways = "".join(
            f"export {name}={shlex.quote(value)}\n"
            for name, value in os.environ.items()
            if name.startswith("SSL_CERT_") or name.lower().endswith("_proxy")
        )
        sh = self.shell / "sh"
        sh.parent.mkdir(exist_ok=True)
        sh.write_text(
            f"#!/bin/sh\nunset UV_CACHE_DIR\nPATH='{self.bin}'\n{ways}"
            f'exec {apart}"{self.bin}/sh" "$@"\n'
        )
        sh.chmod(0o755)

    def tool(self, name: str, text: str) -> None:
        """Put a program on the remote's PATH."""
        path = self.bin / name
        path.unlink(missing_ok=True)
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)

    def commit(self, *lock: str) -> None:
        """Lock, commit, and bring the code to the remote."""
        subprocess.run([REAL_UV, "lock", "-q", *lock], cwd=self.root, check=True)
        git(self.root, "add", "-A")
        git(self.root, "commit", "-q", "-m", "More")
        self.bring_code()

    def bring_code(self) -> None:
        if not self.code.exists():
            self.code.mkdir(parents=True)
            git(self.code, "init", "-q")
        git(self.code, "fetch", "-q", str(self.root), "HEAD")
        git(self.code, "checkout", "-q", "--detach", "FETCH_HEAD")

    def edit(self, before: str, after: str) -> None:
        path = self.root / "pyproject.toml"
        text = path.read_text()
        assert before in text
        path.write_text(text.replace(before, after))

    def build(self) -> stamp.EnvironmentReport:
        wanted = stamp.stamp(self.connection.project, "")
        return build.build(self.connection, wanted, "")

    def stamped(self) -> bool:
        kept = self.code / ".venv" / ".remote-lab-stamp"
        wanted = stamp.stamp(self.connection.project, "")
        return kept.exists() and kept.read_text().strip() == wanted

    def python(self, text: str) -> str:
        """What the environment's python prints, far from the project's folder."""
        return subprocess.run(
            [self.code / ".venv/bin/python", "-c", text],
            cwd="/",
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()

    def held(self) -> list[str]:
        return sorted(path.name for path in self._cache().iterdir())

    def _cache(self) -> Path:
        return self.home / ".cache/remote-lab/demo-lab/wheels"


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("pristine") / "demo-lab"
    (root / "src/demo_lab").mkdir(parents=True)
    (root / "src/demo_lab/__init__.py").write_text("NAME = 'demo'\n")
    (root / "environment/etc").mkdir(parents=True)
    (root / "environment/etc/demo.txt").write_text("first\n")
    (root / "pyproject.toml").write_text(PYPROJECT)
    (root / "remote.toml").write_text(REMOTE_TOML)
    (root / ".gitignore").write_text(".venv/\n.sandbox/\n")
    subprocess.run([REAL_UV, "lock", "-q"], cwd=root, check=True)
    git(root, "init", "-q")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "First")
    return root


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of this machine, less every uv, python and conda."""
    folder = tmp_path_factory.mktemp("tools") / "there"
    folder.mkdir()
    for place in (Path("/usr/bin"), Path("/bin"), Path("/usr/sbin"), Path("/sbin")):
        for tool in place.iterdir() if place.exists() else ():
            left_out = ("uv", "python", "conda", "mamba", "micromamba", "pip")
            if not tool.name.startswith(left_out) and not (folder / tool.name).exists():
                (folder / tool.name).symlink_to(tool)
    return folder


@pytest.fixture(scope="module")
def laptop_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("laptop")


@pytest.fixture
def lab(
    pristine: Path,
    tools: Path,
    laptop_home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Lab:
    """A remote with no way out; it has a uv, and this python."""
    root = tmp_path / "a project" / "demo-lab"
    shutil.copytree(pristine, root)
    shutil.copytree(tools, tmp_path / "there", symlinks=True)
    uv_cache = os.environ.get("UV_CACHE_DIR") or Path.home() / ".cache/uv"
    monkeypatch.setenv("UV_CACHE_DIR", str(uv_cache))
    monkeypatch.setenv("HOME", str(laptop_home))
    monkeypatch.setenv("UV", REAL_UV)
    monkeypatch.setenv("PATH", f"{tmp_path / 'here'}:{os.environ['PATH']}")
    lab = Lab(root, tmp_path)
    (lab.bin / "python3").symlink_to(Path(sys.executable).resolve())
    (lab.bin / "uv").symlink_to(REAL_UV)
    lab.network(on=False)
    lab.bring_code()
    return lab


@pytest.fixture
def bare(lab: Lab) -> Lab:
    """The same without uv."""
    (lab.bin / "uv").unlink()
    return lab
