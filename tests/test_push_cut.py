"""Cut between ssh and sshd, or killed on the laptop: what becomes of it is found out.

A relay cuts the connection; the client is ./remote, as a user has it. What it says of
the outcome has to be so.
"""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest
from checks import reaches, told
from cutter import Cutter
from effort import chosen
from laptop import Laptop
from loopback import Loopback
from process import Completed, kill_tree, wait_until
from project import Project, sees
from pushing import BASHRC, TMUX

pytestmark = pytest.mark.needs("ssh", "uv")
PUSH = ("push", "--only", "home")


@pytest.fixture
def cutter(loopback: Loopback) -> Iterator[Cutter]:
    with Cutter(loopback.port) as cutter:
        yield cutter


@pytest.fixture
def pushed(laptop: Laptop, loopback: Loopback, cutter: Cutter) -> Project:
    way = {**reaches(loopback), "remote_port": cutter.port}
    project = Project.rendered(laptop, way)
    project.remote(*PUSH)
    return project


def edited(project: Project, text: object) -> dict[str, bytes]:
    """Change two pieces; what the home shows once they are pushed."""
    for path in (TMUX, BASHRC):
        project.edit(path, f"# {text}")
    return {path: (project.pieces / path).read_bytes() for path in (TMUX, BASHRC)}


def state(loopback: Loopback) -> Path:
    return loopback.home / ".local/state/remote-lab/titanic"


def assert_told(
    done: Completed, seen: object, before: dict[str, bytes], after: dict[str, bytes]
) -> None:
    """The home is old or new, and what was said of it is so."""
    assert "Traceback" not in done.stderr
    assert seen in (before, after)
    if done.returncode == 0:
        assert seen == after
    elif done.returncode == 1:
        assert "are as they were" in done.stderr
        assert seen == before
    else:
        assert done.returncode == 4
        assert "never in between" in done.stderr or seen == before


def assert_tidy(loopback: Loopback) -> None:
    """Nothing is left of what was cut, once its end on the remote has let go."""
    folder = state(loopback)
    wait_until(
        lambda: not [*folder.glob("in.*"), *folder.glob("lock*")], "the remote to end"
    )
    assert {path.name for path in folder.iterdir()} == {
        *("current", "generations", "folders", "links", "bashrc-made", "project"),
        *("bashrc-block", "remote"),
    }
    assert all(path.name.isdigit() for path in (folder / "generations").iterdir())
    assert not [*loopback.home.glob(".bashrc.*")]


