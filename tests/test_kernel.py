"""The project's kernel on the box: one, by its name, which takes up what is edited."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator

import pytest
from browser import Browser
from live import Live
from playwright.sync_api import expect

pytestmark = [pytest.mark.xdist_group("box"), pytest.mark.timeout(300)]

OTHERS = ".local/share/jupyter/kernels"
# Another Python than the environment's, which borrows its packages.
OTHER = {
    "argv": ["/usr/bin/python3", "-m", "ipykernel_launcher", "-f", "{connection_file}"],
    "display_name": "Other",
    "language": "python",
}
RELOADS = "'IPython.extensions.autoreload' in get_ipython().extension_manager.loaded"


@pytest.fixture
def code(live: Live) -> Iterator[Callable[[str], None]]:
    """Writes src/titanic/work.py on the remote."""
    path = "titanic/src/titanic/work.py"
    yield lambda text: (live.account.sh(f"cat >{path} <<'END'\n{text}\nEND"), None)[1]
    live.account.sh(f"rm -f {path} titanic/notebooks/Untitled*")


@pytest.fixture
def other(live: Live) -> Iterator[str]:
    """The name of a kernel that the user has from elsewhere."""
    site = live.account.sh("echo ~/titanic/.venv/lib/python3*/site-packages").stdout
    spec = json.dumps({**OTHER, "env": {"PYTHONPATH": site.strip()}})
    place = f"{OTHERS}/elsewhere"
    live.account.sh(f"mkdir -p {place}; cat >{place}/kernel.json <<'END'\n{spec}\nEND")
    yield "elsewhere"
    live.account.sh(f"rm -r {place}; rmdir {OTHERS}")


def test_the_environments_kernel_is_there_once_and_comes_first(
    live: Live, other: str
) -> None:
    told = live.server().ask("kernelspecs")
    assert told["default"] == "titanic"
    names = {n: spec["spec"]["display_name"] for n, spec in told["kernelspecs"].items()}
    assert names == {"titanic": "titanic", other: "Other"}


def test_only_the_projects_kernels_reload_code(live: Live, other: str) -> None:
    server = live.server()
    with server.kernel() as kernel:
        prefix = kernel.run("import sys; print(sys.prefix)")
        assert prefix == f"{live.account.home}/titanic/.venv\n"
        assert kernel.run(RELOADS) == "True"
    with server.kernel(other) as kernel:
        assert kernel.run("import sys; print(sys.prefix)") == "/usr\n"
        assert kernel.run(RELOADS) == "False"
    # What the kernels have in the home, they have made themselves.
    found = live.account.sh("find ~/.ipython ~/.jupyter -name '*config*'", check=False)
    assert found.stdout == ""


def test_edited_code_runs_with_no_magic_typed(
    live: Live, browser: Browser, code: Callable[[str], None]
) -> None:
    code("def answer():\n    return 'one'")
    lab = browser.open_lab(live.url())
    lab.new_notebook()
    name = lab.notebook.locator(".jp-Toolbar-kernelName")
    expect(name).to_have_text("titanic")
    assert lab.run_cell("from titanic.work import answer\nanswer()") == "'one'"

    cell = lab.notebook.locator(".jp-CodeCell").first

    def again(expected: str | re.Pattern[str]) -> None:
        cell.locator(".cm-content").click()
        lab.page.keyboard.press("Shift+Enter")
        expect(lab.outputs(cell).last).to_have_text(expected)

    code("def answer():\n    return 'two, edited'")
    again("'two, edited'")
    code("def answer(:")
    again("'two, edited'")
    expect(lab.outputs(cell).first).to_contain_text("SyntaxError")
    code("def answer():\n    return 'three, mended'")
    again("'three, mended'")
    lab.screenshot("autoreload")

    # One from elsewhere gets it too, unasked.
    spec = {"name": "python3", "display_name": "Python 3 (ipykernel)"}
    book = {
        "cells": [],
        "metadata": {"kernelspec": spec, "language_info": {"name": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    path = "notebooks/Untitled-foreign.ipynb"
    live.account.sh(f"cat >titanic/{path} <<'END'\n{json.dumps(book)}\nEND")
    lab.open_notebook(path)
    expect(name).to_have_text("titanic")
