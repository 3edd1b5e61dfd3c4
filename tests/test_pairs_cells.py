"""Cells of every kind are kept, on whichever side they were typed."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable

import pytest
from pairing import MODES, NOTEBOOK, SCRIPT, Repo, cell_of, scenario

ODD = (
    ("code", "%matplotlib inline\n%time x = 1"),
    ("code", "!ls *.csv\nfiles = !ls"),
    ("code", "%%bash\nfor i in 1 2; do\n  echo $i\ndone"),
    ("code", "%%time\nx = 1"),
    ("code", "plot(x);"),
    ("code", "def broken(:\n  x ="),
    ("code", "  x = 1\n y = 2"),
    ("code", "x?"),
    ("markdown", "# Title\n\n- a\n- b\n\n```python\n# %%\nx = 1\n```"),
    ("code", 'x = """a\n\n\n\n# %% b"""'),
    ("code", ""),
    ("code", "x = 1\n\n\ny = 2"),
    ("code", "# only a comment"),
    ("code", "# !ls\n# %time x"),
    ("code", "await x\nasync with y as z:\n    pass"),
    ("markdown", '"""\nquotes\n"""'),
    ("code", 'x = "\t"'),
    ("code", 'größe = "日本 \U0001f600 \u202e"'),
    ("raw", "<b>as it is</b>"),
)
# What a script in percent format can't hold just so.
BEYOND = (
    ("raw", "<b>as it is</b>\n# %% not a cell"),
    ("code", 'größe = "日本 \U0001f600 \u202e \u2028"'),
    ("code", "# %% looks like a new cell\nx = 1"),
)


@scenario("Cells of odd kinds were added to the notebook", all="second try")
def test_odd_in_notebook(repo: Repo, ending: str) -> None:
    """Magics, `!`, `%%bash`, a `;` at the end, syntax errors, raw: all are kept."""
    before = added_to_the_notebook(repo, ending, ODD)
    assert repo.cells(NOTEBOOK) == before == repo.cells(SCRIPT)
    settled(repo)
    assert repo.cells(NOTEBOOK) == before
    # And jupytext itself finds nothing that would not come through.
    jupytext = (sys.executable, "-m", "jupytext", "--test")
    repo.call(*jupytext, "--to", "ipynb", SCRIPT)
    repo.call(*jupytext, "--to", "py:percent", NOTEBOOK)


@scenario("Cells that a script can't hold were added to the notebook", all="second try")
def test_beyond_a_script(repo: Repo, ending: str) -> None:
    """Such as one with a line `# %%`: the notebook keeps it as it is."""
    before = added_to_the_notebook(repo, ending, BEYOND)
    settled(repo)
    assert repo.cells(NOTEBOOK) == before


def added_to_the_notebook(
    repo: Repo, ending: str, cells: tuple[tuple[str, str], ...]
) -> list[tuple[str, str]]:
    """Add cells to the notebook and commit it; what it held before the commit."""
    for kind, source in cells:
        repo.append(NOTEBOOK, source, kind)
    before = repo.cells(NOTEBOOK)
    repo.git("add", "-A")
    assert repo.commit() == ending
    return before


def settled(repo: Repo) -> None:
    """See that nothing is left to do: not one file changes from here on."""
    before = {name: repo.read(name) for name in (SCRIPT, NOTEBOOK)}
    for word in ("refresh", "sync", "check", "commit"):
        done = repo.program(word)
        assert done.returncode == 0, (word, done)
    assert {name: repo.read(name) for name in (SCRIPT, NOTEBOOK)} == before


PERCENT = (
    "# %matplotlib inline\n# %time x = 1",
    "# !ls *.csv",
    '# %% language="bash"\n# echo 1',
    "plot(x);",
    "def broken(:\n  x =",
    "# %% [raw]\n# <b>as it is</b>",
    "# %% [markdown]\n# # Title\n#\n# - a",
    '# %% [markdown]\n"""\n# Title\n"""',
    'größe = "日本 \U0001f600"',
    "# %% A title\nx = 1",
    '# %% tags=["parameters"]\nalpha = 1',
)


