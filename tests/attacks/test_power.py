"""A power cut behind, or within, a push, an undo or a remove of the dotfiles.

What was reported as done is on the disk. What was not, is as it was or done. Each cut
is made in the worst moment: when the journal has been written, and nothing else.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator

import pytest
from effort import rounds
from laptop import Laptop
from power import Disk
from project import Project
from pushing import BASHRC, VERBS, Scene, after_push, ask, visible

pytestmark = pytest.mark.needs("root", "loop", "mkfs.ext4", "mkfs.xfs")
KINDS = ("ext4", "xfs")


@pytest.fixture(params=KINDS)
def disk(
    request: pytest.FixtureRequest, laptop: Laptop, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Disk]:
    monkeypatch.setenv("HOME", str(laptop.home))
    with Disk(request.param) as disk:
        yield disk


@pytest.mark.parametrize("verb", VERBS)
def test_what_was_reported_as_done_outlasts_a_cut(
    laptop: Laptop, disk: Disk, verb: str
) -> None:
    scene = Scene(laptop, verb, disk.mount)
    for committed in (False, True):
        scene.restore()
        subprocess.run(["sync", "-f", scene.home], check=True)
        done = scene.run()
        assert done.returncode == 0, done.stdout
        if committed:
            disk.commit()
        with disk.cut().mounted():
            assert scene.assert_whole(), "it was reported as done, and is not"
            scene.assert_mended(again=committed)


@pytest.mark.parametrize("verb", VERBS)
def test_a_cut_within_leaves_old_or_new(
    laptop: Laptop, disk: Disk, verb: str, counted: Callable[[str], None]
) -> None:
    scene = Scene(laptop, verb, disk.mount)
    took = duration(scene)
    cuts = {False: 0, True: 0}
    for number in range(rounds(3, 60)):
        scene.restore()
        subprocess.run(["sync", "-f", scene.home], check=True)
        kill_after(scene, random.random() * took)
        disk.commit()
        snapshot = disk.cut()
        with snapshot.mounted():
            cuts[scene.assert_whole()] += 1
            scene.assert_mended(again=number % 2 == 1)
        snapshot.delete()
    counted(f"{cuts[False]} cuts left the old state, {cuts[True]} the new one")


def duration(scene: Scene) -> float:
    start = time.monotonic()
    scene.run()
    return time.monotonic() - start


def kill_after(scene: Scene, seconds: float) -> None:
    """Run the verb, and end it and all that it has started in the midst of it."""
    argv, env, data = scene.stream
    with subprocess.Popen(
        argv,
        env=env,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        assert process.stdin
        process.stdin.write(data)
        process.stdin.close()  # else tar waits for more
        time.sleep(seconds)
        os.killpg(process.pid, signal.SIGKILL)


def test_what_a_cut_emptied_before_is_put_back(
    laptop: Laptop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(laptop.home))
    project = Project.rendered(laptop)
    ask(project)
    first = project.state / "current"
    for path in (first / "home").rglob("*"):
        if path.is_file():
            os.truncate(path, 0)
            os.utime(path, (0, 0))  # as it arrived: a cut leaves that
    for note in ("manifest", "links"):
        os.truncate(first / note, 0)
    os.truncate(project.state / "links", 0)
    report = ask(project)
    assert set(report.changed.values()) == {"put"}
    assert not report.kept
    pushed = {path: content for path, (_, content) in visible(project.home).items()}
    assert pushed == after_push(project)
    # Who empties a file has edited it.
    (project.home / BASHRC).write_text("")
    assert ask(project).kept == [BASHRC]
    assert (project.home / BASHRC).read_text() == ""
