"""What a remote has for building an environment, and whether that is enough."""

import json
import re
from dataclasses import dataclass, field

from packaging.specifiers import SpecifierSet

from remote_lab.env.wheels import Platform, Python
from remote_lab.errors import Problem
from remote_lab.transport.connection import Connection
from remote_lab.transport.program import SH, program
from remote_lab.transport.session import Record, number

# Older ones do not have all options that we use, nor the uv_build of pyproject.toml.
OLDEST_UV = (0, 9)
# What a remote reports is used as a number of steps: so a number has few digits, and of
# each kind only so many are kept.
MOST = {"uv": 20, "python": 50, "held": 5000}
# What markers of the lock file may ask; none is ever taken from this machine.
MARKERS = {
    "implementation_name": "",
    "implementation_version": "",
    "os_name": "",
    "platform_machine": "",
    "platform_python_implementation": "",
    "platform_release": "",
    "platform_system": "",
    "platform_version": "",
    "python_full_version": r"\d{1,2}\.\d{1,2}\.\d{1,3}\w{0,10}",
    "python_version": r"\d{1,2}\.\d{1,2}",
    "sys_platform": "",
}
LONGEST = 300  # of a marker, a path or a file's name
AS_IT_WAS = "The environment there is as it was."


@dataclass
class Needs:
    """The records of env_needs (sh/env.sh).

    Attributes:
        name: The remote's.
        host: Its Host in the ssh config.
        again: What to type once a problem is fixed.
        system: `uname -s` and `uname -m`.
        libc: Its name and version.
        uvs: Path and version of each uv there.
        pythons: The interpreters there, the one to prefer first.
        online: Whether it can fetch what the lock file names.
        held: The wheels that were sent before, and their sizes in bytes.
    """

    name: str
    host: str
    again: str
    system: tuple[str, str] = ("", "")
    libc: tuple[str, str] = ("", "")
    uvs: list[tuple[str, str]] = field(default_factory=list)
    pythons: list[Python] = field(default_factory=list)
    online: bool = False
    held: dict[str, int] = field(default_factory=dict)

    def add(self, record: Record) -> None:
        """Note what one record reports; a strange one is ignored."""
        if len(record) > 3 or any(len(text) > LONGEST for text in record[:2]):
            return
        match record:
            case ("system", name, machine):
                self.system = (name, machine)
            case ("libc", name, version):
                self.libc = (name, version)
            case ("uv", path, version) if len(self.uvs) < MOST["uv"]:
                self.uvs.append((path, version))
            case ("python", path, text) if len(self.pythons) < MOST["python"]:
                if python := _python(path, text):
                    self.pythons.append(python)
            case ("online",):
                self.online = True
            case ("held", file, size) if len(self.held) < MOST["held"]:
                self.held[file] = number(size)

    def uv(self) -> str:
        """The path of a uv that is new enough, or nothing."""
        for path, version in self.uvs:
            number = re.match(r"uv (\d{1,4})\.(\d{1,4})\b", version)
            if number and (int(number[1]), int(number[2])) >= OLDEST_UV:
                return path
        return ""

    def platform(self) -> Platform:
        """What binaries it runs.

        Raises:
            Problem: None that could be sent.
        """
        (system, machine), (libc, version) = self.system, self.libc
        # They name files here, and go into pip's command line.
        if system != "Linux" or not (
            re.fullmatch(r"\w{1,30}", machine, re.ASCII)
            and libc in ("glibc", "musl")
            and re.fullmatch(r"\d{1,2}\.\d{1,2}(\.[\w.+-]{0,30})?", version, re.ASCII)
        ):
            raise Problem(
                f"{self.name} has no uv or no internet access, and neither uv nor"
                " wheels can be sent to"
                f" {system:.30} {machine:.30} ({libc:.30} {version:.30}).",
                AS_IT_WAS,
                "Install uv there (https://docs.astral.sh/uv/) and give it internet"
                " access, then:"
                f" {self.again}",
            )
        return Platform(machine, libc, version)

    def python(self, wanted: str) -> Python:
        """The interpreter to build with.

        Args:
            wanted: requires-python.

        Raises:
            Problem: There is none that will do.
        """
        for python in self.pythons:
            if SpecifierSet(wanted).contains(python.version, prereleases=True):
                return python
        versions = ", ".join(sorted({python.version for python in self.pythons}))
        raise Problem(
            f"{self.name} has {f'Python {versions}' if versions else 'no Python'}, the"
            f" project needs {wanted}, and there is no internet access to download"
            " one.",
            AS_IT_WAS,
            f"Ask its admin to install such a Python, or put one on the PATH that"
            f" this uses: ssh {self.host} 'command -v python3'",
        )


def _python(path: str, text: str) -> Python | None:
    """An interpreter that a remote reports, if such a one can exist."""
    if len(text) > 30 * LONGEST:
        return None
    try:
        markers = json.loads(text)
    except (ValueError, RecursionError):
        return None
    good = isinstance(markers, dict) and all(
        isinstance(value, str) and len(value) <= LONGEST for value in markers.values()
    )
    if good and all(
        key in markers and re.fullmatch(pattern or ".*", markers[key], re.ASCII)
        for key, pattern in MARKERS.items()
    ):
        return Python(path, markers)
    return None


def query(connection: Connection, values: dict[str, str], url: str) -> Needs:
    """Query a remote.

    Args:
        connection: The way to it.
        values: What env.sh needs.
        url: A file of the lock file: who can fetch it is online.
    """
    remote = connection.remote
    programs = {
        name: (SH / f"{name}.py").read_text(encoding="utf-8")
        for name in ("about_python", "can_fetch")
    }
    asked = {**values, **programs, "url": url}
    text = program("state", "env", values=asked, main="env_needs")
    needs = Needs(remote.name, remote.host, connection.command("push"))
    for record in connection.run(text)[1]:
        needs.add(record)
    return needs
