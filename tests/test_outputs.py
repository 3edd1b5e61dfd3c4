"""Outputs outlive the browser: a real one, on the lab of the box, with pairs on."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from browser import Browser, Lab
from live import Live
from playwright.sync_api import Playwright, expect
from process import wait_until

pytestmark = [pytest.mark.xdist_group("box"), pytest.mark.timeout(300)]

CELL = """\
import sys
from pathlib import Path
from time import sleep
from IPython.display import HTML, clear_output, display
import pandas as pd

def wait_for(word):
    while not Path(word).exists():
        sleep(0.05)

print("begun")
wait_for("cut")
print("mended")
wait_for("closed")
"""
# Outputs of each kind, as a page treats them: cleared, changed, overwritten, failed.
KINDS = """\
print("to be cleared", flush=True)
clear_output(wait=True)
shown = display(HTML("<i>first</i>"), display_id="shown")
print("a", end="")
print("b", flush=True)
shown.update(HTML("<i>changed</i>"))
display(pd.DataFrame({"age": [38]}))
for percent in (0, 50, 100):
    print(f"\\r{percent}%", end="", file=sys.stderr, flush=True)
    sleep(0.3)
Path("ended").touch()
1 / 0
"""


@pytest.fixture
def notebook(live: Live) -> Iterator[None]:
    """A notebook with an empty cell, notebooks/long.ipynb; it leaves no trace."""
    cell: dict[str, object] = {"cell_type": "code", "id": "first", "source": ""}
    cell |= {"metadata": {}, "outputs": [], "execution_count": None}
    spec = {"name": "titanic", "display_name": "titanic", "language": "python"}
    book = {"cells": [cell], "metadata": {"kernelspec": spec}}
    text = json.dumps({**book, "nbformat": 4, "nbformat_minor": 5})
    live.account.sh(f"cat >titanic/notebooks/long.ipynb <<'END'\n{text}\nEND")
    yield
    live.account.sh("cd titanic/notebooks; rm -f cut closed ended long.*")


def pair(live: Live) -> str:
    """What is on the remote's disk."""
    return live.account.sh("cat titanic/notebooks/long.*").stdout


def save(live: Live, lab: Lab, word: str) -> None:
    """Save the notebook, and wait until the page knows: it asks for a checkpoint."""
    with lab.page.expect_response(
        lambda answer: answer.request.method == "POST" and "/checkpoints" in answer.url
    ) as told:
        lab.page.keyboard.press("Control+s")
    assert told.value.ok
    assert word in live.account.sh("cat titanic/notebooks/long.py").stdout


@pytest.mark.usefixtures("notebook")
def test_a_long_cell_outlives_the_line_and_the_browser(
    live: Live, playwright: Playwright
) -> None:
    with Browser(playwright) as browser:
        lab = browser.open_lab(live.url())
        lab.open_notebook("notebooks/long.ipynb")
        cell = lab.notebook.locator(".jp-CodeCell").first
        cell.locator(".cm-content").click()
        lab.page.keyboard.insert_text(CELL + KINDS)
        lab.page.keyboard.press("Shift+Enter")
        expect(lab.outputs(cell)).to_have_text("begun\n", timeout=60_000)
        live.project.remote("tunnel", "down")
        live.account.sh("touch titanic/notebooks/cut")
        live.project.remote("tunnel", "up")
        # The page is still open: JupyterLab itself takes up what it has missed.
        expect(lab.outputs(cell)).to_have_text("begun\nmended\n", timeout=60_000)
        save(live, lab, "1 / 0")
    before = pair(live)

    with Browser(playwright) as browser:
        # Its kernel is busy, and answers nobody: `open_notebook` would wait.
        url = live.url().replace("/lab?", "/lab/tree/notebooks/long.ipynb?reset&")
        lab = Lab(browser.open(url))
        cells = lab.notebook.locator(".jp-CodeCell")
        expect(lab.outputs(cells.first)).to_have_text("begun\nmended\n")
        live.account.sh("touch titanic/notebooks/closed")
        ended = "test -e titanic/notebooks/ended"
        wait_until(
            lambda: not live.account.sh(ended, check=False).returncode, "its end"
        )
        assert pair(live) == before  # nobody but the page writes

        # What is typed and saved meanwhile stays, and so does what was not seen yet.
        cells.nth(1).locator(".cm-content").click()
        lab.page.keyboard.insert_text("typed = 'meanwhile'")
        save(live, lab, "meanwhile")
        lab.page.locator(".lm-MenuBar-itemLabel", has_text="File").click()
        lab.page.locator(".lm-Menu-item[data-command='docmanager:reload']").click()
        expect(lab.outputs(cells.first).last).to_contain_text("ZeroDivisionError")
        expect(cells.first.locator(".jp-InputPrompt")).to_have_text("[1]:")
        shown = [text.strip() for text in lab.outputs(cells.first).all_inner_texts()]
        table, error = shown.pop(2), shown.pop()
        assert shown == ["changed", "ab", "100%"]
        assert "38" in table
        assert "ZeroDivisionError" in error
        expect(cells.nth(1)).to_contain_text("typed = 'meanwhile'")
        lab.screenshot("outputs-kept")
        assert lab.run_cell("\n6 * 7") == "42"  # the kernel is the same, and free
        save(live, lab, "6 * 7")
    assert "<i>changed</i>" in pair(live)
