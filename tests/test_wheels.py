"""Which wheels fit a remote: the choice alone, with no remote."""

from __future__ import annotations

from typing import Any

import pytest
from packaging.pylock import Pylock

from remote_lab.env import wheels

MARKERS = {"python_version": "3.11", "python_full_version": "3.11.7"}
URL = "https://files.example.org/"


def wheel(name: str) -> dict[str, Any]:
    return {"url": f"{URL}{name}.whl", "hashes": {"sha256": "0"}}


def lock(*packages: dict[str, Any]) -> Pylock:
    about = {"lock-version": "1.0", "created-by": "uv"}
    return Pylock.from_dict({**about, "packages": list(packages)})


@pytest.mark.parametrize(
    ("platform", "best"),
    [
        (("x86_64", "glibc", "2.36"), "demo-1-cp311-cp311-manylinux_2_28_x86_64.whl"),
        (("x86_64", "glibc", "2.17"), "demo-1-cp311-cp311-manylinux2014_x86_64.whl"),
        (("x86_64", "musl", "1.2.3"), "demo-1-cp39-abi3-musllinux_1_1_x86_64.whl"),
        (("aarch64", "glibc", "2.31"), "demo-1-py3-none-any.whl"),
    ],
)
def test_the_best_wheel_for_a_platform(
    platform: tuple[str, str, str], best: str
) -> None:
    files = [
        "demo-1-py3-none-any.whl",
        "demo-1-cp311-cp311-manylinux2014_x86_64.whl",
        "demo-1-cp311-cp311-manylinux_2_28_x86_64.whl",
        "demo-1-cp312-cp312-manylinux_2_28_aarch64.whl",
        "demo-1-cp39-abi3-musllinux_1_1_x86_64.whl",
    ]
    offered = [{"url": URL + file, "hashes": {"sha256": "0"}} for file in files]
    chosen, without = wheels.choose(
        lock({"name": "demo", "version": "1", "wheels": offered}),
        wheels.Platform(*platform),
        wheels.Python("python3", MARKERS),
    )
    assert ([wheel.file for wheel in chosen], without) == ([best], [])


def test_markers_are_those_of_the_remote() -> None:
    packages = [
        {"name": name, "marker": marker, "wheels": [wheel(f"{name}-1-py3-none-any")]}
        for name, marker in (
            ("new", "python_full_version >= '3.11.7'"),
            ("old", "python_full_version < '3.11.7'"),
            ("far", "platform_release == '5.15-remote'"),
        )
    ]
    chosen, _ = wheels.choose(
        lock(*packages),
        wheels.Platform("x86_64", "glibc", "2.36"),
        wheels.Python("python3", {**MARKERS, "platform_release": "5.15-remote"}),
    )
    assert [wheel.requirement for wheel in chosen] == ["new==1", "far==1"]


def test_all_that_have_no_wheel_are_named() -> None:
    sdist = {"url": f"{URL}a-1.tar.gz", "hashes": {"sha256": "0"}}
    only = "cp312-cp312-manylinux_2_28_aarch64"
    packages: list[dict[str, Any]] = [
        {"name": "a", "version": "1", "sdist": sdist},
        {"name": "b", "version": "1", "wheels": [wheel(f"b-1-{only}")]},
        {"name": "c", "vcs": {"type": "git", "url": "https://a/b", "commit-id": "0"}},
        {"name": "d", "archive": wheel(f"d-1-{only}")},
        {"name": "e", "archive": wheel("e-1-py3-none-any")},
    ]
    chosen, without = wheels.choose(
        lock(*packages),
        wheels.Platform("x86_64", "glibc", "2.36"),
        wheels.Python("python3", MARKERS),
    )
    assert [wheel.requirement for wheel in chosen] == ["e==1"]
    assert without == [
        "a 1 (source only)",
        "b 1 (no wheel that fits)",
        "c (not from an index)",
        "d (no wheel that fits)",
    ]


def test_a_version_with_a_plus_in_its_address() -> None:
    url = f"{URL}demo-1%2Bcpu-py3-none-any.whl"
    package = {"name": "demo", "wheels": [{"url": url, "hashes": {"sha256": "0"}}]}
    chosen, _ = wheels.choose(
        lock(package),
        wheels.Platform("x86_64", "glibc", "2.36"),
        wheels.Python("python3", MARKERS),
    )
    assert chosen[0].requirement == "demo==1+cpu"
    assert chosen[0].file == "demo-1+cpu-py3-none-any.whl"
