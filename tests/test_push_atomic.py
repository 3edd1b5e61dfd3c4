"""The push's first promise: all or nothing, wherever it is cut or killed.

On the sandbox, which runs what a remote runs. After each attack, and before anything
else: what the home shows is whole, and all of the old state or all of the new. Then
the verb again, or a push at once: it succeeds, and nothing is left behind.
"""

import gzip
import io
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from effort import chosen
from laptop import Laptop
from pushing import VERBS, Scene


@pytest.mark.parametrize("verb", VERBS)
def test_cut_anywhere_leaves_old_or_new(
    laptop: Laptop, counted: Callable[[str], None], verb: str
) -> None:
    scene = Scene(laptop, verb)
    data = scene.stream[2]
    line = data.index(b"\n") + 2  # the first says what to run
    ends = [*range(0, line, line // 12), line, *range(len(data) - 12, len(data))]
    cuts = chosen(sorted({*ends, *range(line, len(data), len(data) // 40)}), 16)
    for number, cut in enumerate(cuts):
        scene.assert_told(scene.run(data[:cut]))
        scene.assert_mended(again=number % 2 == 1)
        scene.restore()
    counted(f"{len(cuts)} cuts of {len(data)} bytes")


@pytest.mark.parametrize("verb", VERBS)
def test_a_tar_that_ends_between_members_is_noticed(
    laptop: Laptop, counted: Callable[[str], None], verb: str
) -> None:
    scene = Scene(laptop, verb)
    line, _, packed = scene.stream[2].partition(b"\n")
    whole = gzip.decompress(packed)
    with tarfile.open(fileobj=io.BytesIO(whole)) as tar:
        starts = [member.offset for member in tar.getmembers()]
    # At a boundary, tar takes it for a whole one; gzip, here, finds no fault in it.
    cuts = [at + by for at in starts for by in (-1, 0, 1) if at + by >= 0]
    cuts = chosen(cuts, 12)
    for number, cut in enumerate(cuts):
        done = scene.run(line + b"\n" + gzip.compress(whole[:cut]))
        assert not scene.assert_told(done)
        assert b"incomplete" in done.stdout
        scene.assert_mended(again=number % 2 == 1)
        scene.restore()
    counted(f"{len(cuts)} cuts around {len(starts)} members of the tar")


# All that the programs may call. No other command is to be had in these tests.
COMMANDS = """
cat chmod cmp cp cut diff env find git grep gzip head id ln mkdir mktemp mv ps readlink
rm rmdir sed sha256sum sleep sort sync tail tar touch tr uname uniq wc xargs
"""
ABSENT = "loginctl systemctl tmux"  # these fail
STUB = """#!/bin/sh
# Each call takes a number; the one that is told does the killing.
set -C
read -r number <"$COUNTER/hint"
until command : >"$COUNTER/$number"; do number=$((number + 1)); done 2>/dev/null
set +C
echo "$number" >"$COUNTER/hint"
[ "$number" -eq "$VICTIM" ] || exec {real} "$@"
echo "{name} $*" >"$COUNTER/victim"
case $HOW in
before) kill -9 0 ;;
after) {real} "$@"; kill -9 0 ;;
itself) kill -9 $$ ;;
esac
"""


@pytest.fixture
def stubs(tmp_path: Path) -> Path:
    """A folder for PATH, where each command can kill the program, or itself."""
    folder = tmp_path / "stubs"
    folder.mkdir()
    real = {name: shutil.which(name) for name in COMMANDS.split()}
    real |= dict.fromkeys(ABSENT.split(), shutil.which("false"))
    for name, path in real.items():
        assert path, name
        (folder / name).write_text(STUB.format(name=name, real=path))
        (folder / name).chmod(0o755)
    (folder / "sh").symlink_to("/bin/sh")
    return folder


@pytest.mark.parametrize("how", ["before", "after", "itself"])
@pytest.mark.parametrize("verb", VERBS)
def test_killed_at_any_step_leaves_old_or_new(
    laptop: Laptop,
    stubs: Path,
    tmp_path: Path,
    counted: Callable[[str], None],
    verb: str,
    how: str,
) -> None:
    """The program is killed before or after each command, or that command itself is."""
    scene = Scene(laptop, verb)
    counter = tmp_path / "counter"

    def killed(victim: int) -> subprocess.CompletedProcess[bytes]:
        shutil.rmtree(counter, ignore_errors=True)
        counter.mkdir()
        (counter / "hint").write_text("1\n")
        return scene.run(
            PATH=str(stubs), COUNTER=str(counter), VICTIM=str(victim), HOW=how
        )

    done = killed(0)  # nobody is
    assert done.returncode == 0, done.stderr
    assert b"not found" not in done.stderr
    steps = len([path for path in counter.iterdir() if path.name.isdigit()])
    assert steps >= 15
    scene.restore()
    victims = chosen(range(1, steps + 1), 7)
    for number, victim in enumerate(victims):
        done = killed(victim)
        assert (counter / "victim").exists(), f"{victim} of {steps} did not come"
        try:
            if how == "itself":
                scene.assert_told(done)
            else:
                assert done.returncode == -9
                scene.assert_whole()
            scene.assert_mended(again=number % 2 == 1)
        except AssertionError as error:
            command = (counter / "victim").read_text()
            error.add_note(f"killed {how}: number {victim}, {command}{done}")
            raise
        scene.restore()
    counted(f"{len(victims)} kills at {steps} steps")