@scenario(
    "Cells of odd kinds were typed into the script",
    scripts="at once",
    with_notebooks="second try",
)
def test_odd_in_script(repo: Repo, ending: str) -> None:
    """The same, and not a letter of the script changes."""
    cells = [cell if cell.startswith("# %% ") else f"# %%\n{cell}" for cell in PERCENT]
    text = "\n\n".join([repo.read(SCRIPT).rstrip(), *cells]) + "\n"
    repo.write(SCRIPT, text)
    repo.git("add", "-A")
    assert repo.commit() == ending
    assert len(repo.in_step()) == 4 + len(PERCENT)
    assert repo.read(SCRIPT) == text
    settled(repo)


@scenario("A markdown cell has an attachment", all="second try")
def test_attachment(repo: Repo, ending: str) -> None:
    """It stays in the notebook; the script can't hold it."""
    notebook = repo.notebook()
    picture = {"plot.png": {"image/png": "iVBORw0KGgo="}}
    cell = cell_of("markdown", "![plot](attachment:plot.png)", "with-picture")
    notebook["cells"].append({**cell, "attachments": picture})
    repo.keep(NOTEBOOK, notebook)
    repo.git("add", "-A")
    assert repo.commit() == ending
    repo.edit(SCRIPT, "x = 1", "x = 10")
    repo.git("add", "-A")
    repo.commit()
    repo.in_step()
    assert repo.notebook()["cells"][-1]["attachments"] == picture


@scenario(
    "The script has CRLF line ends", scripts="at once", with_notebooks="second try"
)
def test_crlf(repo: Repo, ending: str) -> None:
    """Its cells are the same as ever; git stores it with LF."""
    text = repo.read(SCRIPT).replace("x = 1", "x = 10").replace("\n", "\r\n")
    repo.write(SCRIPT, text)
    repo.git("add", "-A")
    assert repo.commit() == ending
    assert ("code", "x = 10") in repo.cells(NOTEBOOK)
    assert "\r" not in repo.git("show", f"HEAD:{SCRIPT}").stdout
    assert "\\r" not in repo.read(NOTEBOOK)


@scenario("The notebook has CRLF line ends", all="second try")
def test_crlf_notebook(repo: Repo, ending: str) -> None:
    """The same."""
    repo.edit(NOTEBOOK, "x = 1", "x = 10")
    repo.write(NOTEBOOK, repo.read(NOTEBOOK).replace("\n", "\r\n"))
    repo.git("add", "-A")
    assert repo.commit() == ending
    assert ("code", "x = 10") in repo.in_step()


@scenario("The notebook has 10 MB of outputs", all="second try")
def test_large(repo: Repo, ending: str) -> None:
    """They stay, if the answer says so."""
    notebook = repo.notebook()
    large = "0123456789abcdef" * (10 * 2**16)
    notebook["cells"][1] = cell_of("code", "x = 10", "big", output=large)
    repo.keep(NOTEBOOK, notebook)
    repo.git("add", "-A")
    assert repo.commit() == ending
    assert ("code", "x = 10") in repo.in_step()
    stays = repo.mode != "both-stripped"
    assert (repo.outputs().get("x = 10") == large) == stays


@scenario("A notebook has no cells", all="second try")
def test_no_cells(repo: Repo, ending: str) -> None:
    """So has its script."""
    repo.save("notebooks/b.ipynb", [])
    repo.git("add", "-A")
    assert repo.commit() == ending
    assert repo.path("notebooks/b.py").exists()
    assert not [source for _, source in repo.cells("notebooks/b.py") if source]
    repo.save("notebooks/b.ipynb", [("code", "z = 1")])
    repo.git("add", "-A")
    assert repo.commit() == "second try"
    assert ("code", "z = 1") in repo.cells("notebooks/b.py")


