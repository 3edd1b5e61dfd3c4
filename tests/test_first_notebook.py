"""notebooks/00-start and side_by_side: as files, and in the real lab on the box."""

from __future__ import annotations

import json
import math
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest
from browser import ARTEFACTS, Browser, Lab
from jupytext.cli import jupytext
from live import Live
from playwright.sync_api import Locator, expect
from process import wait_until
from render import render, snapshot

Test = TypeVar("Test", bound=Callable[..., None])
FAILED = "[data-mime-type$=stderr], [data-mime-type$=error]"
EXAMPLE = "titanic/src/titanic/example.py"

FRAMES = """\
import pandas as pd

from titanic.display import side_by_side

people = pd.DataFrame(
    {
        "class": ["first", "third", "first", "second", "third", "second"],
        "sex": ["woman", "man", "man", "woman", "woman", "man"],
        "age": [38, 22, 54, 14, 27, 35],
        "fare": [71.3, 7.2, 51.9, 30.1, 11.1, 26.0],
    }
)
by_class, by_sex = (
    people.groupby(kind).mean(numeric_only=True).round(2) for kind in ("class", "sex")
)
wide = pd.DataFrame({f"deck_{deck}": range(5, 105) for deck in "ABCDEFGHIJ"})
bars = by_class.style.format(precision=2).bar(subset="fare", color="#5a9bd5aa", vmin=0)\
"""
SHOWN = """\
side_by_side(
    people, by_class, by_sex, wide, bars, people.age, max_rows=6,
    titles=["People", "By class", "By sex", "Cabins <A to J>", "Styled", "A series"],
)\
"""


# --- The files ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return snapshot(tmp_path_factory.mktemp("template"))


@pytest.mark.parametrize(
    ("slug", "answers", "said"),
    [
        ("titanic", {}, "Commit the script."),
        ("no", {"notebooks_in_git": "both", "environment": "conda"}, "secrets"),
        ("a-b", {"notebooks_in_git": "both-stripped"}, "leaves its outputs behind"),
    ],
)
def test_jupytext_writes_the_script_as_it_is(
    template: Path, tmp_path: Path, slug: str, answers: dict[str, str], said: str
) -> None:
    project = render(template, tmp_path / "p", project_slug=slug, **answers)
    script, notebook = (
        project / f"notebooks/00-start.{end}" for end in ("py", "ipynb")
    )
    text = script.read_text()
    assert said in text
    jupytext(["--quiet", "--sync", str(script)])
    script.unlink()
    jupytext(["--quiet", "--sync", str(notebook)])
    assert script.read_text() == text
    named = json.loads(notebook.read_text())["metadata"]["kernelspec"]
    assert named == {"display_name": slug, "language": "python", "name": slug}


