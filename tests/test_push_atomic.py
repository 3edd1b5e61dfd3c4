"""The push's first promise: all or nothing, wherever it is cut or killed."""

import gzip
import io
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from laptop import Laptop
from project import Project, sees
from pushing import BASHRC, TMUX, after_push, push, stream


@pytest.fixture
def project(laptop: Laptop) -> Project:
    return Project.rendered(laptop)


def assert_whole(
    project: Project, before: dict[str, bytes], after: dict[str, bytes]
) -> None:
    """The home is as before or as after; the next push mends it, and leaves nothing."""
    assert sees(project.home) in (before, after)
    push(project)
    assert sees(project.home) == after
    left = {path.name for path in project.state.iterdir()}
    assert left <= {"current", "generations", "folders", "links", "bashrc-made"}, left
    assert all(p.name.isdigit() for p in (project.state / "generations").iterdir())


@pytest.mark.parametrize("first", [True, False], ids=["first", "changed"])
def test_cut_anywhere_leaves_old_or_new(
    project: Project, counted: Callable[[str], None], first: bool
) -> None:
    if not first:
        push(project)
        project.edit(TMUX, "# new")
    before, after = sees(project.home), after_push(project)
    argv, env, data = stream(project)
    cuts = sorted({*range(0, len(data), len(data) // 25), len(data) - 1})
    for cut in cuts:
        subprocess.run(
            argv, env=env, input=data[:cut], capture_output=True, check=False
        )
        # Behind the end mark there is only tar's padding, and gzip's sum.
        wanted = (before, after) if cut > len(data) - 50 else (before,)
        assert sees(project.home) in wanted, f"cut at {cut} of {len(data)}"
    assert_whole(project, before, after)
    counted(f"{len(cuts)} cuts of {len(data)} bytes")


KILLER = """#!/bin/sh
# Counts the commands of the apply program; before the one it is told, kills it.
read -r count <"$COUNTER"
count=$((count + 1))
echo $count >"$COUNTER"
[ $count -ne $VICTIM ] || kill -9 $PPID
exec {real} "$@"
"""


@pytest.fixture
def killers(tmp_path: Path) -> Path:
    """A folder for PATH, where each command that changes something can kill."""
    folder = tmp_path / "killers"
    folder.mkdir()
    for name in ("mkdir", "mv", "cp", "rm", "ln", "cat", "sort", "sha256sum", "tail"):
        stub = folder / name
        stub.write_text(KILLER.format(real=shutil.which(name)))
        stub.chmod(0o755)
    return folder


@pytest.mark.parametrize("first", [True, False], ids=["first", "changed"])
def test_killed_at_any_step_leaves_old_or_new(
    project: Project,
    killers: Path,
    tmp_path: Path,
    counted: Callable[[str], None],
    first: bool,
) -> None:
    if not first:
        push(project)
        project.edit(TMUX, "# new")
        project.edit(BASHRC, "# new")
    before, after = sees(project.home), after_push(project)
    kept = tmp_path / "kept"
    if not first:
        shutil.copytree(project.home, kept, symlinks=True)
    counter = tmp_path / "counter"
    for victim in range(1, 200):
        shutil.rmtree(project.home, ignore_errors=True)
        if not first:
            shutil.copytree(kept, project.home, symlinks=True)
            # The links of the copy name the home itself, and so does the home.
        project.home.mkdir(parents=True, exist_ok=True)
        counter.write_text("0\n")
        argv, env, data = stream(project)
        env |= {"COUNTER": str(counter), "VICTIM": str(victim)}
        env["PATH"] = f"{killers}:{env['PATH']}"
        done = subprocess.run(
            argv, env=env, input=data, capture_output=True, check=False
        )
        if int(counter.read_text()) < victim:
            assert done.returncode == 0, done.stderr
            break
        assert_whole(project, before, after)
    else:
        pytest.fail("the push never came to its end")
    assert victim > 15
    counted(f"{victim - 1} kills")


def test_truncated_tar_is_noticed_where_tar_takes_it(project: Project) -> None:
    argv, env, data = stream(project)
    line, _, packed = data.partition(b"\n")
    whole = gzip.decompress(packed)
    with tarfile.open(fileobj=io.BytesIO(whole)) as tar:
        ends = [member.offset for member in tar.getmembers()]
    for end in ends:  # a tar that ends here is whole, for all that tar can tell
        done = subprocess.run(
            argv,
            env=env,
            input=line + b"\n" + gzip.compress(whole[:end]),
            capture_output=True,
            check=False,
        )
        assert done.returncode == 1
        assert b"incomplete" in done.stdout
    assert sees(project.home) == {}
