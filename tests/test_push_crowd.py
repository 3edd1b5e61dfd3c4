"""Many at once: one wins at a time, the others say so; a dead one's lock is taken."""

from __future__ import annotations

import io
import os
import random
import signal
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from checks import reaches
from effort import rounds
from laptop import Laptop
from loopback import Loopback
from needs import require
from process import kill_group
from project import Project
from pushing import BASHRC, TMUX

from remote_lab import settings
from remote_lab.push import dotfiles, manifest
from remote_lab.remote_programs import values
from remote_lab.transport.bundle import Bundle
from remote_lab.transport.connection import Connection
from remote_lab.transport.program import SH, program

# How often is chance here; what may come of it is not.
dice = random.Random(20)
Run = subprocess.Popen[bytes]


def started(
    argv: list[str], env: dict[str, str], cwd: Path | None = None, data: bytes = b""
) -> Run:
    """Start a command that leads a group of its own."""
    with tempfile.TemporaryFile() as stdin:
        stdin.write(data)
        stdin.seek(0)
        return subprocess.Popen(
            argv,
            env=env,
            cwd=cwd,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def ends(run: Run) -> str:
    """Wait for its end; what it said."""
    for _ in range(100):
        try:
            return run.communicate(timeout=1)[0].decode(errors="replace")
        except subprocess.TimeoutExpired:
            # A child that was made at the very moment may have missed this before.
            os.killpg(run.pid, signal.SIGCONT)
    raise AssertionError("it does not end")


# The lock, in sh

# Who holds it makes a guard that must never be there twice. One that a killed holder
# has left is no matter.
HOLDS = r"""
slug=titanic dir=titanic mode=apply id=$1
{state}
{lock}
work=$state/in.$host.$$.$id
mkdir -p "$work"
begin
ln -s $$ "$HOME/guard" 2>/dev/null || {{
    ! started "$(readlink "$HOME/guard")" || echo overlap
    ln -sf $$ "$HOME/guard"
}}
echo held
[ ! -p "$HOME/wait" ] || {{ echo $$ >"$HOME/holds"; read -r _ <"$HOME/wait"; }}
[ "$(readlink "$HOME/guard")" = $$ ] || echo overlap
rm -f "$HOME/guard"
"""


@pytest.fixture
def holder(tmp_path: Path) -> list[str]:
    """The command of who tries to take the lock; it lacks an id."""
    text = HOLDS.format(
        **{name: (SH / f"{name}.sh").read_text() for name in ("state", "lock")}
    )
    (tmp_path / "holds").with_suffix(".sh").write_text(text)
    return ["sh", str(tmp_path / "holds.sh")]


def dead() -> str:
    """An owner as sh/lock.sh writes it, who is no more."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    pid, ticks = dice.choice([(2**22 + 1, 1), (os.getpid(), 1), (1, 7)])
    return f"{os.uname().nodename}:{boot}:{pid}:{ticks}:{dice.randbytes(8).hex()}"


def left_by_the_dead(state: Path) -> None:
    """A lock, and perhaps the claims of those who died while they took it over."""
    victim = dead()
    (state / "lock").symlink_to(victim)
    for _ in range(dice.choice([0, 0, 1, 2])):
        claimant = dead()
        (state / f"claim.{victim.rpartition(':')[2]}").symlink_to(claimant)
        victim = claimant


def pester(runs: list[Run], kill: float) -> None:
    """Stop some for a moment, and kill some, while they are at it."""
    for run in dice.sample(runs, len(runs) // 2):
        time.sleep(dice.uniform(0, 0.004))
        with suppress(ProcessLookupError):
            if dice.random() < kill:
                os.killpg(run.pid, signal.SIGKILL)
            else:
                os.killpg(run.pid, signal.SIGSTOP)
                time.sleep(dice.uniform(0, 0.01))
                os.killpg(run.pid, signal.SIGCONT)


@pytest.mark.parametrize("kill", [0.0, 0.5], ids=["stopped", "killed"])
def test_of_many_who_take_over_one_holds(
    holder: list[str], tmp_path: Path, counted: Callable[[str], None], kill: float
) -> None:
    state = tmp_path / ".local/state/remote-lab/titanic"
    state.mkdir(parents=True)
    env = {**os.environ, "HOME": str(tmp_path)}
    times, each, held = rounds(20, 300), 6, 0
    for number in range(times):
        (state / "lock").unlink(missing_ok=True)
        if dice.random() < 0.9:
            left_by_the_dead(state)
        runs = [
            started([*holder, f"{number:08x}{each:08x}"], env) for each in range(each)
        ]
        pester(runs, kill)
        said = [ends(run) for run in runs]
        won = [text for text in said if "held" in text]
        held += len(won)
        assert not [text for text in said if "overlap" in text]
        killed = [run for run in runs if run.returncode == -signal.SIGKILL]
        assert won or killed
        for run, text in zip(runs, said, strict=True):
            assert "held" in text or "locked" in text or run in killed, text
        if killed:  # what they left, the next one takes away
            assert "held" in ends(started([*holder, f"{number:08x}next"], env))
        assert [path.name for path in state.iterdir()] == ["project"]
    counted(f"{times} rounds of {each} for one dead holder's lock: {held} had it")


def test_who_is_stopped_is_not_dead(
    holder: list[str], tmp_path: Path, counted: Callable[[str], None]
) -> None:
    state = tmp_path / ".local/state/remote-lab/titanic"
    state.mkdir(parents=True)
    env = {**os.environ, "HOME": str(tmp_path)}
    os.mkfifo(tmp_path / "wait")
    run = started([*holder, "0123456789abcdef"], env)
    while not (tmp_path / "holds").exists():
        assert run.poll() is None
        time.sleep(0.01)
    os.killpg(run.pid, signal.SIGSTOP)
    mine = (state / "lock").readlink()
    others = [started([*holder, f"{number:016x}"], env) for number in range(20)]
    assert all("locked" in ends(other) for other in others)
    assert (state / "lock").readlink() == mine
    os.killpg(run.pid, signal.SIGCONT)
    (tmp_path / "wait").write_text("go\n")
    assert "overlap" not in ends(run)
    assert [path.name for path in state.iterdir()] == ["project"]
    counted("20 who would take over from one that is stopped")


# Whole pushes, to one home


class Pusher:
    """A project's folder on some laptop, from which different pieces are pushed."""

    numbers = iter(range(1, 10**6))

    def __init__(self, project: Project, slug: str) -> None:
        self.project, self.slug = project, slug
        self.pieces = project.pieces / ".config/remote-lab" / slug
        self.sent: set[str] = set()

    def edit(self) -> None:
        """Write the same mark into several pieces: a mixture would show."""
        mark = f"# pushed as {next(self.numbers)}\n"
        for name in (Path(TMUX).name, Path(BASHRC).name, "mark"):
            (self.pieces / name).write_text(mark)
        self.sent.add(mark)

    def start(self, home_there: Path, main: str = "push_home") -> Run:
        """Send it by hand, as the sandbox does, to some home."""
        read = settings.load(self.project.root)
        connection = Connection(read, read.pick(None))
        needed = values(connection, mode="apply", restart="no")
        programs = dotfiles.PROGRAMS if main == "push_home" else dotfiles.BACK
        bundle = Bundle(program(*programs, values=needed, main=main))
        if main == "push_home":
            manifest.pack(read, manifest.read(read, ""), bundle)
        data = io.BytesIO()
        data.write(f": ; {bundle.line(self.slug)}\n".encode())
        bundle.write(data)
        env = {**(connection.env() or {}), "PATH": self.project.laptop.env["PATH"]}
        env |= {"HOME": str(home_there)}
        return started(connection.argv(), env, data=data.getvalue())


def marks(home_there: Path, slug: str) -> set[str]:
    """What the home sees of a project: one mark, if it is whole."""
    own = home_there / ".config/remote-lab" / slug
    names = (Path(TMUX).name, Path(BASHRC).name, "mark")
    return {(own / name).read_text() for name in names} if own.exists() else set()


def leftovers(home_there: Path, slug: str) -> list[str]:
    """What should not be in a project's state once all is quiet."""
    state = home_there / ".local/state/remote-lab" / slug
    usual = {"current", "generations", "folders", "links", "bashrc-made", "project"}
    usual |= {"bashrc-block", "remote"}
    found = [path.name for path in state.iterdir() if path.name not in usual]
    return found + [
        path.name
        for path in (state / "generations").iterdir()
        if not path.name.isdigit()
    ]


@pytest.fixture(scope="module")
def crowd() -> Iterator[list[Pusher]]:
    """20 pushers: five laptops, two projects, each in two folders."""
    require("nss_wrapper", "ssh", "git")
    with ExitStack() as stack:
        laptops = [stack.enter_context(Laptop()) for _ in range(5)]
        yield [
            Pusher(Project.rendered(laptop, {"project_name": name}, f"{slug}{n}"), slug)
            for laptop in laptops
            for name, slug in (("Titanic", "titanic"), ("Olympic", "olympic"))
            for n in (1, 2)
        ]


def settled(crowd: list[Pusher], home_there: Path) -> None:
    """Each project is as some push had it; the next push finds nothing in its way."""
    for slug in ("titanic", "olympic"):
        own = [pusher for pusher in crowd if pusher.slug == slug]
        seen = marks(home_there, slug)
        assert len(seen) < 2
        assert seen <= set.union(*(pusher.sent for pusher in own))
        own[0].edit()
        said = ends(own[0].start(home_there))
        assert "generation" in said, said
        assert marks(home_there, slug) == {
            (own[0].pieces / "mark").read_text(),
        }
        assert leftovers(home_there, slug) == []


@pytest.mark.xdist_group("crowd")
def test_twenty_pushes_at_once_some_killed(
    crowd: list[Pusher], tmp_path: Path, counted: Callable[[str], None]
) -> None:
    """Of two projects; holders die, or stop, at any moment."""
    fates: Counter[str] = Counter()
    for _ in range(rounds(3, 20)):
        runs = []
        for pusher in crowd:
            pusher.edit()
            runs.append(pusher.start(tmp_path))
            pester(runs[-2:], 0.5)
        for run in runs:
            said = ends(run)
            if run.returncode == -signal.SIGKILL:
                fates["killed"] += 1
            elif "locked" in said:
                assert run.returncode == 1
                fates["turned away"] += 1
            else:
                assert run.returncode == 0, said
                assert "generation" in said
                fates["through"] += 1
        settled(crowd, tmp_path)
    assert fates["killed"]
    assert fates["through"]
    counted(f"{sum(fates.values())} pushes: {dict(fates)}")


@pytest.mark.xdist_group("crowd")
def test_two_projects_come_to_an_empty_home_at_once(
    crowd: list[Pusher], tmp_path: Path, counted: Callable[[str], None]
) -> None:
    """They make the same folders, and write one .bashrc, each under its own lock."""
    times = rounds(5, 50)
    for number in range(times):
        there = tmp_path / str(number)
        there.mkdir()
        both = [crowd[0], crowd[2]]
        for pusher in both:
            pusher.edit()
        for run in [pusher.start(there) for pusher in both]:
            said = ends(run)
            assert "generation" in said, said
        settled(both, there)
        bashrc = (there / ".bashrc").read_text()
        assert [bashrc.count(f"# >>> {p.slug} >>>") for p in both] == [1, 1], bashrc
    counted(f"{times} empty homes")


@pytest.mark.xdist_group("crowd")
def test_a_remove_among_pushes(
    crowd: list[Pusher], tmp_path: Path, counted: Callable[[str], None]
) -> None:
    """A push that comes while all is taken away is whole, or says why not."""
    crowd = crowd[:4]
    times = rounds(5, 50)
    for _ in range(times):
        runs = []
        for pusher in (*crowd[:2], None, *crowd[2:]):
            if pusher:
                pusher.edit()
                runs.append(pusher.start(tmp_path))
            else:
                runs.append(crowd[0].start(tmp_path, "remove_home"))
            time.sleep(dice.uniform(0, 0.05))
        for run in runs:
            said = ends(run)
            words = ("generation", "removed", "locked", "never")
            assert any(word in said for word in words), said
        settled(crowd, tmp_path)
    counted(f"{times} removes among {times * 4} pushes")


@pytest.mark.xdist_group("crowd")
@pytest.mark.needs("sshd", "uv")
def test_twenty_commands_at_once_over_ssh(
    crowd: list[Pusher], counted: Callable[[str], None]
) -> None:
    """./remote push, from five laptops, through one sshd."""
    with Loopback(config=["MaxStartups 100"]) as loopback:
        keys = loopback.home / ".ssh/authorized_keys"
        keys.parent.mkdir(mode=0o700)
        keys.write_text("".join({p.project.laptop.key for p in crowd}))
        far = [
            Pusher(
                Project.rendered(
                    pusher.project.laptop,
                    {**reaches(loopback), "project_name": pusher.slug.title()},
                    f"{pusher.project.root.name}-far",
                ),
                pusher.slug,
            )
            for pusher in crowd
        ]
        fates: Counter[int] = Counter()
        runs = []
        for pusher in far:
            pusher.edit()
            env = pusher.project.laptop.env
            argv = ["./remote", "push", "--only", "home"]
            runs.append(started(argv, env, pusher.project.root))
        try:
            for run in runs:
                said = ends(run)
                assert run.returncode in (0, 1), said
                assert "Traceback" not in said
                assert ("under way" in said) == (run.returncode == 1), said
                fates[run.returncode] += 1
        finally:
            for run in runs:
                kill_group(run.pid)
        for slug in ("titanic", "olympic"):
            own = [pusher for pusher in far if pusher.slug == slug]
            seen = marks(loopback.home, slug)
            assert len(seen) == 1
            assert seen <= set.union(*(pusher.sent for pusher in own))
            assert leftovers(loopback.home, slug) == []
            own[-1].edit()
            own[-1].project.remote("push", "--only", "home")
            assert leftovers(loopback.home, slug) == []
        assert fates[0] > 1
        counted(f"{sum(fates.values())} pushes, {fates[1]} of them turned away")
