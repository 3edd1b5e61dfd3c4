"""Pushing to the sandbox, whole or by hand: what the tests of the push share."""

from __future__ import annotations

import io
import os
import shutil
import stat
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from laptop import Laptop
from project import Project, snapshot

from remote_lab import settings
from remote_lab.push import dotfiles, manifest
from remote_lab.push.dotfiles_result import DotfilesResult
from remote_lab.remote_programs import values
from remote_lab.transport.bundle import Bundle
from remote_lab.transport.connection import Connection
from remote_lab.transport.program import program

STATE = ".local/state/remote-lab/titanic"
TMUX = ".config/remote-lab/titanic/tmux.conf"
BASHRC = ".config/remote-lab/titanic/bashrc"
SERVER = ".config/remote-lab/titanic/jupyter/jupyter_server_config.py"
VERBS = ("first", "changed", "undo", "remove")
UNDONE = ("undo", "left")  # notes of an undo
USERS_BASHRC = b"alias a=b"  # with no end of line
BLOCK = b"""
# >>> titanic >>>
[ ! -r ~/.config/remote-lab/titanic/bashrc ] || . ~/.config/remote-lab/titanic/bashrc
# <<< titanic <<<
"""


def push(project: Project, *more: str, check: bool = True) -> str:
    """Push the dotfiles; what was said."""
    done = project.remote("push", "--only", "home", *more, check=check)
    return done.stdout + done.stderr


def stream(
    project: Project, main: str = "push_home", mode: str = "apply"
) -> tuple[list[str], dict[str, str], bytes]:
    """The command, environment and bytes of a push, to be cut or killed by hand.

    Args:
        project: Whose dotfiles, and whose sandbox.
        main: push_home, undo_home or remove_home.
        mode: apply, force or dry.
    """
    read = settings.load(project.root)
    connection = Connection(read, read.pick(None))
    needed = values(connection, mode=mode, restart="no")
    programs = dotfiles.PROGRAMS if main == "push_home" else dotfiles.BACK
    bundle = Bundle(program(*programs, values=needed, main=main))
    if main == "push_home":
        manifest.pack(read, manifest.read(read, ""), bundle)
    data = io.BytesIO()
    data.write(f": ; {bundle.line('titanic', mode == 'dry')}\n".encode())
    bundle.write(data)
    env = {**(connection.env() or {}), "PATH": project.laptop.env["PATH"]}
    return connection.argv(), env, data.getvalue()


def ask(
    project: Project, main: str = "push_home", mode: settings.Mode = "apply"
) -> DotfilesResult:
    """Have a verb done as ./remote does, but in this process.

    The environment's HOME has to be the laptop's.

    Args:
        project: Whose dotfiles, and whose sandbox.
        main: push_home, undo_home or remove_home.
        mode: apply, force or dry.

    Raises:
        Problem: What ./remote would tell.
    """
    read = settings.load(project.root)
    connection = Connection(read, read.pick(None))
    if main == "undo_home":
        return dotfiles.undo(connection)
    if main == "remove_home":
        return dotfiles.remove(connection)
    return dotfiles.push(connection, manifest.read(read, ""), mode, code=False)


def after_push(project: Project) -> dict[str, bytes]:
    """What the home sees of the project once it is pushed."""
    return {
        str(path.relative_to(project.pieces)): path.read_bytes()
        for path in project.pieces.rglob("*")
        if path.is_file()
    }


def visible(home: Path) -> dict[str, tuple[bool, bytes]]:
    """What the home shows, through all links: which can be run, and each content.

    Args:
        home: The home; ~/.bashrc and what lies in .local are left out.
    """
    seen = {}
    for folder, folders, files in os.walk(home, followlinks=True):
        at = Path(folder)
        if at == home:
            folders[:] = [name for name in folders if not _beside(name)]
            files = [name for name in files if not _beside(name)]
        for path in (at / name for name in files):
            if path.exists():  # else a link that leads nowhere shows nothing
                runs = bool(path.stat().st_mode & 0o100)
                seen[str(path.relative_to(home))] = (runs, path.read_bytes())
    return seen


def _beside(name: str) -> bool:
    return name == ".local" or name.startswith((".bashrc", "titanic.kept."))


