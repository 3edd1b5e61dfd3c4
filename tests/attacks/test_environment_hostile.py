"""A remote that lies about what it has must not fill the laptop's memory or day."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

SOURCES = Path(__file__).resolve().parents[2] / "src"
SECONDS = 20
BYTES = 1 << 30
GOOD = {
    "implementation_name": "cpython",
    "implementation_version": "3.11.2",
    "os_name": "posix",
    "platform_machine": "x86_64",
    "platform_python_implementation": "CPython",
    "platform_release": "6.1.0",
    "platform_system": "Linux",
    "platform_version": "#1 SMP",
    "python_full_version": "3.11.2",
    "python_version": "3.11",
    "sys_platform": "linux",
}
SYSTEM = ("system", "Linux", "x86_64")
LIBC = ("libc", "glibc", "2.36")

# As env_build does it, from the records to the choice of wheels.
CHOICE = """
import json, sys
from packaging.pylock import Pylock
from remote_lab.env import probe, wheels
from remote_lab.errors import Problem
needs = probe.Needs("far", "far", "")
for record in json.load(sys.stdin):
    needs.add(tuple(record))
WHEEL = {"url": "https://a/demo-1-py3-none-any.whl", "hashes": {"sha256": "0"}}
marker = "python_full_version >= '3' and platform_release >= '1'"
package = {"name": "demo", "version": "1", "marker": marker, "wheels": [WHEEL]}
try:
    needs.uv()
    platform, python = needs.platform(), needs.python(">=3.11")
    lock = {"lock-version": "1.0", "created-by": "uv", "packages": [package]}
    wheels.choose(Pylock.from_dict(lock), platform, python)
    command = " ".join(platform.tags())
    print("chosen", len(command), len(needs.held))
except Problem as problem:
    print(problem.what)
"""


def choice(records: Sequence[Sequence[str]]) -> str:
    """What comes of a remote's answers, in little time and memory.

    Raises:
        CalledProcessError: It ended with a traceback.
        subprocess.TimeoutExpired: It took too long.
    """
    return subprocess.run(
        [sys.executable, "-c", CHOICE],
        env={"PYTHONPATH": str(SOURCES)},
        input=json.dumps(records),
        capture_output=True,
        check=True,
        text=True,
        timeout=SECONDS,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (BYTES, BYTES)),
    ).stdout


def python(**markers: object) -> tuple[str, str, str]:
    return ("python", "/usr/bin/python3", json.dumps({**GOOD, **markers}))


def test_an_honest_remote_is_served() -> None:
    assert choice([SYSTEM, LIBC, python()]).startswith("chosen")


@pytest.mark.parametrize("name", GOOD)
def test_a_marker_that_is_not_reported_is_not_taken_from_here(name: str) -> None:
    less = {key: value for key, value in GOOD.items() if key != name}
    record = ("python", "/usr/bin/python3", json.dumps(less))
    assert "no Python" in choice([SYSTEM, LIBC, record])


@pytest.mark.parametrize(
    "markers",
    [
        {"python_version": "3.999999999"},
        {"python_version": "999999999.9"},
        {"python_version": "3.11" + "1" * 30},
        {"python_full_version": "3.11." + "9" * 5000},
        {"python_full_version": "3.11.2" + "a" * 100_000_0},
        {"platform_release": "9" * 5000},
        {"python_version": 3},
        {f"python_{number}": "x" * 200 for number in range(1000)},
    ],
    ids=["minor", "major", "long", "digits", "letters", "release", "number", "many"],
)
def test_a_python_that_cannot_be_is_not_taken(markers: dict[str, object]) -> None:
    assert "no Python" in choice([SYSTEM, LIBC, python(**markers)])


@pytest.mark.parametrize("version", ["2.9999", "2.999999999", "9999.36", "2.36" * 50])
@pytest.mark.parametrize("libc", ["glibc", "musl"])
def test_a_libc_that_cannot_be_is_not_taken(libc: str, version: str) -> None:
    said = choice([SYSTEM, ("libc", libc, version), python()])
    assert "neither uv nor wheels can be sent" in said
    assert len(said) < 500


def test_of_each_kind_so_many_are_taken() -> None:
    flood = [
        *(("held", f"{number}.whl", "1") for number in range(100_000)),
        *(("uv", f"/{number}", "uv 0.1.0") for number in range(100_000)),
        *(python() for _ in range(50_000)),
        ("uv", "/x", "uv " + "9" * 5000 + ".1"),
        ("held", "x" * 1000, "1"),
    ]
    said = choice([SYSTEM, LIBC, *flood])
    assert said.startswith("chosen")
    assert int(said.split()[2]) <= 5000
