"""The hook that Copier runs after a copy: it tells, and never fails."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from render import ROOT, snapshot


def copy(
    folder: Path,
    uv: str | None,
    beside: str = "raise ImportError",
    *options: str,
    target: str = "new lab",
) -> subprocess.CompletedProcess[str]:
    """Run `copier copy --trust` with a stand-in for uv, or with none.

    Args:
        folder: Gets the template, the stand-in and the project.
        uv: The stand-in: a sh program.
        beside: The Python package uv, beside Copier.
        *options: For Copier.
        target: The project's folder, as seen from there.

    Returns:
        How Copier ended, and what it said.
    """
    programs = folder / "bin"
    programs.mkdir()
    for needed in ("git", "sh"):
        (programs / needed).symlink_to(shutil.which(needed) or needed)
    if uv is not None:
        (programs / "uv").write_text(f"#!/bin/sh\n{uv}\n")
        (programs / "uv").chmod(0o755)
    # Python's own uv, if the tests' environment has it, is not to be found.
    (folder / "uv.py").write_text(f"{beside}\n")
    command = [sys.executable, "-m", "copier", "copy", "--trust", "--defaults"]
    return subprocess.run(
        [*command, *options, str(snapshot(folder / "t")), target],
        cwd=folder,
        env=environment(folder),
        capture_output=True,
        text=True,
    )


def environment(folder: Path) -> dict[str, str]:
    """What Copier runs with: the stand-ins in that folder, which is the home."""
    home = {"HOME": str(folder), "PWD": str(folder), "PYTHONPATH": str(folder)}
    return {**home, "PATH": str(folder / "bin")}


def test_it_sets_the_project_up(tmp_path: Path) -> None:
    done = copy(tmp_path, 'echo "$PWD: $*" >"$HOME/called"')
    assert done.returncode == 0
    called = (tmp_path / "called").read_text()
    assert called == f"{tmp_path}/new lab: run -q --script remote setup\n"
    assert "files are complete" not in done.stderr


@pytest.mark.parametrize(
    ("uv", "why"),
    [
        (None, "uv, which runs ./remote, is not installed."),
        ("exit 4", "The setup did not finish: the reason is above."),
        ("kill -INT $PPID; sleep 5", "The setup was interrupted."),
    ],
)
def test_the_project_stays_whatever_fails(
    tmp_path: Path, uv: str | None, why: str
) -> None:
    done = copy(tmp_path, uv)
    assert done.returncode == 0, done.stderr
    assert f"{why} The project's files are complete. Next:\n" in done.stderr
    assert "cd 'new lab' && ./remote setup\n" in done.stderr
    assert (tmp_path / "new lab" / "remote").exists()
    if uv is None:
        assert "pipx install uv" in done.stderr


def test_in_the_folder_itself_nobody_is_sent_elsewhere(tmp_path: Path) -> None:
    done = copy(tmp_path, "exit 1", target=".")
    assert "complete. Next:\n  ./remote setup\n" in done.stderr
    assert " cd " not in done.stderr


@pytest.mark.parametrize("good", [True, False])
def test_quiet_prints_only_what_went_wrong(tmp_path: Path, good: bool) -> None:
    uv = f"echo step; echo detail >&2; exit {int(not good)}"
    done = copy(tmp_path, uv, "raise ImportError", "--quiet")
    assert done.returncode == 0
    assert done.stdout == ""
    assert done.stderr.startswith("" if good else "step\ndetail\n\nThe setup did not")
    assert good == (done.stderr == "")


def test_a_uv_that_only_copier_has_is_used_and_told(tmp_path: Path) -> None:
    own = tmp_path / "own-uv"
    own.write_text('#!/bin/sh\necho "$*" >"$HOME/called"\n')
    own.chmod(0o755)
    done = copy(tmp_path, None, f"def find_uv_bin(): return {str(own)!r}")
    assert (tmp_path / "called").read_text() == "run -q --script remote setup\n"
    assert f"{own} is not on your PATH" in done.stderr
    assert "pipx install uv" in done.stderr


@pytest.mark.parametrize("committed", [True, False])
def test_recopy_sets_up_nothing(tmp_path: Path, committed: bool) -> None:
    """To Copier it is a copy: what was in the folder before shows that it is none."""
    copy(tmp_path, 'echo called >>"$HOME/called"')
    project = tmp_path / "new lab"
    if committed:
        own = ["git", "-c", "user.name=t", "-c", "user.email=t@t"]
        for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "made"]):
            subprocess.run([*own, *words], cwd=project, check=True)
    command = ["-m", "copier", "recopy", "--trust", "--defaults", "--overwrite"]
    done = subprocess.run(
        [sys.executable, *command],
        cwd=project,
        env=environment(tmp_path),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "no remote was touched" in done.stderr
    assert (tmp_path / "called").read_text() == "called\n"


def test_it_is_the_only_task_and_for_copies_alone() -> None:
    """Copier runs an unguarded task three times with each update, for ever."""
    settings = yaml.safe_load((ROOT / "copier.yml").read_text())
    (task,) = settings["_tasks"]
    assert task["when"].startswith("{{ _copier_operation == 'copy' and ")
    assert task["command"][1].endswith("/hooks/post_copy.py")