class Scene:
    """A home in which one verb is about to run, to be attacked again and again.

    The user has a ~/.bashrc, files of his own and an edit among the dotfiles;
    pieces change, go and come, inside the project's folder and outside of it.

    Attributes:
        project: The project, whose sandbox it is.
        home: The sandbox's home; it may be a file system of its own.
        main: What the verb is called in the program.
        before: What the home shows before the verb.
        after: What it shows when the verb is done.
        last: What it shows once a push has followed that.
    """

    def __init__(
        self,
        laptop: Laptop,
        verb: str,
        make: Callable[[Path], object] | None = None,
    ) -> None:
        """Set it.

        Args:
            laptop: Whose.
            verb: One of VERBS.
            make: Makes the home; by default it is in memory, where that is possible,
                for it is written thousands of times.
        """
        self.project = Project.rendered(laptop)
        self.home = self.project.home
        self.main = f"{verb}_home" if verb in ("undo", "remove") else "push_home"
        self._versions: set[bytes] = set()
        (make or self._in_memory)(self.home)
        self._set(verb)
        self._folder = TemporaryDirectory(dir=memory())
        self._copy = Path(self._folder.name) / "copy"
        shutil.copytree(self.home, self._copy, symlinks=True)
        self.stream = stream(self.project, self.main)
        self._another = stream(self.project, self.main)
        self.following = stream(self.project)
        self.before, untouched = visible(self.home), tidy(self.home)
        self._start = snapshot(self.home)
        self._mine = snapshot(self.project.state / "current/home")
        self._done(self.stream)
        self.after, self._removed = visible(self.home), tidy(self.home)
        self._done(self.following)
        self.last = visible(self.home)
        # A push alone, where the verb was as if it had not been.
        self._ends = [(self.last, tidy(self.home)), (self.before, untouched)]
        if verb in ("first", "changed"):
            del self._ends[1]
        self.restore()
        for seen in (self.before, self.after, self.last):
            self._versions |= {content for _, content in seen.values()}

    def _in_memory(self, home: Path) -> None:
        home.parent.mkdir(parents=True)
        self._own = TemporaryDirectory(dir=memory())
        home.symlink_to(self._own.name)

    def _set(self, verb: str) -> None:
        """Prepare the home, and the pieces that the next push brings."""
        pieces = self.project.pieces
        (self.home / ".bashrc").write_bytes(USERS_BASHRC)
        (self.home / "notes").write_text("mine\n")
        (pieces / ".goes").write_text("old\n")
        (pieces / ".config/remote-lab/titanic/goes").write_text("old\n")
        if verb == "first":
            return
        self._done(stream(self.project))
        with (self.home / SERVER).open("a") as file:
            file.write("# mine\n")
        (self.home / ".config/remote-lab/titanic/own").write_text("mine\n")
        (pieces / ".goes").unlink()
        (pieces / ".config/remote-lab/titanic/goes").unlink()
        (pieces / ".comes").write_text("new\n")
        (pieces / ".config/remote-lab/titanic/more").mkdir()
        (pieces / ".config/remote-lab/titanic/more/comes").write_text("new\n")
        (pieces / ".config/remote-lab/titanic/more/comes").chmod(0o755)
        self.project.edit(TMUX, "# new")
        self.project.edit(BASHRC, "# new")
        if verb != "changed":
            self._versions |= {content for _, content in visible(self.home).values()}
            self._done(stream(self.project))

    def run(
        self, data: bytes | None = None, again: bool = False, **env: str
    ) -> subprocess.CompletedProcess[bytes]:
        """Run the verb.

        Args:
            data: What arrives of it; all by default.
            again: As another, under another name, after an attack on the first.
            env: Variables on top.
        """
        argv, own, whole = self._another if again else self.stream
        return subprocess.run(
            argv,
            env={**own, **env},
            input=whole if data is None else data,
            capture_output=True,
            check=False,
            start_new_session=True,
            timeout=60,
        )

    def ask(self) -> DotfilesResult:
        """Run the verb as ./remote does, in this process: see `ask`."""
        return ask(self.project, self.main)

    def restore(self) -> None:
        """Put the home back to before the verb."""
        if snapshot(self.home) == self._start:
            return
        for path in self.home.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
        # The links of the copy name the home itself.
        shutil.copytree(self._copy, self.home, symlinks=True, dirs_exist_ok=True)

    def assert_whole(self) -> bool:
        """All that the home shows is of the old state, or all of the new.

        Returns:
            Whether it is the new one.
        """
        seen = visible(self.home)
        assert seen in (self.before, self.after), differences(seen, self.after)
        bashrc = (self.home / ".bashrc").read_bytes()
        assert bashrc in (USERS_BASHRC, USERS_BASHRC + BLOCK)
        return seen == self.after

    def assert_told(self, done: subprocess.CompletedProcess[bytes]) -> bool:
        """As `assert_whole`; and the verb told which of the two it is."""
        new = self.assert_whole()
        said = done.stdout + done.stderr
        assert done.returncode in (0, 1), said
        # A remove may be through, and yet not have got everything away; and what is
        # done may not have reached the disk.
        told = done.returncode == 0 or any(
            word in done.stdout for word in (b"\nremains\t", b"\nunsettled\n")
        )
        assert new == told, said
        return new

    def assert_mended(self, again: bool) -> None:
        """The next push succeeds without help, and nothing is left behind.

        Args:
            again: Whether the verb is run once more before it.
        """
        old = visible(self.home) == self.before
        if again and (self.main != "undo_home" or old):
            old = False
            done = self.run(again=True)
            # Of a remove that was through, the next one finds nothing.
            over = self.main == "remove_home" and b"never" in done.stdout
            assert done.returncode == 0 or over, done.stdout + done.stderr
            assert not differences(visible(self.home), self.after)
            if self.main == "remove_home":
                assert not differences(tidy(self.home), self._removed)
        self._done(self.following)
        shown, kept = self._ends[-1 if old else 0]
        assert not differences(visible(self.home), shown)
        assert not differences(tidy(self.home), kept)
        for copy in self.home.glob("titanic.kept.*"):
            assert snapshot(copy) == self._mine
        for generation in (self.project.state / "generations").iterdir():
            self._assert_generation(generation)

    def _assert_generation(self, folder: Path) -> None:
        """It is whole, and made of nothing but what was there once."""
        assert folder.name.isdigit()
        own = {path.name for path in folder.iterdir()}
        assert {"home", "id", "links", "manifest", "pending"} <= own
        assert own <= {
            "home",
            "id",
            "links",
            "manifest",
            "pending",
            "previous",
            *UNDONE,
        }
        for line in (folder / "manifest").read_text().splitlines():
            assert (folder / "home" / line.split("\t")[0]).is_file()
        for path in (folder / "home").rglob("*"):
            assert path.is_dir() or path.read_bytes() in self._versions

    def _done(self, call: tuple[list[str], dict[str, str], bytes]) -> None:
        argv, env, data = call
        done = subprocess.run(
            argv, env=env, input=data, capture_output=True, check=False, timeout=60
        )
        assert done.returncode == 0, done.stdout + done.stderr


def memory() -> str | None:
    """A folder in memory, if this machine has one where programs may be run."""
    shm = "/dev/shm"
    fit = os.access(shm, os.W_OK) and not os.statvfs(shm).f_flag & os.ST_NOEXEC
    return shm if fit else None


def tidy(home: Path) -> dict[str, object]:
    """All that lies in a home, but generations and kept copies: what must not grow."""
    seen: dict[str, object] = {}
    for path in home.rglob("*"):
        name = str(path.relative_to(home))
        if name.startswith((f"{STATE}/generations/", "titanic.kept.")):
            continue
        info = path.lstat()
        what: object = ""
        if path.is_symlink():
            what = "" if path.name == "current" else str(path.readlink())
        elif path.is_file():
            what = path.read_bytes()
            # Of what was given up, a word may stay: that takes no harm.
            if name in (f"{STATE}/links", f"{STATE}/folders"):
                what = ""
        seen[name] = (stat.S_IMODE(info.st_mode), what)
    return seen


def differences(seen: Mapping[str, object], wanted: Mapping[str, object]) -> list[str]:
    """The paths at which two views of a home differ."""
    paths = sorted({*seen, *wanted})
    return [path for path in paths if seen.get(path) != wanted.get(path)]
