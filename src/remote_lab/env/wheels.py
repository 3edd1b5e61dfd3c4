"""What the laptop fetches for a remote without internet: the locked wheels, and uv.

uv exports the lock file, `packaging` selects the wheels, and pip fetches them, so that
proxies, private indexes and certificates work as the user has them.
"""

import hashlib
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast
from urllib.parse import unquote, urlsplit

from packaging.markers import Environment
from packaging.pylock import (
    Package,
    PackageArchive,
    PackageWheel,
    Pylock,
    PylockSelectError,
    PylockValidationError,
)
from packaging.tags import Tag, compatible_tags, cpython_tags
from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from remote_lab.errors import Problem
from remote_lab.tools.uv import find_uv
from remote_lab.ui.progress import progress_bar


@dataclass(frozen=True)
class Platform:
    """What binaries a remote can run.

    Attributes:
        machine: As `uname -m` says.
        libc: glibc or musl.
        version: Of the libc, such as 2.36.
    """

    machine: str
    libc: str
    version: str

    def __str__(self) -> str:
        return f"Linux {self.machine}, {self.libc} {self.version}"

    def tags(self) -> list[str]:
        """The platform tags of wheels that fit, the best first."""
        major, minor = (int(part) for part in self.version.split(".")[:2])
        if self.libc == "musl":
            names = [f"musllinux_{major}_{n}" for n in range(minor, -1, -1)]
        else:
            former = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}
            names = []
            for n in range(minor, 4, -1):
                names += [f"manylinux_{major}_{n}"]
                names += [former[n]] if n in former else []
        return [f"{name}_{self.machine}" for name in [*names, "linux"]]


@dataclass(frozen=True)
class Python:
    """An interpreter on a remote.

    Attributes:
        path: Where it lies there.
        markers: The values of the markers of PEP 508 for it.
    """

    path: str
    markers: dict[str, str]

    @property
    def version(self) -> str:
        """Its version, such as 3.11.2."""
        return self.markers["python_full_version"]

    def tags(self, platform: Platform) -> list[Tag]:
        """The tags of wheels that fit, the best first."""
        numbers = [int(part) for part in self.markers["python_version"].split(".")]
        short = "cp" + "".join(str(number) for number in numbers)
        names = platform.tags()
        return [
            *cpython_tags(numbers, abis=[short], platforms=names),
            *compatible_tags(numbers, short, platforms=names),
        ]


# uv's wheels hold a program, and fit each of them.
ANY_PYTHON = Python("", {"python_version": "3.11", "python_full_version": "3.11.0"})


@dataclass(frozen=True)
class Wheel:
    """A wheel of the lock file.

    Attributes:
        requirement: Such as six==1.17.0.
        size: In bytes; 0 where the index does not have it.
    """

    requirement: str
    file: str
    url: str
    sha256: str
    size: int


