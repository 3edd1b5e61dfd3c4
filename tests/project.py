"""A generated project on a laptop, and its remote's home: what most tests work with."""

from __future__ import annotations

import atexit
import shutil
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

import copier
from laptop import Laptop
from process import Completed, run
from render import template

TEMPLATE = template()


# What stands for an answer that differs from test to test: rendered once, replaced in
# the copies. No other number in a project has these digits.
PORTS = {"remote_port": 61022, "lab_port": 61080}


class Project:
    """A project named Titanic that lies on a laptop."""

    slug = "titanic"

    def __init__(self, laptop: Laptop, root: Path) -> None:
        self.laptop = laptop
        self.root = root
        self.pieces = root / "home" / "remote"
        self._lent = True

    @classmethod
    def rendered(
        cls,
        laptop: Laptop,
        answers: Mapping[str, Any] | None = None,
        folder: str = "titanic",
    ) -> Self:
        """A project that is generated and committed, with no step of setup done.

        Args:
            laptop: The laptop that it is to lie on.
            answers: Answers other than the defaults.
            folder: Its folder, in the laptop's home.
        """
        # One project, rendered anew with other answers, keeps its id.
        own = {"project_name": "Titanic", "project_id": "0123456789abcdef"}
        data = {**own, **(answers or {})}
        project = cls(laptop, laptop.home / folder)
        ports = {
            name: number
            for name, number in PORTS.items()
            if name in data and not data.get("more_remotes")
        }
        source = rendered(tuple(sorted({**data, **ports}.items())))
        shutil.copytree(source, project.root, symlinks=True)
        for name, number in ports.items():
            for path in holders(source, number):
                file = project.root / path
                file.write_text(file.read_text().replace(str(number), str(data[name])))
        project._lent = False
        laptop.run("git", "init", "-q", cwd=project.root)
        project.commit("as generated")
        return project

    @classmethod
    def copied(
        cls,
        laptop: Laptop,
        answers: Mapping[str, Any],
        source: Path | str = TEMPLATE,
        ref: str = "HEAD",
        folder: str = "titanic",
        **options: Any,
    ) -> tuple[Self, str]:
        """A project made as a user makes it, hook and all; and what was said.

        Args:
            laptop: The laptop that it is to lie on.
            answers: Answers other than the defaults.
            source: The template.
            ref: Its version.
            folder: The project's folder, in the laptop's home.
            options: For `Laptop.run`.
        """
        data = {"project_name": "Titanic", **answers}
        given = [
            word for key, value in data.items() for word in ("-d", f"{key}={value}")
        ]
        done = laptop.run(
            *("copier", "copy", "--trust", "--defaults", "--vcs-ref", ref),
            *given,
            source,
            folder,
            **options,
        )
        return cls(laptop, laptop.home / folder), done.stdout + done.stderr

    @property
    def home(self) -> Path:
        """The sandbox's home."""
        return self.root / ".sandbox" / self.slug

    @property
    def state(self) -> Path:
        """The sandbox's notes on this project."""
        return self.home / ".local/state/remote-lab" / self.slug

    def commit(self, message: str) -> None:
        """Commit everything."""
        self.laptop.run("git", "add", "-A", cwd=self.root)
        self.laptop.run("git", "commit", "-qm", message, cwd=self.root)

    def remote(self, *arguments: str, check: bool = True, **options: Any) -> Completed:
        """Run ./remote."""
        self._lend()
        return self.laptop.run(
            "./remote", *arguments, cwd=self.root, check=check, **options
        )

    def begun(self, *arguments: str, **options: Any) -> subprocess.Popen[str]:
        """./remote, under way, in a group of its own as a terminal has it.

        Args:
            arguments: Its command line.
            options: For Popen; what it says on standard error is piped by default.
        """
        self._lend()
        unless = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
        return subprocess.Popen(
            ["./remote", *arguments],
            cwd=self.root,
            env=self.laptop.env,
            stdin=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
            **{**unless, **options},
        )

    def _lend(self) -> None:
        """Spare ./remote its first start, if this project is `rendered`."""
        if not self._lent:
            self._lent = True
            self.laptop.lend_environment(self.root / "remote", environment())

    def edit(self, path: str, text: str) -> None:
        """Add a line to a dotfile, on the laptop's side."""
        with (self.pieces / path).open("a", encoding="utf-8") as file:
            file.write(text + "\n")


@cache
def rendered(answers: tuple[tuple[str, Any], ...]) -> Path:
    """A folder with the project that these answers give, rendered once a run."""
    kept = TemporaryDirectory(prefix="remote-lab-rendered-")
    atexit.register(kept.cleanup)
    folder = Path(kept.name)
    copier.run_copy(
        str(TEMPLATE),
        folder / "project",
        data=dict(answers),
        defaults=True,
        skip_tasks=True,
        quiet=True,
        vcs_ref="HEAD",
    )
    return folder / "project"


@cache
def holders(project: Path, number: int) -> list[Path]:
    """The files of a rendered project, from its root, that hold a number."""
    return [
        path.relative_to(project)
        for path in project.rglob("*")
        if path.is_file() and str(number) in path.read_text(encoding="utf-8")
    ]


@cache
def environment() -> Path:
    """The environment of a rendered project's ./remote, compiled: to be lent."""
    script = str(rendered(()) / "remote")
    uv = ["uv", "--no-progress", "-q"]
    run([*uv, "sync", "--script", script], timeout=300)
    python = run(["uv", "python", "find", "--script", script]).stdout.strip()
    made = Path(python).parents[1]
    (site,) = made.glob("lib/*/site-packages")
    run([python, "-m", "compileall", "-q", str(site)])
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return made


def snapshot(root: Path, *, times: bool = False) -> dict[str, tuple[Any, ...]]:
    """Every path below a folder with its mode, content or target, and inode.

    Args:
        root: The folder; links are not followed.
        times: Whether inode and times count too: then not even a touch goes unseen.
    """
    seen = {}
    for path in sorted(root.rglob("*")):
        info = path.lstat()
        content: bytes | str = ""
        if path.is_symlink():
            content = str(path.readlink())
        elif path.is_file():
            content = path.read_bytes()
        trace = (info.st_ino, info.st_mtime_ns) if times and not path.is_dir() else ()
        seen[str(path.relative_to(root))] = (info.st_mode, content, *trace)
    return seen


def sees(home: Path) -> dict[str, bytes]:
    """What somebody who uses the home gets to see of the project: path and content."""
    seen = {}
    for place in (
        ".config/remote-lab/titanic",
        ".config/systemd/user/jupyter-titanic.service",
    ):
        at = home / place
        for path in [at, *at.rglob("*")] if at.exists() else []:
            if path.is_file():
                seen[str(path.relative_to(home))] = path.read_bytes()
    return seen


def processes_of(folder: Path) -> list[str]:
    """The command lines that name a folder: what a test has left running."""
    listed = subprocess.run(
        ["ps", "-ww", "-eo", "args"], check=True, capture_output=True, text=True
    ).stdout
    return [line for line in listed.splitlines() if str(folder) in line]
