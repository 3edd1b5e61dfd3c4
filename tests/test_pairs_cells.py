"""Cells of every kind come through, whichever side they were typed on."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from pairing import MODES, NOTEBOOK, SCRIPT, Repo, cell_of, scenario

ODD = {
    "magics": ("code", "%matplotlib inline\n%time x = 1"),
    "shell": ("code", "!ls *.csv\nfiles = !ls"),
    "bash": ("code", "%%bash\nfor i in 1 2; do\n  echo $i\ndone"),
    "timed": ("code", "%%time\nx = 1"),
    "semicolon": ("code", "plot(x);"),
    "syntax": ("code", "def broken(:\n  x ="),
    "indent": ("code", "  x = 1\n y = 2"),
    "help": ("code", "x?"),
    "raw": ("raw", "<b>as it is</b>\n# %% not a cell"),
    "markdown": ("markdown", "# Title\n\n- a\n- b\n\n```python\n# %%\nx = 1\n```"),
    "unicode": ("code", 'größe = "日本 \U0001f600 \u202e \u2028"'),
    "quotes": ("code", 'x = """a\n\n\n\n# %% b"""'),
    "empty": ("code", ""),
    "blank": ("code", "x = 1\n\n\ny = 2"),
    "comment": ("code", "# only a comment"),
    "marker": ("code", "# %% looks like a new cell\nx = 1"),
    "escaped": ("code", "# !ls\n# %time x"),
    "async": ("code", "await x\nasync with y as z:\n    pass"),
    "exit": ("markdown", '"""\nquotes\n"""'),
    "tabs": ("code", 'x = "\t"'),
}


@scenario("A cell of an odd kind was added to the notebook", all="second try")
@pytest.mark.parametrize("kind", ODD)
def test_odd_in_notebook(repo: Repo, ending: str, kind: str) -> None:
    """Magics, `!`, `%%bash`, a `;` at the end, syntax errors, raw: all come through."""
    repo.append(NOTEBOOK, ODD[kind][1], ODD[kind][0])
    repo.append(NOTEBOOK, "last = 1")
    repo.git("add", "-A")
    assert repo.commit() == ending
    in_script, in_notebook = repo.cells(SCRIPT), repo.cells(NOTEBOOK)
    assert in_notebook[-1] == in_script[-1] == ("code", "last = 1")
    assert ODD[kind] in in_notebook
    settled(repo)
    assert repo.cells(NOTEBOOK) == in_notebook


def settled(repo: Repo) -> None:
    """See that nothing is left to do: not one file changes from here on."""
    before = {name: repo.read(name) for name in (SCRIPT, NOTEBOOK)}
    for word in ("refresh", "sync", "check", "commit"):
        done = repo.program(word)
        assert done.returncode == 0, (word, done)
    assert {name: repo.read(name) for name in (SCRIPT, NOTEBOOK)} == before


PERCENT = {
    "magics": "# %matplotlib inline\n# %time x = 1",
    "shell": "# !ls *.csv",
    "bash": '# %% language="bash"\n# echo 1',
    "semicolon": "plot(x);",
    "syntax": "def broken(:\n  x =",
    "raw": "# %% [raw]\n# <b>as it is</b>",
    "markdown": "# %% [markdown]\n# # Title\n#\n# - a",
    "quoted": '# %% [markdown]\n"""\n# Title\n"""',
    "unicode": 'größe = "日本 \U0001f600"',
    "titled": "# %% A title\nx = 1",
    "tagged": '# %% tags=["parameters"]\nalpha = 1',
}


@scenario(
    "A cell of an odd kind was typed into the script",
    scripts="at once",
    with_notebooks="second try",
)
@pytest.mark.parametrize("kind", PERCENT)
def test_odd_in_script(repo: Repo, ending: str, kind: str) -> None:
    """The same."""
    typed = PERCENT[kind]
    typed = typed if typed.startswith("# %% ") else f"# %%\n{typed}"
    text = f"{repo.read(SCRIPT).rstrip()}\n\n{typed}\n\n# %%\nlast = 1\n"
    repo.write(SCRIPT, text)
    repo.git("add", "-A")
    assert repo.commit() == ending
    assert len(repo.in_step()) == 6
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
    """They stay, where the answer says so."""
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
    "cut": lambda text: text[:100],
    "empty": lambda text: "",
    "list": lambda text: "[]",
    "no notebook": lambda text: "{}",
    "old": lambda text: text.replace('"nbformat": 4', '"nbformat": 3'),
    "odd cells": lambda text: json.dumps({**json.loads(text), "cells": [1]}),
    "binary": lambda text: "\0\0",
}


@scenario("The notebook is broken JSON", all="refused")
@pytest.mark.parametrize("how", BROKEN)
def test_broken(repo: Repo, ending: str, how: str) -> None:
    """It is left as it is; `./remote pairs --from script` makes it anew."""
    broken = BROKEN[how](repo.read(NOTEBOOK))
    repo.write(NOTEBOOK, broken)
    repo.edit(SCRIPT, "x = 1", "x = 10")
    repo.git("add", "-A")
    assert repo.commit() == ending
    assert repo.read(NOTEBOOK) == broken
    assert NOTEBOOK in repo.said
    for _, mended in repo.each_way_out():
        assert ("code", "x = 10") in mended.in_step()


@scenario("The script holds conflict markers, or is no text", all="refused")
@pytest.mark.parametrize("broken", [b"<<<<<<< HEAD\nx = 10\n", b"# \xff\nx = 10\n"])
def test_broken_script(repo: Repo, ending: str, broken: bytes) -> None:
    """It is left as it is; `./remote pairs --from notebook` makes it anew."""
    path = repo.path(SCRIPT)
    path.write_bytes(path.read_bytes() + broken)
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
