"""Which wheels fit a remote: the choice alone, with no remote."""

from __future__ import annotations

import pytest

from remote_lab.env import wheels

MARKERS = {"python_version": "3.11", "python_full_version": "3.11.7"}
URL = "https://files.example.org/"


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
        {"packages": [{"name": "demo", "version": "1", "wheels": offered}]},
        wheels.Platform(*platform),
        wheels.Python("python3", MARKERS),
    )
    assert ([wheel.file for wheel in chosen], without) == ([best], [])


def test_markers_are_those_of_the_remote() -> None:
    here = {"url": f"{URL}demo-1-py3-none-any.whl", "hashes": {"sha256": "0"}}
    packages = [
        {"name": "new", "marker": "python_full_version >= '3.11.7'", "wheels": [here]},
        {"name": "old", "marker": "python_full_version < '3.11.7'", "wheels": [here]},
    ]
    chosen, _ = wheels.choose(
        {"packages": packages},
        wheels.Platform("x86_64", "glibc", "2.36"),
        wheels.Python("python3", MARKERS),
    )
    assert [wheel.requirement for wheel in chosen] == ["new==1"]


def test_a_version_with_a_plus_in_its_address() -> None:
    url = f"{URL}demo-1%2Bcpu-py3-none-any.whl"
    package = {"name": "demo", "wheels": [{"url": url, "hashes": {"sha256": "0"}}]}
    chosen, _ = wheels.choose(
        {"packages": [package]},
        wheels.Platform("x86_64", "glibc", "2.36"),
        wheels.Python("python3", MARKERS),
    )
    assert chosen[0].requirement == "demo==1+cpu"
    assert chosen[0].file == "demo-1+cpu-py3-none-any.whl"
