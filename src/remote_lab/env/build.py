"""Building the environment on one remote: downloaded there, or sent from here."""

import gzip
import hashlib
import re
import tempfile
import time
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, cast

from remote_lab.env import probe, wheels
from remote_lab.env.lock import refuse_stale
from remote_lab.env.probe import AS_IT_WAS, Needs
from remote_lab.env.stamp import DECISIVE, EnvironmentReport
from remote_lab.errors import (
    LOCK,
    LOCKED,
    OVERTAKEN,
    Broken,
    Problem,
    Rule,
    explained,
    on_one_line,
)
from remote_lab.tools.git import git
from remote_lab.transport.bundle import Bundle
from remote_lab.transport.connection import Connection
from remote_lab.transport.program import program
from remote_lab.transport.session import Record
from remote_lab.ui import show
from remote_lab.ui.progress import progress_bar

FULL = re.compile(r"no space left|disk quota exceeded|disk full", re.IGNORECASE)
UNFINISHED = (
    "The environment there may be unfinished: the next push builds what is missing."
)


class NoNetwork(Problem):
    """A build failed because there is no network."""


# For the last record of a build: its parts, joined by tabs; then, behind "log:", what
# uv or conda has printed while it fetched.
RULES = (
    LOCKED,
    OVERTAKEN,
    Rule(
        "^(nocode|othercode)\\b",
        "{place} on {name} is not at the commit that is here.",
        AS_IT_WAS,
        "Push the code as well: {push_both}",
    ),
    Rule(
        "^noexec\\b",
        "No program can be run from {place} on {name}: that disk is mounted noexec.",
        AS_IT_WAS,
        "Make its .venv a link to a folder where programs may run: {link}   then:"
        " {again}",
    ),
    Rule(
        "^noconda\\b",
        "{name} has no micromamba, mamba or conda.",
        AS_IT_WAS,
        "Install one: https://github.com/conda-forge/miniforge   then: {again}",
    ),
    Rule(
        "^incomplete\\b",
        "Not all that was sent arrived on {name}. {errors}",
        AS_IT_WAS,
        "{again}",
    ),
    Rule(
        r"^nowrite\t(?P<where>[^\n]+)",
        "{where} on {name} can't be written to. {errors}",
        UNFINISHED,
        "Look at the rights and the free space there, then: {again}",
    ),
    Rule(
        "^nowrite",
        "The home on {name} can't be written to. {errors}",
        AS_IT_WAS,
        "Look at the rights and the free space there, then: {again}",
    ),
    Rule(  # what uv, conda and pip print where there is no network
        r"(?is)^failed\nlog:.*(error sending request|failed to (fetch|download)"
        r"|dns error|timed out|connection (error|failed|refused|reset)|http ?error"
        r"|download error|could ?n.t (resolve|connect)|network is unreachable)",
        "{name} could not fetch what it needs: {output}",
        AS_IT_WAS,
        "{again}",
        kind=NoNetwork,
    ),
    Rule(
        "",
        "The environment could not be built on {name}: {output}",
        UNFINISHED,
        "Fix what it reports, then: {again}",
    ),
)


def build(connection: Connection, wanted: str, current: str) -> EnvironmentReport:
    """Build the environment on a remote; the code is there already.

    Args:
        connection: The way to it.
        wanted: What stamp gives.
        current: The push whose dotfiles are in use there (RemoteState).

    Raises:
        Problem: It can't be built; the next push tries again.
    """
    began = time.monotonic()
    report = Build(connection, wanted, current).run()
    report.seconds = round(time.monotonic() - began, 1)
    show.done(
        f"{connection.remote.name}: the environment is in place, {report.how}"
        f" ({report.seconds:.0f} s)."
    )
    return report


