"""Building the environment on one remote: fetched there, or brought from here."""

import gzip
import hashlib
import re
import subprocess
import tempfile
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, cast

from remote_lab.env import probe, wheels
from remote_lab.env.probe import AS_IT_WAS, Needs
from remote_lab.env.stamp import DECISIVE, EnvironmentReport
from remote_lab.errors import LOCK, Broken, Problem, locked, on_one_line, overtaken
from remote_lab.tools.git import git
from remote_lab.tools.uv import find_uv
from remote_lab.transport.bundle import Bundle
from remote_lab.transport.connection import Connection
from remote_lab.transport.program import program
from remote_lab.transport.session import Record
from remote_lab.ui import show
from remote_lab.ui.progress import bar

# What uv, conda and pip say when a network is what they lack.
OFFLINE = re.compile(
    r"error sending request|failed to (fetch|download)|dns error|timed out"
    r"|connection (error|failed|refused|reset)|http ?error|download error"
    r"|could ?n.t (resolve|connect)|network is unreachable",
    re.IGNORECASE,
)
FULL = re.compile(r"no space left|disk quota exceeded|disk full", re.IGNORECASE)
BEGUN = "The environment there may not be whole; the next push makes it so."


class NoWayOut(Problem):
    """A build failed for want of a network."""


