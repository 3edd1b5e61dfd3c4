"""A uv that is not what the lock file names never gets to a remote."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path
from typing import Any

import pytest
from env_lab import Lab

from remote_lab.env import wheels
from remote_lab.errors import Problem

pytestmark = pytest.mark.needs("uv", "git", "unshare", "network")
FILE = "uv-0.13.0-py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64.whl"
HERE = wheels.Platform("x86_64", "glibc", "2.36")


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that plays the index, and a laptop that has fetched nothing yet."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    served = tmp_path / "index"
    served.mkdir()
    return served


def serve(index: Path, program: bytes) -> str:
    """Have the index give a uv; its sha256."""
    with zipfile.ZipFile(index / FILE, "w") as wheel:
        wheel.writestr("uv-0.13.0.data/scripts/uv", program)
        wheel.writestr("uv-0.13.0.dist-info/WHEEL", "Wheel-Version: 1.0\n")
        metadata = "Metadata-Version: 2.1\nName: uv\nVersion: 0.13.0\n"
        wheel.writestr("uv-0.13.0.dist-info/METADATA", metadata)
    return hashlib.sha256((index / FILE).read_bytes()).hexdigest()


def locked(index: Path, sha256: str) -> dict[str, Any]:
    entry = {"url": f"file://{index / FILE}", "hash": sha256 and f"sha256:{sha256}"}
    return {"package": [{"name": "uv", "version": "0.13.0", "wheels": [entry]}]}


def test_what_was_changed_in_the_cache_is_fetched_again(index: Path) -> None:
    lock = locked(index, serve(index, b"good"))
    assert wheels.fetch_uv(lock, HERE, "") == b"good"
    kept = wheels.cache() / FILE
    whole = kept.read_bytes()
    kept.write_bytes(whole.replace(b"good", b"evil"))
    assert wheels.fetch_uv(lock, HERE, "") == b"good"
    assert kept.read_bytes() == whole


def test_an_archive_without_a_hash_is_not_used(index: Path) -> None:
    old = wheels.cache() / "uv-0.13.0-glibc-2.36-x86_64.gz"
    old.parent.mkdir(parents=True)
    old.write_bytes(b"evil")
    assert wheels.fetch_uv(locked(index, serve(index, b"good")), HERE, "") == b"good"
    assert not old.exists()


def test_what_the_index_gives_instead_is_refused(index: Path) -> None:
    lock = locked(index, serve(index, b"good"))
    serve(index, b"evil")
    with pytest.raises(Problem, match=r"(?i)could not fetch.*hash"):
        wheels.fetch_uv(lock, HERE, "")
    assert not list(wheels.cache().glob("*.whl"))


def test_without_a_hash_none_is_brought(index: Path) -> None:
    serve(index, b"good")
    nothing: dict[str, Any] = {"package": []}
    for lock in (locked(index, ""), nothing):
        with pytest.raises(Problem, match="names no uv") as caught:
            wheels.fetch_uv(lock, HERE, "")
        assert "uv add --group bootstrap" in caught.value.todo


def test_what_arrives_damaged_is_not_made_executable(
    bare: Lab,
) -> None:
    bare.tool("gzip", 'if [ "$1" = -dc ]; then echo evil; else exec /bin/gzip "$@"; fi')
    with pytest.raises(Problem):
        bare.build()
    assert not (bare.home / ".local/share/demo-lab/bin/uv").exists()
