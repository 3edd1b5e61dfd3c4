"""Story 8: port mode, with two projects of one account and two accounts on a server."""

from __future__ import annotations

import json
from typing import Any

import pytest
from browser import Browser
from cast import Person, Stage

pytestmark = [
    pytest.mark.xdist_group("stories-2"),
    pytest.mark.timeout(600),
    pytest.mark.needs("chromium"),
]

PORT = 9089
MODE: dict[str, Any] = {"lab_listen": "port", "lab_remote_port": PORT}


def test_port_mode(stage: Stage, browser: Browser) -> None:
    ada = stage.person("Ada Lovelace")
    ada.starts_project(**MODE)
    first = ada.url()
    before = lab_pid(ada)

    # Her second project: its lab's port is taken by her first.
    iris = ada.another_project("iris")
    said = iris.starts_project(**MODE)
    taken(iris, said, f"the lab of titanic (account {ada.account.name})")
    said = iris.advised(said, "lab start --port")
    port(iris, said)

    # A teammate's account; Linux does not tell her which program it is.
    grace = stage.person("Grace Hopper")
    said = grace.clones_project(f"--user {grace.account.name}", code=1)
    taken(grace, said, f"the account {ada.account.name}")
    said = grace.advised(said, "lab start --port")
    port(grace, said)
    assert len({port(person, said) for person in (ada, iris, grace)}) == 3

    # Each browser is on the lab that it was opened for, and its tab says so.
    assert lab_pid(ada) == before
    assert ada.url() == first
    for person in (ada, iris, grace):
        lab = browser.open_lab(person.url())
        title = f"{person.slug}@box"
        lab.page.wait_for_function(f"document.title.includes('{title}')")
        lab.new_notebook()
        place = f"'/home/{person.account.name}/{person.slug}/notebooks'"
        assert lab.run_cell("import os; os.getcwd()") == place
        lab.screenshot(f"story-8-{person.account.name[:3]}-{person.slug}")

    # It lasts: over a restart that is not refused, and a push with nothing new.
    iris.remote("lab restart --yes")
    assert "nothing to do" in iris.remote("push")
    assert iris.url()
    ada.remote("lab stop --yes")
    ada.remote("open --no-browser")


def taken(person: Person, said: str, by: str) -> None:
    """The port is reported as taken, by whom; the other lab counts as none."""
    text = (
        f"Port {PORT} on {person.slug}, where the lab should listen, is taken by {by}."
    )
    assert text in said, said
    (row,) = json.loads(person.remote("status --json"))
    assert row["lab"] == "stopped"
    assert text in row["error"]
    for words in ("open --no-browser", "lab start", "push"):
        assert text in person.remote(words, code=1)
    assert text in person.remote("doctor", code=1)


def port(person: Person, said: str) -> int:
    """Where the lab listens by now; status agrees that it runs."""
    address = person.account.sh(f"cat .local/state/remote-lab/{person.slug}/lab.addr")
    told = dict(line.split("=", 1) for line in address.stdout.splitlines())
    (row,) = json.loads(person.remote("status --json"))
    assert (row["lab"], row["error"]) == ("running", None), said
    return int(told["port"])


def lab_pid(person: Person) -> str:
    """The lab's process."""
    line = f"sed -n s/^pid=//p .local/state/remote-lab/{person.slug}/lab.addr"
    return person.account.sh(line).stdout.strip()
