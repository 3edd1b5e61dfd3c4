"""The fixtures of the tests of pairs."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
from needs import require
from pairing import Repo
from pairing_door import Door


@pytest.fixture(scope="session")
def door() -> Iterator[Door]:
    """The program, loaded once."""
    require("git")
    with tempfile.TemporaryDirectory(prefix="door-") as folder, Door(Path(folder)) as d:
        yield d


@pytest.fixture(scope="session")
def repositories(
    door: Door, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Repo]:
    """A project by its mode, made at first use: to be copied, never changed."""

    @cache
    def made(mode: str) -> Repo:
        return Repo.made(tmp_path_factory.mktemp(mode) / "titanic", mode, door)

    return made


@pytest.fixture
def repo(
    request: pytest.FixtureRequest,
    repositories: Callable[[str], Repo],
    tmp_path: Path,
) -> Repo:
    """A project of a test's own, in the mode that it asks for."""
    return repositories(getattr(request, "param", "scripts")).copy(tmp_path)
