"""Fixtures that boot what tests need, and logs where a test fails."""

from __future__ import annotations

import datetime
import itertools
import os
from collections.abc import Callable, Generator, Iterator
from typing import TYPE_CHECKING

import pytest
from box import Account, Box
from effort import FULL
from image import sweep_cache
from laptop import Laptop
from loopback import Loopback
from needs import require

if TYPE_CHECKING:  # Playwright may be missing: see `needs`
    from browser import Browser
    from playwright.sync_api import Playwright

pytest_plugins = ["cast", "env_lab", "live", "odd", "pairing_fixtures"]

BOX_NEEDS = ("root", "systemd-nspawn", "mmdebstrap", "ip", "nsenter", "ssh-keygen")
_numbers = itertools.count(1)


def pytest_configure(config: pytest.Config) -> None:
    """Make the markers known; and the day's choice of cases, which workers inherit."""
    config.addinivalue_line("markers", "needs(*names): see tests/needs.py")
    config.addinivalue_line(
        "markers", "attack: runs in `make attack`, with more rounds"
    )
    os.environ.setdefault("REMOTE_LAB_SEED", datetime.date.today().isoformat())


def pytest_unconfigure(config: pytest.Config) -> None:
    """Keep the cache small, once the workers have ended."""
    if not hasattr(config, "workerinput"):
        sweep_cache()


def pytest_report_header() -> str:
    """Name the choice, so that a failure can be repeated."""
    size = "full" if FULL else "daily"
    return f"attacks: {size}, REMOTE_LAB_SEED={os.environ['REMOTE_LAB_SEED']}"


def pytest_xdist_auto_num_workers() -> int:
    """Half of the time, a test waits for a remote: two workers share a core."""
    return min(8, 2 * (os.cpu_count() or 1))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the attacks: tests/attacks, and each file with a test that counts rounds."""
    counting = {
        item.path for item in items if "counted" in getattr(item, "fixturenames", ())
    }
    for item in items:
        if item.path in counting or item.path.parent.name == "attacks":
            item.add_marker("attack")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip, or fail, what the machine cannot run."""
    for marker in item.iter_markers("needs"):
        require(*marker.args)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Attach the logs of what a failed test used: the box's journal and the like."""
    report = yield
    if report.failed and report.when == "call":
        used = getattr(item, "funcargs", {})
        for name, value in used.items():
            if hasattr(value, "logs"):
                report.sections.append((f"logs of {name}", value.logs()))
    return report


@pytest.fixture
def counted(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Tell how much a test attacked: counted("301 cuts of 7012 bytes")."""
    return lambda text: record_property("attack", text)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say at the end what `counted` was told, so that the figures can be quoted."""
    told = [
        f"{report.nodeid.split('/')[-1]}: {text}"
        for report in terminalreporter.stats.get("passed", [])
        for name, text in report.user_properties
        if name == "attack"
    ]
    if told:
        terminalreporter.section("what was attacked, and held")
        for line in sorted(told):
            terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def box() -> Iterator[Box]:
    """One box for all tests; have an account of your own on it: `fresh_user`."""
    require(*BOX_NEEDS)
    with Box() as box:
        yield box


@pytest.fixture
def own_box() -> Iterator[Box]:
    """A box for one test alone, which may reboot it or break it."""
    require(*BOX_NEEDS)
    with Box() as box:
        yield box


@pytest.fixture
def fresh_user(box: Box, laptop: Laptop) -> Iterator[Account]:
    """An account on the box that nobody had before; the laptop's key opens it."""
    account = box.add_user(f"user{next(_numbers)}", laptop.key)
    yield account
    box.remove_user(account)


@pytest.fixture
def laptop() -> Iterator[Laptop]:
    """A laptop with a fresh home."""
    require("nss_wrapper", "ssh", "git")
    with Laptop() as laptop:
        yield laptop


@pytest.fixture
def loopback(laptop: Laptop) -> Iterator[Loopback]:
    """An sshd on this machine that the laptop's key opens."""
    require("nss_wrapper", "sshd")
    with Loopback(laptop.key) as loopback:
        yield loopback


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    """What drives browsers."""
    require("playwright", "chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture
def browser(playwright: Playwright) -> Iterator[Browser]:
    """A browser with a fresh profile."""
    from browser import Browser

    with Browser(playwright) as browser:
        yield browser