BROKEN: dict[str, Callable[[str], str]] = {
    "empty": lambda text: "",
    "list": lambda text: "[]",
    "no notebook": lambda text: "{}",
    "old": lambda text: text.replace('"nbformat": 4', '"nbformat": 3'),
    "odd cells": lambda text: json.dumps({**json.loads(text), "cells": [1]}),
    "binary": lambda text: "\0\0",
}


@scenario("The notebook is broken JSON", all="refused")
def test_broken(repo: Repo, ending: str) -> None:
    """It is not changed; `./remote pairs --from script` makes it again."""
    repo.edit(SCRIPT, "x = 1", "x = 10")
    broken = repo.read(NOTEBOOK)[:100]
    repo.write(NOTEBOOK, broken)
    repo.git("add", "-A")
    assert repo.commit() == ending
    assert repo.read(NOTEBOOK) == broken
    for _, mended in repo.each_way_out():
        assert ("code", "x = 10") in mended.in_step()


@pytest.mark.parametrize("repo", ["scripts"], indirect=True)
def test_broken_otherwise(repo: Repo) -> None:
    """Whatever is wrong, it is told, not touched, and mended from the script."""
    good = repo.read(NOTEBOOK)
    repo.edit(SCRIPT, "x = 1", "x = 10")
    repo.git("add", "-A")
    for how, breaks in BROKEN.items():
        broken = breaks(good)
        repo.write(NOTEBOOK, broken)
        assert repo.commit() == "refused", how
        assert repo.read(NOTEBOOK) == broken
        assert NOTEBOOK in repo.said
        repo.program("from-script", NOTEBOOK, check=True)
        assert ("code", "x = 10") in repo.cells(NOTEBOOK)


@pytest.mark.parametrize("repo", ["scripts"], indirect=True)
@pytest.mark.parametrize("name", ["pyproject.toml", "jupytext.toml"])
def test_broken_settings(repo: Repo, name: str) -> None:
    """They are told by name, and nothing is touched."""
    repo.edit(NOTEBOOK, "x = 1", "x  =  10")
    repo.write(name, "<<<<<<< ours\n")
    repo.git("add", "-A")
    assert repo.commit() == "refused"
    assert name in repo.said
    assert ("code", "x = 1") in repo.cells(SCRIPT)


@pytest.mark.parametrize("repo", ["scripts"], indirect=True)
@pytest.mark.parametrize(
    "odd",
    [
        {"source": None},
        {"source": "x = '\ud83d'"},
        {"metadata": {"tags": "a"}},
    ],
)
def test_odd_cell(repo: Repo, odd: dict[str, object]) -> None:
    """What no script can have is told, and ends in no traceback."""
    notebook = repo.notebook()
    notebook["cells"][1] |= odd
    repo.path(NOTEBOOK).write_text(json.dumps(notebook))
    before = repo.read(SCRIPT)
    said = repo.program("sync").stderr
    assert NOTEBOOK in said
    assert "Traceback" not in said
    assert repo.read(SCRIPT) == before


@scenario("The script holds conflict markers, or is no text", all="refused")
def test_broken_script(repo: Repo, ending: str) -> None:
    """It is not changed; `./remote pairs --from notebook` makes it again."""
    path = repo.path(SCRIPT)
    broken = b"# \xff\n" if repo.mode == "scripts" else b"<<<<<<< HEAD\n"
    path.write_bytes(path.read_bytes() + broken + b"x = 10\n")
    before = path.read_bytes()
    repo.git("add", "-A")
    assert repo.commit() == ending
    assert path.read_bytes() == before
    for _, mended in repo.each_way_out():
        mended.in_step()
        assert "x = 10" in mended.shown()


@pytest.mark.parametrize("repo", MODES, indirect=True)
def test_a_plain_module_is_no_notebook(repo: Repo) -> None:
    """Python beside the notebooks gets no notebook."""
    repo.write("notebooks/helpers.py", "def f():\n    return 1\n")
    repo.git("add", "-A")
    assert repo.commit() == "at once"
    repo.program("sync", check=True)
    assert not repo.path("notebooks/helpers.ipynb").exists()