@pytest.mark.needs("uv", "network")
def test_it_runs_with_the_projects_packages_alone(
    template: Path, tmp_path: Path
) -> None:
    project = render(template, tmp_path / "p", project_slug="titanic")
    uv = ("uv", "run", "-q", "--no-project", "--python", sys.executable)
    packages = ("--with", "pandas", "--with", "jinja2")  # jinja2 comes with JupyterLab
    done = subprocess.run(
        [*uv, *packages, "python", project / "notebooks/00-start.py"],
        env={**os.environ, "PYTHONPATH": str(project / "src")},
        cwd="/",
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout == "There is now results/tea.csv\n"
    written = (project / "results/tea.csv").read_text()
    assert written.splitlines()[:2] == ["tea,cups,pages", "black,2.5,8.0"]


# --- The lab --------------------------------------------------------------------------


def on_the_box(test: Test) -> Test:
    """Mark a test that looks at the lab on the box."""
    pytest.mark.timeout(300)(test)
    pytest.mark.xdist_group("box")(test)
    return test


@pytest.fixture
def lab(live: Live, browser: Browser) -> Iterator[Lab]:
    """The lab in a browser; what was done in it is taken back."""
    url, server = live.url(), live.server()
    lab = browser.open_lab(url)
    yield lab
    browser.open_lab(f"{url}&reset")  # with no tab of a notebook that is gone
    for session in server.ask("sessions"):
        if session["path"].startswith("notebooks/"):
            server.ask(f"sessions/{session['id']}", method="DELETE")
    live.account.sh(
        "cd titanic && git checkout -q . && rm -f results/tea.csv notebooks/Untitled*"
    )


def run_all(lab: Lab) -> None:
    """Run each cell of the notebook in front, and wait for the last."""
    lab.page.locator(".lm-MenuBar-itemLabel", has_text="Run").click()
    lab.page.locator(".lm-Menu-item[data-command='runmenu:run-all']").click()
    prompts = lab.notebook.locator(".jp-CodeCell .jp-InputPrompt")
    expect(prompts.last).to_have_text(re.compile(r"\[\d+\]"), timeout=60_000)


@on_the_box
def test_the_first_notebook_does_what_it_says(live: Live, lab: Lab) -> None:
    lab.open_notebook("notebooks/00-start.ipynb")
    run_all(lab)
    cells = lab.notebook.locator(".jp-CodeCell")
    by_kind, beside = lab.outputs(cells.nth(1)), lab.outputs(cells.nth(2))
    expect(by_kind).to_contain_text("2.5")
    expect(beside.locator("strong")).to_have_text(
        ["Every day", "By kind of tea", "The best in bold"]
    )
    expect(lab.outputs(cells.last)).to_have_text("There is now results/tea.csv\n")
    expect(lab.notebook.locator(FAILED)).to_have_count(0)
    lab.screenshot("first-notebook")

    # What it asks for: the function is edited, and the cells run again.
    live.account.sh(f"sed -i s/mean/max/ {EXAMPLE}")
    run_all(lab)
    expect(by_kind).not_to_contain_text("2.5")
    expect(by_kind).to_contain_text("12")

    # The pair: the notebook is saved, and its script is still the one in git.
    lab.page.keyboard.press("Control+s")
    written = "grep -q 'There is now' titanic/notebooks/00-start.ipynb"
    wait_until(
        lambda: live.account.sh(written, check=False).returncode == 0, "it to be saved"
    )
    live.account.sh("cd titanic && git checkout -q src")
    assert live.account.sh("cd titanic && git status --porcelain").stdout == ""


@on_the_box
def test_side_by_side_in_both_themes(lab: Lab) -> None:
    lab.new_notebook()
    lab.run_cell(FRAMES)
    shown = lab.run_cell(SHOWN)
    assert "100 rows \u00d7 10 columns" in shown
    assert "Cabins <A to J>" in shown
    cell = lab.notebook.locator(".jp-CodeCell").nth(1)
    output = lab.outputs(cell)
    try:
        for theme, name in (("Light", "side-by-side"), ("Dark", "side-by-side-dark")):
            set_theme(lab, theme)
            check_layout(output)
            check_contrast(output)
            cell.screenshot(path=ARTEFACTS / f"{name}.png")
    finally:
        set_theme(lab, "Light")


def set_theme(lab: Lab, theme: str) -> None:
    """Choose JupyterLab's light or dark theme from the menu."""
    lab.page.locator(".lm-MenuBar-itemLabel", has_text="Settings").click()
    lab.page.locator(".lm-Menu-itemLabel", has_text="Theme").first.hover()
    item = lab.page.locator(".lm-Menu-itemLabel", has_text=f"JupyterLab {theme}")
    item.first.click()
    light = "true" if theme == "Light" else "false"
    body = lab.page.locator(f"body[data-jp-theme-light={light}]")
    expect(body).to_have_count(1, timeout=10_000)
    expect(lab.page.locator("#jupyterlab-splash")).to_have_count(0)


def check_layout(output: Locator) -> None:
    """Two rows of three; one box scrolls, nothing else sticks out."""
    rows = output.evaluate("""output => {
            const page = output.querySelector("strong").closest("[data-mime-type]");
            const edge = page.getBoundingClientRect().right;
            return [...page.children].map(row => [...row.children].map(box => {
                const [title, content] = box.children, at = box.getBoundingClientRect();
                return {
                    title: title.innerText,
                    top: at.top,
                    left: at.left,
                    inside: at.right <= edge + 1
                        && content.getBoundingClientRect().right < at.right,
                    scrolls: content.scrollWidth > content.clientWidth,
                };
            }));
        }""")
    assert [len(row) for row in rows] == [3, 3]
    assert [box["title"] for row in rows for box in row if box["scrolls"]] == [
        "Cabins <A to J>"
    ]
    assert all(box["inside"] for row in rows for box in row)
    assert all(len({box["top"] for box in row}) == 1 for row in rows)
    assert [box["left"] for box in rows[0]] == [box["left"] for box in rows[1]]


def check_contrast(output: Locator) -> None:
    """A title's colour is far from what lies behind it, as WCAG's AA has it."""
    colours = output.locator("strong").first.evaluate("""title => {
            let behind = title;
            const back = at => getComputedStyle(at).backgroundColor;
            while (back(behind) == "rgba(0, 0, 0, 0)") behind = behind.parentElement;
            return [getComputedStyle(title).color, back(behind)];
        }""")
    light = sorted(map(luminance, colours))
    assert (light[1] + 0.05) / (light[0] + 0.05) >= 4.5, colours


def luminance(colour: str) -> float:
    """The relative luminance of a CSS colour, near enough."""
    channels = [float(part) / 255 for part in re.findall(r"[\d.]+", colour)[:3]]
    red, green, blue = (math.pow(channel, 2.2) for channel in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