class Build:
    """One build on one remote.

    Args:
        connection: The way to it.
        wanted: The stamp of what to build.
        current: The push whose dotfiles are in use there (HomeReport).
    """

    def __init__(self, connection: Connection, wanted: str, current: str) -> None:
        self.connection = connection
        self.project = connection.project
        self.name = connection.remote.name
        self.values = {
            **self.project.names,
            "mode": "apply",
            "stamp": wanted,
            "expected": current,
            "decisive": " ".join(DECISIVE[self.project.environment]),
        }
        self.report = EnvironmentReport()
        self.bundle = Bundle("", packed=False)

    def run(self) -> EnvironmentReport:
        """Do it.

        Raises:
            Problem: It can't be done.
        """
        if self.project.environment == "conda":
            self._conda()
        else:
            self._locked()
        return self.report

    def _conda(self) -> None:
        show.step(f"{self.name}: conda builds what environment.yml asks for ...")
        try:
            self._deliver("env_conda")
        except NoWayOut as error:
            error.todo = (
                "See that it is online. conda's packages can't be brought from here:"
                " a remote without internet needs the answer environment=uv."
            )
            raise

    def _locked(self) -> None:
        pyproject = git(self.project, "show", "HEAD:pyproject.toml")
        lock = git(self.project, "show", "HEAD:uv.lock")
        told, locked = tomllib.loads(pyproject), tomllib.loads(lock)
        backend = told.get("build-system", {}).get("build-backend", "")
        # Without a build system, uv takes the project for no package.
        self.values["package"] = told["project"]["name"] if backend else ""
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "pyproject.toml").write_text(pyproject, encoding="utf-8")
            Path(folder, "uv.lock").write_text(lock, encoding="utf-8")
            _note_stale(Path(folder))
            needs = probe.ask(self.connection, self.values, _first_url(locked))
            self._uv(needs, locked)
            if needs.online and self._fetched():
                return
            exported = wheels.export(Path(folder))
        platform = needs.platform()
        python = needs.python(locked["requires-python"])
        chosen, without = wheels.choose(exported, platform, python)
        if backend not in ("", "uv_build"):
            # uv has uv_build built in; no lock file names what others need.
            without.append(f"the project itself (it is built by {backend})")
        if without:
            raise Problem(
                f"{self.name} has no way out to the internet, and there are no wheels"
                f" for it (Python {python.version}, {platform}) of:"
                f" {', '.join(without)}.",
                AS_IT_WAS,
                "Take a version that has one (uv add 'NAME==VERSION'), or do without"
                f" (uv remove NAME); commit, then: {self.connection.verb('push')}",
            )
        self._bring(chosen, needs, platform, python)

    def _uv(self, needs: Needs, locked: dict[str, Any]) -> None:
        """See to a uv there: one that there is, or ours, sent with the rest."""
        self.values["uv"] = needs.uv()
        if self.values["uv"]:
            return
        platform = needs.platform()
        show.step(f"{self.name} has no uv that will do: bringing one.")
        binary = wheels.fetch_uv(locked, platform, self.connection.verb("push"))
        packed = gzip.compress(binary, 1)
        self.bundle.add("uv.gz", packed)
        self.values["uv_sum"] = hashlib.sha256(binary).hexdigest()
        self.report.uv_sent = True
        self.report.sent_bytes = len(packed)

    def _fetched(self) -> bool:
        """Have the remote fetch for itself; whether it could."""
        show.step(f"{self.name} fetches what uv.lock names ...")
        try:
            self._deliver("env_sync")
        except NoWayOut as error:
            show.note(f"{error.what} Bringing it, then.")
            self.bundle = Bundle("", packed=False)  # uv has arrived all the same
            return False
        return True

    def _bring(
        self,
        chosen: list[wheels.Wheel],
        needs: Needs,
        platform: wheels.Platform,
        python: wheels.Python,
    ) -> None:
        lacking = [
            wheel
            for wheel in chosen
            # Not every index tells sizes.
            if wheel.size not in (0, needs.held.get(wheel.file, -1))
            or wheel.file not in needs.held
        ]
        megabytes = sum(wheel.size for wheel in lacking) / 1e6
        some = f"bringing {len(lacking)} of {len(chosen)} wheels ({megabytes:.1f} MB)"
        show.step(
            f"{self.name} has no way out to the internet:"
            f" {some if lacking else 'it has all wheels already'}."
        )
        wheels.fetch(lacking, platform, python, self.connection.verb("push"))
        incoming = []
        for number, wheel in enumerate(lacking):
            # By number: a tar of this kind has no room for the longest names.
            self.bundle.add(str(number), wheels.cache() / wheel.file)
            incoming.append(f"{number}\t{wheel.file}")
            self.report.sent_bytes += (wheels.cache() / wheel.file).stat().st_size
        self.report.sent_files = len(lacking)
        self.report.how = "brought from here"
        pinned = [
            f"{wheel.requirement} --hash=sha256:{wheel.sha256}" for wheel in chosen
        ]
        self.bundle.add("incoming", _lines(incoming))
        sums = [f"{wheel.sha256}\t{wheel.file}" for wheel in chosen]
        self.bundle.add("wanted", _lines(sums))
        self.bundle.add("requirements.txt", _lines(pinned))
        self.values |= {"python": python.path, "version": python.version}
        self._deliver("env_bring")

    def _deliver(self, main: str) -> None:
        """Send the bundle, with the function of env.sh that works on it.

        Raises:
            NoWayOut: It failed for want of a network.
            Problem: It failed.
        """
        text = program("state", "lock", "env", values=self.values, main=main)
        self.bundle.program = text
        log: list[str] = []
        last: Record = ("",)

        def take(record: Record) -> None:
            nonlocal last
            last = record
            if record[0] == "log":
                log.append(" ".join(record[1:]).strip())
                if log[-1].startswith("Downloading "):
                    show.step(f"  {log[-1]}")

        def write(stream: IO[bytes]) -> None:
            with bar(f"to {self.name}", self.report.sent_bytes) as advance:
                self.bundle.write(cast(IO[bytes], _Counted(stream, advance)))

        try:
            failed, errors = self.connection.deliver(self.bundle, take, write=write)
        except Broken as error:
            error.unchanged = BEGUN  # for it had arrived, or may have
            raise
        if failed:
            fetching = main != "env_bring"
            raise self._explain(fetching, last, [line for line in log if line], errors)

    def _explain(
        self, fetching: bool, last: Record, log: list[str], errors: str
    ) -> Problem:
        """What a failed build's last record, log and complaints mean."""
        name, place = self.name, f"~/{self.project.dir}"
        said = "; ".join(line for line in log if not line.startswith("hint"))
        said = said[-400:] or errors
        again = self.connection.verb("push")
        if FULL.search(" ".join(log) + errors):
            return Problem(
                f"The disk of {name} is full, or your share of it.",
                AS_IT_WAS if last[0] == "incomplete" else BEGUN,
                f"Make room (look at it with:"
                f" {self.connection.shell(f'du -sh .cache {self.project.dir}/.venv')}),"
                f" then: {again}",
            )
        match last:
            case ("locked", holder):
                lock = LOCK.format(self.project.slug)
                return locked(name, holder, self.connection.shell(lock))
            case ("overtaken",):
                return overtaken(name, "environment", again)
            case ("nocode",) | ("othercode",):
                return Problem(
                    f"{place} on {name} is not at the commit that is here.",
                    AS_IT_WAS,
                    "Bring it there as well:"
                    f" {self.connection.verb('push --only code,env')}",
                )
            case ("noexec",):
                link = f"ln -s FOLDER {self.project.dir}/.venv"
                return Problem(
                    f"No program can be run from {place} on {name}: that disk is"
                    " mounted noexec.",
                    AS_IT_WAS,
                    "Have its .venv be a link to a folder where programs may run:"
                    f" {self.connection.shell(link)}   then: {again}",
                )
            case ("noconda",):
                return Problem(
                    f"{name} has no micromamba, mamba or conda.",
                    AS_IT_WAS,
                    "Install one: https://github.com/conda-forge/miniforge   then:"
                    f" {again}",
                )
            case ("incomplete",):
                what = f"Not all that was sent arrived on {name}."
                return Problem(
                    f"{what} {on_one_line(errors)}".strip(), AS_IT_WAS, again
                )
            case ("nowrite", *where):
                what = f"{' '.join(where) or 'The home'} on {name} can't be written to."
                todo = f"Look at the rights and the room there, then: {again}"
                still = BEGUN if where else AS_IT_WAS
                return Problem(f"{what} {on_one_line(errors)}".strip(), still, todo)
            case ("failed",) if fetching and OFFLINE.search(" ".join(log)):
                what = f"{name} could not fetch what it needs: {said}"
                return NoWayOut(what, AS_IT_WAS, again)
        return Problem(
            f"The environment could not be built on {name}: {said}",
            BEGUN,
            f"Mend what it complains of, then: {again}",
        )


class _Counted:
    """A stream that tells how much is written to it."""

    def __init__(self, stream: IO[bytes], tell: Callable[[int], object]) -> None:
        self.stream, self.tell = stream, tell

    def write(self, data: bytes) -> int:
        """Write, and tell."""
        self.tell(len(data))
        return self.stream.write(data)


def _lines(lines: list[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


def _first_url(locked: dict[str, Any]) -> str:
    """The address of some file that the lock file names, or nothing."""
    found = (
        wheel["url"]
        for package in locked.get("package", [])
        for wheel in package.get("wheels", [])
        if wheel.get("url", "").startswith("http")
    )
    return next(found, "")


def _note_stale(folder: Path) -> None:
    """Say so if pyproject.toml asks for what uv.lock does not have."""
    command = [find_uv(), "lock", "--check", "--offline"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if "needs to be updated" in done.stderr:
        show.note(
            "uv.lock is older than pyproject.toml: what you changed there since is not"
            " in the environment. (uv lock && git commit -am 'Lock file')"
        )