class Build:
    """One build on one remote.

    Args:
        connection: The way to it.
        wanted: The stamp of what to build.
        current: The push whose dotfiles are in use there (RemoteState).
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
        show.step(f"{self.name}: conda builds the environment of environment.yml ...")
        try:
            self._deliver("env_conda")
        except NoNetwork as error:
            error.todo = (
                "Give it internet access. conda's packages can't be sent from here: a"
                " remote without internet access needs the answer environment=uv."
            )
            raise

    def _locked(self) -> None:
        pyproject = git(self.project, "show", "HEAD:pyproject.toml")
        lock = git(self.project, "show", "HEAD:uv.lock")
        project, locked = tomllib.loads(pyproject), tomllib.loads(lock)
        backend = project.get("build-system", {}).get("build-backend", "")
        # Without a build system, uv takes the project for no package.
        self.values["package"] = project["project"]["name"] if backend else ""
        refuse_stale(self.project, self.connection.command("push"))
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "pyproject.toml").write_text(pyproject, encoding="utf-8")
            Path(folder, "uv.lock").write_text(lock, encoding="utf-8")
            needs = probe.query(self.connection, self.values, _first_url(locked))
            self._uv(needs, locked)
            if needs.online and self._fetched():
                return
            exported = wheels.export(Path(folder))
        platform = needs.platform()
        python = needs.python(locked["requires-python"])
        chosen, without = wheels.choose(exported, platform, python)
        if backend not in ("", "uv_build"):
            # uv contains uv_build; no lock file has what other backends need.
            without.append(f"the project itself (it is built by {backend})")
        if without:
            raise Problem(
                f"{self.name} has no internet access, and there are no wheels"
                f" for it (Python {python.version}, {platform}) of:"
                f" {', '.join(without)}.",
                AS_IT_WAS,
                "Use a version that has one (uv add 'NAME==VERSION'), or remove it (uv"
                f" remove NAME); commit, then: {self.connection.command('push')}",
            )
        self._bring(chosen, needs, platform, python)

    def _uv(self, needs: Needs, locked: dict[str, Any]) -> None:
        """Find a uv there; if none will do, send ours with the rest."""
        self.values["uv"] = needs.uv()
        if self.values["uv"]:
            return
        platform = needs.platform()
        show.step(f"{self.name} has no uv that is new enough: sending one.")
        binary = wheels.fetch_uv(locked, platform, self.connection.command("push"))
        packed = gzip.compress(binary, 1)
        self.bundle.add("uv.gz", packed)
        self.values["uv_sum"] = hashlib.sha256(binary).hexdigest()
        self.report.uv_sent = True
        self.report.sent_bytes = len(packed)

    def _fetched(self) -> bool:
        """Have the remote download the packages; whether it could."""
        show.step(f"{self.name} downloads the packages of uv.lock ...")
        try:
            self._deliver("env_sync")
        except NoNetwork as error:
            show.note(f"{error.what} Sending the packages from here.")
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
            # Not every index has the sizes.
            if wheel.size not in (0, needs.held.get(wheel.file, -1))
            or wheel.file not in needs.held
        ]
        megabytes = sum(wheel.size for wheel in lacking) / 1e6
        some = f"sending {len(lacking)} of {len(chosen)} wheels ({megabytes:.1f} MB)"
        show.step(
            f"{self.name} has no internet access:"
            f" {some if lacking else 'it has all wheels already'}."
        )
        wheels.fetch(lacking, platform, python, self.connection.command("push"))
        incoming = []
        for number, wheel in enumerate(lacking):
            # By number: this kind of tar has no room for long names.
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
            NoNetwork: It failed because there is no network.
            Problem: It failed.
        """
        text = program("state", "lock", "env", values=self.values, main=main)
        self.bundle.program = text
        log: list[str] = []
        last: Record = ("",)

        def on_record(record: Record) -> None:
            nonlocal last
            last = record
            if record[0] == "log":
                log.append(" ".join(record[1:]).strip())
                if log[-1].startswith("Downloading "):
                    show.step(f"  {log[-1]}")

        def write(stream: IO[bytes]) -> None:
            with progress_bar(f"to {self.name}", self.report.sent_bytes) as advance:
                self.bundle.write(cast(IO[bytes], _Counted(stream, advance)))

        try:
            failed, errors = self.bundle.deliver(
                self.connection, on_record, write=write
            )
        except Broken as error:
            error.unchanged = UNFINISHED  # all may have arrived
            raise
        if failed:
            fetching = main != "env_bring"
            raise self._failed(fetching, last, [line for line in log if line], errors)

    def _failed(
        self, fetching: bool, last: Record, log: list[str], errors: str
    ) -> Problem:
        """The error that a failed build means.

        Args:
            fetching: Whether the remote fetched from the network.
            last: The last record of the program.
            log: The lines that uv or conda printed.
            errors: What came on standard error.
        """
        shell, again = self.connection.shell, self.connection.command("push")
        if FULL.search(" ".join(log) + errors):
            look = shell(f"du -sh .cache {self.project.dir}/.venv")
            return Problem(
                f"The disk of {self.name} is full, or your quota on it.",
                AS_IT_WAS if last[0] == "incomplete" else UNFINISHED,
                f"Make room (to see what takes it: {look}), then: {again}",
            )
        output = "; ".join(line for line in log if not line.startswith("hint"))
        fetched = f"\nlog: {' '.join(log)}" if fetching else ""
        error = explained(
            RULES,
            "\t".join(last) + fetched,
            name=self.name,
            place=self.project.place,
            part="environment",
            output=output[-400:] or errors,
            errors=on_one_line(errors),
            again=again,
            push_both=self.connection.command("push --only code,env"),
            link=shell(f"ln -s FOLDER {self.project.dir}/.venv"),
            unlock=shell(LOCK.format(self.project.slug)),
        )
        assert error  # the last rule matches everything
        return error


class _Counted:
    """A stream that reports how much is written to it."""

    def __init__(self, stream: IO[bytes], report: Callable[[int], object]) -> None:
        self.stream, self.report = stream, report

    def write(self, data: bytes) -> int:
        """Write, and report."""
        self.report(len(data))
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
