"""./remote on a remote, which may have no uv: the environment runs `pairs` there."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from project import rendered

from remote_lab.push import pairs_program


@pytest.fixture
def there(tmp_path: Path) -> Path:
    """The project's code as a push leaves it, without an environment."""
    source = rendered((("project_name", "Titanic"),))
    shutil.copytree(source, tmp_path / "my titanic", symlinks=True)
    subprocess.run(["git", "init", "-q", tmp_path / "my titanic"], check=True)
    return tmp_path / "my titanic"


def typed(
    code: Path, *words: str, shell: str = "sh"
) -> subprocess.CompletedProcess[str]:
    """Type ./remote where there is no uv."""
    return subprocess.run(
        [shell, "./remote", *words],
        cwd=code,
        env={"PATH": "/usr/bin:/bin", "HOME": str(code.parent)},
        check=False,
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("shell", ["dash", "bash"])
def test_pairs_runs_with_the_projects_environment(there: Path, shell: str) -> None:
    before = typed(there, "pairs", shell=shell)
    assert before.returncode == 1
    assert before.stderr == (
        "./remote needs uv: https://docs.astral.sh/uv (on a remote: a push first)\n"
    )

    program = there.parent / ".local/state/remote-lab/titanic/pairs.pyz"
    program.parent.mkdir(parents=True)
    program.write_bytes(pairs_program.build())
    python = there / ".venv/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    (there / ".venv/.remote-lab-stamp").touch()
    assert typed(there, "pairs", shell=shell).returncode == 0
    assert (there / "notebooks/00-start.ipynb").exists()
    check = typed(there, "pairs", "--check", shell=shell)
    assert "all in sync" in check.stdout
    words = ("pairs", "--from", "script", "notebooks/00-start.py")
    assert typed(there, *words, shell=shell).returncode == 0
    assert typed(there, "pairs", "--from", "nothing", shell=shell).returncode == 2

    other = typed(there, "push", "far", shell=shell)
    assert other.returncode == 2
    assert "./remote push runs on your laptop" in other.stderr
    assert "you can type: ./remote pairs" in other.stderr