@pytest.mark.parametrize(
    ("way", "master", "cuts"), [("up", True, 18), ("down", True, 14), ("up", False, 10)]
)
def test_cut_through_ssh_leaves_old_or_new(
    pushed: Project,
    loopback: Loopback,
    cutter: Cutter,
    counted: Callable[[str], None],
    way: str,
    master: bool,
    cuts: int,
) -> None:
    """Over a connection that was up before, or one that is made for it."""
    cutter.arm("up", 10**9)
    edited(pushed, "whole")
    reconnected(pushed, cutter, master)
    pushed.remote(*PUSH)
    whole = cutter.sent[way]
    ends = []
    tried = chosen(range(cuts), 6)
    for number in tried:
        before = sees(loopback.home)
        after = {**before, **edited(pushed, number)}
        reconnected(pushed, cutter, master)
        # The last ones among the last bytes, where the remote may be through with it.
        left = 2 ** (cuts - 1 - number) if number > cuts - 6 else 0
        cutter.arm(way, whole - left if left else whole * number // cuts + 1)
        done = pushed.remote(*PUSH, check=False)
        assert_told(done, sees(loopback.home), before, after)
        ends.append(done.returncode)
        cutter.disarm()
        pushed.remote(*PUSH)
        assert sees(loopback.home) == after
        assert_tidy(loopback)
    assert 1 in ends or way == "down"
    counted(f"{len(tried)} cuts of {whole} bytes, {ends.count(0)} told as done")


def reconnected(project: Project, cutter: Cutter, master: bool) -> None:
    """A connection is up, or none is; bytes count from here."""
    if not master:
        cutter.hang_up()
        folder = project.laptop.home / ".ssh"
        wait_until(lambda: not [*folder.glob("cm-*")], "the master to end")
    cutter.disarm()


def test_a_dry_run_that_is_cut_advises_a_dry_run(
    pushed: Project, loopback: Loopback, cutter: Cutter
) -> None:
    """And asks nothing: it can't have changed anything."""
    cutter.arm("up", 10**9)
    before = sees(loopback.home)
    edited(pushed, "dry")
    reconnected(pushed, cutter, master=True)
    pushed.remote(*PUSH, "--dry-run")
    whole = cutter.sent["up"]
    for part in (2, 3, 4):
        cutter.arm("up", whole * (part - 1) // part)
        done = pushed.remote(*PUSH, "--dry-run", check=False)
        told(done, 4, "Nothing was changed there.", "Next: ./remote push --dry-run")
        assert "became of" not in done.stderr
        cutter.disarm()
    assert sees(loopback.home) == before


# Outcome unknown

HANG = """#!/bin/sh
case $* in */titanic/current) : >~/hangs; until [ -e ~/go ]; do sleep 0.02; done ;; esac
exec /usr/bin/{name} "$@"
"""


def hang(loopback: Loopback) -> None:
    """Have the remote's program wait right before its switch, for ~/go."""
    stubs = loopback.home / "stubs"
    stubs.mkdir()
    for name in ("mv", "rm"):  # the switch of a push and an undo, and that of a remove
        (stubs / name).write_text(HANG.format(name=name))
        (stubs / name).chmod(0o755)
    bashrc = loopback.home / ".bashrc"
    bashrc.write_text(f"PATH={stubs}:$PATH\n{bashrc.read_text()}")


class Cut:
    """A verb that is cut off while the remote waits before its switch."""

    def __init__(self, project: Project, loopback: Loopback, verb: str) -> None:
        self._home = loopback.home
        self._state = state(loopback)
        for mark in ("hangs", "go"):
            (self._home / mark).unlink(missing_ok=True)
        self._said = project.laptop.home / "said"
        with self._said.open("wb") as said:
            words = PUSH if verb == "push" else (verb,)
            self._process = project.begun(*words, stdout=said, stderr=said)
        wait_until((self._home / "hangs").exists, "the remote to be at its switch")

    def go(self) -> None:
        """Let the remote go on, to its end."""
        (self._home / "go").touch()
        lock = self._state / "lock"
        wait_until(lambda: not lock.is_symlink(), "the remote to end")

    def kill(self) -> None:
        """Kill the program on the remote, and the command that it waits for."""
        kill_tree(int((self._state / "lock").readlink().name.split(":")[2]))

    def said(self, what: str) -> None:
        """Wait until the client has said it."""
        wait_until(lambda: what in self._said.read_text(), what)

    def end(self) -> Completed:
        """The client's end."""
        code = self._process.wait(timeout=60)
        return Completed([], code, "", self._said.read_text())


VERBS = ("push", "undo", "remove")


def before_and_after(
    pushed: Project, loopback: Loopback, verb: str
) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """Set the scene for a verb; what the home shows before and after it."""
    states = [sees(loopback.home)]
    for number in range(3):
        news = edited(pushed, number)
        states.append({**states[-1], **news})
        if verb == "push":
            break
        pushed.remote(*PUSH)
    hang(loopback)
    if verb == "push":
        return states[0], states[1]
    return states[-1], states[-2] if verb == "undo" else {}


@pytest.mark.parametrize("verb", VERBS)
def test_what_was_cut_but_arrived_is_told_as_done(
    pushed: Project, loopback: Loopback, cutter: Cutter, verb: str
) -> None:
    before, after = before_and_after(pushed, loopback, verb)
    cut = Cut(pushed, loopback, verb)
    cutter.hang_up()
    cut.said("querying the result of")
    assert sees(loopback.home) == before
    cut.go()
    done = cut.end()
    assert done.returncode == 0, done.stderr
    assert f"the {verb} was done" in done.stderr
    assert sees(loopback.home) == after
    if verb == "undo":
        assert "back to generation 3" in done.stderr
    if verb == "remove":
        assert not state(loopback).exists()
    else:
        assert_tidy_but_hang(loopback)


def assert_tidy_but_hang(loopback: Loopback) -> None:
    folder = state(loopback)
    assert not [*folder.glob("in.*"), *folder.glob("lock*"), *folder.glob("current.*")]


@pytest.mark.parametrize("verb", VERBS)
def test_what_was_cut_and_died_is_told_as_undone(
    pushed: Project, loopback: Loopback, cutter: Cutter, verb: str
) -> None:
    before, after = before_and_after(pushed, loopback, verb)
    cut = Cut(pushed, loopback, verb)
    cutter.hang_up()
    cut.said("querying the result of")
    cut.kill()
    done = cut.end()
    assert done.returncode == 1
    assert f"broke before the {verb} was done" in done.stderr
    assert "The files of the remote are as they were" in done.stderr
    assert f"./remote {verb}" in done.stderr
    assert sees(loopback.home) == before
    (loopback.home / "go").touch()
    pushed.remote(*(PUSH if verb == "push" else (verb,)))
    assert sees(loopback.home) == after


@pytest.mark.parametrize("arrived", [True, False], ids=["arrived", "died"])
@pytest.mark.parametrize("verb", VERBS)
def test_what_cannot_be_asked_is_told_as_unknown(
    pushed: Project, loopback: Loopback, cutter: Cutter, verb: str, arrived: bool
) -> None:
    """And the next one finds out: an undo that was done goes back no second time."""
    before, after = before_and_after(pushed, loopback, verb)
    cut = Cut(pushed, loopback, verb)
    cutter.close()
    done = cut.end()
    assert done.returncode == 4, done.stderr
    assert "does not come back" in done.stderr
    assert f"as before, or as after this {verb}: never in between" in done.stderr
    assert f"./remote {verb}" in done.stderr
    if arrived:
        cut.go()
    else:
        cut.kill()
        (loopback.home / "go").touch()
    assert sees(loopback.home) == (after if arrived else before)
    cutter.disarm()
    again = pushed.remote(*(PUSH if verb == "push" else (verb,)), check=False)
    assert sees(loopback.home) == after
    if verb == "remove" and arrived:
        assert again.returncode == 1
        assert "has been removed" in again.stderr
    else:
        assert again.returncode == 0, again.stderr
    if verb == "undo":
        assert "back to generation 3" in again.stderr
        assert ("had been done" in again.stderr) == arrived
        # Now that it is known, the next one is another.
        assert "back to generation 2" in pushed.remote("undo").stderr


# Killed on the laptop


@pytest.mark.parametrize("victim", ["python", "ssh"])
def test_killed_on_the_laptop_leaves_old_or_new(
    pushed: Project,
    loopback: Loopback,
    cutter: Cutter,
    counted: Callable[[str], None],
    victim: str,
) -> None:
    kills, ends = chosen(range(16), 6), []
    for number in kills:
        before = sees(loopback.home)
        after = {**before, **edited(pushed, number)}
        with pushed.begun(*PUSH) as process:
            ssh = wait_until(partial(child, process.pid), "ssh to start")
            time.sleep(number / 80)  # the moment is what is tried
            with suppress(ProcessLookupError):
                os.kill(process.pid if victim == "python" else ssh, signal.SIGKILL)
            said = process.communicate(timeout=60)[1]
        ends.append(process.returncode)
        if victim == "ssh":
            done = Completed([], process.returncode, "", said)
            assert_told(done, sees(loopback.home), before, after)
        assert sees(loopback.home) in (before, after)
        wait_until(
            lambda: not (state(loopback) / "lock").is_symlink(), "the remote to end"
        )
        pushed.remote(*PUSH)
        assert sees(loopback.home) == after
        assert_tidy(loopback)
    told = "killed" if victim == "python" else "told as undone"
    count = len([code for code in ends if code])
    assert count
    counted(f"{len(kills)} kills of {victim}, {count} {told}")


def child(pid: int) -> int:
    """The ssh that a ./remote has started; 0 if there is none yet."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, _, rest = stat.read_text().partition("(")[2].rpartition(")")
        except OSError:  # gone by now
            continue
        if name == "ssh" and rest.split()[2] == str(pid):
            return int(stat.parent.name)
    return 0
