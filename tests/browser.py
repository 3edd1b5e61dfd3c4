"""A browser on JupyterLab: Debian's Chromium, driven by Playwright.

with Browser() as browser:
    lab = browser.open_lab(url)
    lab.new_notebook()
    assert lab.run_cell("6 * 7") == "42"
    lab.screenshot("answer")
"""

from __future__ import annotations

import json
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self
from urllib.parse import quote, urljoin

from playwright.sync_api import Locator, Page, Playwright, WebSocket, expect

ARTEFACTS = Path(__file__).parent / "artefacts"

# A browser that speaks to the page alone: no first-run pages, no updates.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


class Lab:
    """A page on which JupyterLab is up."""

    def __init__(self, page: Page) -> None:
        """Wait until the lab on *page* can be used.

        Args:
            page: The page, on its way to a lab.

        Raises:
            AssertionError: It never came up; a login page, for instance.
        """
        self.page = page
        self._asked = self._answered = 0  # see _kernel_answers
        page.on("websocket", self._watch)
        self._wait_for_lab()

    @property
    def notebook(self) -> Locator:
        """The notebook in front."""
        return self.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")

    def new_notebook(self) -> None:
        """Open a notebook with the launcher's first kernel, and wait for the kernel."""
        card = self.page.locator(
            ".jp-Launcher:not(.lm-mod-hidden) "
            ".jp-LauncherCard[data-category='Notebook']"
        ).first
        # The lab restores the tabs of last time: a launcher may not be among them.
        self.page.locator(".lm-MenuBar-itemLabel", has_text="File").click()
        self.page.locator(".lm-Menu-item[data-command='launcher:create']").click()
        with self._kernel_answers():
            card.click(timeout=30_000)

    def open_notebook(self, path: str) -> None:
        """Open the notebook at *path* below the lab's root, and wait for its kernel.

        All other tabs are closed: one restored after it would come to the front.
        """
        config = self.page.locator("#jupyter-config-data").text_content()
        app = json.loads(config or "{}")["fullAppUrl"]
        with self._kernel_answers():
            self.page.goto(urljoin(self.page.url, f"{app}/tree/{quote(path)}?reset"))
            self._wait_for_lab()

    def run_cell(self, code: str, timeout: float = 60) -> str:
        """Put *code* into the last cell, run it and wait for its end.

        Args:
            code: Lines of Python.
            timeout: Seconds that the cell may take.

        Returns:
            The text of the cell's outputs, as the page shows it.
        """
        cells = self.notebook.locator(".jp-Notebook .jp-CodeCell")
        cell = cells.nth(cells.count() - 1)
        cell.locator(".cm-content").click()
        # In one piece: typed by key, brackets close and lines indent themselves.
        self.page.keyboard.insert_text(code)
        self.page.keyboard.press("Shift+Enter")
        number = cell.locator(".jp-InputPrompt")
        expect(number).to_have_text(re.compile(r"\[\d+\]"), timeout=timeout * 1000)
        return "\n".join(self.outputs(cell).all_inner_texts()).strip()

    def outputs(self, cell: Locator) -> Locator:
        """Return the outputs of *cell*, to look at more than their text."""
        return cell.locator(".jp-OutputArea-output")

    def screenshot(self, name: str) -> Path:
        """Save what the page shows as NAME.png in tests/artefacts, and return that."""
        file = ARTEFACTS / f"{name}.png"
        self.page.screenshot(path=file)
        return file

    def _wait_for_lab(self) -> None:
        panel = self.page.locator("#jp-main-dock-panel")
        expect(panel).to_be_visible(timeout=60_000)
        expect(self.page.locator("#jupyterlab-splash")).to_have_count(0, timeout=60_000)

    @contextmanager
    def _kernel_answers(self) -> Iterator[None]:
        """Do what opens a notebook, then wait until its kernel can take a cell.

        What the page shows is no help. A fresh notebook's toolbar says "idle",
        the status bar what the notebook before it was, and a cell that is run
        before the kernel is connected is lost without a word.
        """
        self._asked += 1
        yield
        deadline = time.monotonic() + 60
        while self._answered < self._asked:
            assert time.monotonic() < deadline, "no kernel answers"
            self.page.wait_for_timeout(50)  # lets the events in
        expect(self.notebook).to_be_visible(timeout=30_000)

    def _watch(self, connection: WebSocket) -> None:
        # A connection that was opened before does not answer for this one.
        asked = self._asked

        def look(frame: bytes | str) -> None:
            data = frame.encode() if isinstance(frame, str) else frame
            if b'"kernel_info_reply"' in data:
                self._answered = asked

        if "/api/kernels/" in connection.url:
            connection.on("framereceived", look)


class Browser:
    """A browser with a fresh profile, gone with it."""

    def __init__(self, playwright: Playwright) -> None:
        """Start it.

        Args:
            playwright: What drives it; a process can have only one.
        """
        self._profile = tempfile.mkdtemp(prefix="browser-")
        self._context = playwright.chromium.launch_persistent_context(
            self._profile,
            executable_path=shutil.which("chromium"),
            headless=True,
            args=FLAGS,
            # As on a screen: what can be scrolled shows it.
            ignore_default_args=["--hide-scrollbars"],
            viewport={"width": 1280, "height": 900},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def open(self, url: str) -> Page:
        """Open *url* in a new tab."""
        page = self._context.new_page()
        page.goto(url)
        return page

    def open_lab(self, url: str) -> Lab:
        """Open the JupyterLab at *url*, token and all, and wait until it is up.

        Raises:
            AssertionError: There is none.
        """
        return Lab(self.open(url))

    def logs(self) -> str:
        """Save what each tab shows in tests/artefacts, and tell where it is."""
        shown = []
        for number, page in enumerate(self._context.pages):
            file = ARTEFACTS / f"failure-{number}.png"
            page.screenshot(path=file)
            shown.append(f"{page.url}: {file}")
        return "\n".join(shown)

    def close(self) -> None:
        """Close all tabs and forget the profile."""
        self._context.close()
        shutil.rmtree(self._profile)