def export(folder: Path) -> Pylock:
    """The lock file's packages for a remote, as pylock.toml (PEP 751) has them.

    Args:
        folder: Where pyproject.toml and uv.lock are.

    Raises:
        Problem: uv can't read them.
    """
    command = [find_uv(), "export", "--quiet", "--frozen", "--format", "pylock.toml"]
    command += ["--group", "lab", "--no-emit-project"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        raise Problem(
            f"uv can't read uv.lock: {done.stderr.strip()}",
            "Nothing was sent.",
            "Write it again: uv lock && git commit -am 'Lock file'",
        )
    return _pylock(tomllib.loads(done.stdout))


def _pylock(exported: dict[str, Any]) -> Pylock:
    """A pylock.toml, checked.

    Raises:
        Problem: It is not valid, such as a wheel with the name of another package.
    """
    try:
        return Pylock.from_dict(exported)
    except PylockValidationError as error:
        raise Problem(
            f"uv.lock names files that can't be used: {error}",
            "Nothing was sent.",
            "Write it again: uv lock && git commit -am 'Lock file'",
        ) from None


def choose(
    lock: Pylock, platform: Platform, python: Python
) -> tuple[list[Wheel], list[str]]:
    """Which wheels an interpreter needs.

    Args:
        lock: The packages, as `export` returns them.
        platform: Where the interpreter runs.
        python: The interpreter.

    Returns:
        The wheels, and the packages that have none for it, each with the reason.
    """
    wheels, without = [], []
    for package in lock.packages:
        # One at a time: so all that have no wheel are named. Whether this Python will
        # do was checked before (Needs.python), a preliminary release included.
        alone = replace(lock, packages=[package], requires_python=None)
        try:
            selected = alone.select(
                environment=cast(Environment, python.markers),
                tags=python.tags(platform),
            )
            for _, source in selected:
                wheels.append(_wheel(package, source, python.tags(platform)))
        except PylockSelectError:
            without.append(f"{_label(package)} (no wheel that fits)")
        except NoWheel as reason:
            without.append(f"{_label(package)} ({reason})")
    return wheels, without


class NoWheel(Exception):
    """A package that is not installed from a wheel; the message has the reason."""


def _label(package: Package) -> str:
    return f"{package.name} {package.version or ''}".strip()


def _wheel(package: Package, source: object, tags: list[Tag]) -> Wheel:
    """The wheel that a source of a package is.

    Raises:
        NoWheel: It is none.
    """
    if package.vcs or package.directory:
        raise NoWheel("not from an index")
    if not isinstance(source, PackageWheel | PackageArchive):
        raise NoWheel("no wheel that fits" if package.wheels else "source only")
    file, url = _file(source.url or ""), source.url or ""
    try:
        _, version, _, fits = parse_wheel_filename(file)
    except InvalidWheelFilename:
        raise NoWheel("source only") from None
    if not fits.intersection(tags):  # a wheel that is named by its address
        raise NoWheel("no wheel that fits")
    if "sha256" not in source.hashes:
        raise NoWheel("no sha256 in the lock file")
    pinned = f"{package.name}=={version}"
    return Wheel(pinned, file, url, source.hashes["sha256"], source.size or 0)


def _file(url: str) -> str:
    return unquote(urlsplit(url).path.rpartition("/")[2])


def cache() -> Path:
    """Where the laptop keeps what it has fetched, for all projects and remotes."""
    # Beside the projects' folders; no project can have this name.
    return Path.home() / ".cache" / "remote-lab" / "_wheels"


def fetch(wheels: list[Wheel], platform: Platform, python: Python, again: str) -> None:
    """Download the wheels that are not in the cache, or not intact.

    Args:
        wheels: Which.
        platform: Where they are to run.
        python: What is to run them.
        again: What to type once a problem is fixed.

    Raises:
        Problem: They can't be fetched.
    """
    missing = [wheel for wheel in wheels if not _is_intact(wheel)]
    if not missing:
        return
    with tempfile.TemporaryDirectory(dir=_made(cache())) as folder:
        listed = Path(folder, "wheels.txt")
        listed.write_text(
            "".join(
                f"{wheel.requirement.partition('==')[0]} @ {wheel.url}"
                f" --hash=sha256:{wheel.sha256}\n"
                for wheel in missing
            )
        )
        _pip_download(
            [
                *("--require-hashes", "-r", str(listed), "--implementation", "cp"),
                *("--python-version", python.markers["python_version"]),
            ],
            platform,
            Path(folder),
            sum(wheel.size for wheel in missing),
            again,
        )
        for wheel in missing:
            Path(folder, wheel.file).replace(cache() / wheel.file)


def _is_intact(wheel: Wheel) -> bool:
    path = cache() / wheel.file
    if not path.exists():
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == wheel.sha256


def fetch_uv(locked: dict[str, Any], platform: Platform, again: str) -> bytes:
    """The program uv for a platform, from the wheel that the lock file names.

    Args:
        locked: uv.lock, which has the wheel's hash.
        platform: Where it is to run.
        again: What to type once a problem is fixed.

    Raises:
        Problem: The lock file has none for it, or it can't be fetched.
    """
    offered = [
        {
            "url": entry["url"],
            "hashes": {"sha256": entry["hash"].removeprefix("sha256:")},
            "size": entry.get("size", 0),
        }
        for package in locked.get("package", [])
        for entry in package.get("wheels", [])
        if package["name"] == "uv" and entry.get("hash", "").startswith("sha256:")
    ]
    found: list[Wheel] = []
    if offered:
        about = {"lock-version": "1.0", "created-by": "remote-lab"}
        packages = [{"name": "uv", "wheels": offered}]
        lock = _pylock({**about, "packages": packages})
        found, _ = choose(lock, platform, ANY_PYTHON)
    if not found:
        raise Problem(
            f"uv.lock names no uv for {platform}; none is sent without a hash.",
            "Nothing was sent.",
            "uv add --group bootstrap 'uv>=0.9,<0.15' && git commit -m 'Lock uv'"
            f" pyproject.toml uv.lock && {again}",
        )
    fetch(found, platform, ANY_PYTHON, again)
    for old in cache().glob("uv-*.gz"):  # kept by earlier versions, with no hash
        old.unlink()
    with zipfile.ZipFile(cache() / found[0].file) as wheel:
        [name] = (n for n in wheel.namelist() if n.endswith("/scripts/uv"))
        return wheel.read(name)


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _pip_download(
    arguments: Sequence[str],
    platform: Platform,
    folder: Path,
    total: int,
    again: str,
) -> None:
    command = [find_uv(), "run", "--quiet", "--no-project", "--python", sys.executable]
    command += ["--with", "pip", "python", "-m", "pip", "download", *arguments]
    command += ["--no-deps", "--only-binary", ":all:", "--dest", str(folder)]
    command += ["--no-input", "--disable-pip-version-check", "--progress-bar", "raw"]
    for tag in platform.tags():
        command += ["--platform", tag]
    output, last = [], 0
    with (
        progress_bar("fetching", total) as advance,
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as process,
    ):
        assert process.stdout
        for line in process.stdout:
            if line.startswith("Progress "):  # N of M, for one file after the other
                now = int(line.split()[1])
                advance(now - last if now >= last else now)
                last = now
            elif line.strip():
                output.append(line.strip())
    if process.returncode:
        errors = [line for line in output if line.lower().startswith("error")]
        raise Problem(
            "This machine could not fetch what the remote needs:"
            f" {(errors or output or ['pip printed nothing'])[-1]}",
            "Nothing was sent.",
            f"Is this machine online? When it is: {again}",
        )
