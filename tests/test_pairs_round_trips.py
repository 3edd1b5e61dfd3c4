"""Round trips over real notebooks, which come from other packages' source archives.

They are fetched once, checked, and kept in the cache; nothing of them is in this
repository. What jupytext brings through a script unchanged, our program must, and what
is no notebook of Python's it leaves alone, with a word.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jupytext
import pytest
from image import cache_folder
from jupytext.config import load_jupytext_config
from needs import require
from pairing_door import PROGRAM
from render import render, snapshot

# By the name of the archive: where the package index has it, and its sha256.
ARCHIVES = {
    "jupytext-1.19.6": (
        "79/7f/5d2cc9618eca61dbc2d76628da3622a311702abd6b15c824bbf2b53e0db6",
        "ba1d143bb3751e054d3164376b148ee8fa74e1a860fc9411e1da93ff588b8a17",
    ),
    "nbconvert-7.17.2": (
        "53/6a/252c7620305a9661205aed7a2a4b3592f5207bfca56ad11b7dea2c5ec2f6",
        "344a218e8595117ce37396ed025d994f146d076226ebac59255a2fa085ab24d8",
    ),
    "nbformat-5.11.1": (
        "31/72/b3446efab8756e7df4b8ec587f8e611cb5a7249e4323db480802f1d3be04",
        "32d4521c68c6e7d5b29c76defaeed9f42ea733142b9b19f88277ce10390b9c4d",
    ),
    "nbsphinx-0.9.8": (
        "e7/d1/82081750f8a78ad0399c6ed831d42623b891904e8e7b8a75878225cf1dce",
        "d0765908399a8ee2b57be7ae881cf2ea58d66db3af7bbf33e6eb48f83bea5495",
    ),
    "papermill-2.7.0": (
        "f8/b6/92d770c5ced66ed0134256f8de781e98c824d3a0662af1643a91fcc36663",
        "ec10b37594a060662f57269e1ebd108c209d204450f00fdfeb70a1c7cfb7fbc8",
    ),
    "nbclient-0.11.0": (
        "28/a5/b3bae4b590c0cbcada2c63a34f7580024e834a8ba213e949a2f906705787",
        "04a134a5b087f2c5887f228aca155db50169b8cd9334dee6942c8e927e56081a",
    ),
    "dowhy-0.14": (
        "25/1f/85ab41e0deb64c01590b05c15c9f302040d25340ae82e5117cb93cd89e2b",
        "18f48882bc2cd3452ed3536ae3529a196acfa3b1e21b8978b71934e65cabb665",
    ),
    "river-0.26.1": (
        "1b/08/ac646151985321dd05681f46983f6bffc9fe4f67792809d38853adeb8699",
        "2326f87f396801cfd8672ac02d9f9731c10e936696e7a0a1f89a378b994fba3f",
    ),
    "statsmodels-0.15.0": (
        "a8/1f/a3cbf6ed7cf6286afec694bfef561f3e51483197716717fb8476f1f0c50e",
        "5d257fe58d0772bc46a557880ca78e2a8e07fec7bfd9d11074aef8e33e1aecbc",
    ),
}
ADDED = '\n# %%\nadded = "by a test"\n'
# What jupytext notes in a cell, to lay out the script as it was.
LAYOUT = ("lines_to_next_cell", "lines_to_end_of_cell_marker", "cell_marker")
PY = "python"

Inputs = list[tuple[str, str]]


pytestmark = [
    pytest.mark.xdist_group("round trips"),
    pytest.mark.filterwarnings("ignore"),  # what jupytext says of odd notebooks
]


def archive(name: str) -> bytes:
    """A source archive, from the cache or from the package index."""
    kept = cache_folder() / f"{name}.tar.gz"
    folder, sha256 = ARCHIVES[name]
    if not kept.exists():
        require("network")
        url = f"https://files.pythonhosted.org/packages/{folder}/{kept.name}"
        with urllib.request.urlopen(url, timeout=60) as reply:
            fetched = reply.read()
        kept.parent.mkdir(parents=True, exist_ok=True)
        fresh = kept.with_suffix(f".{os.getpid()}")
        fresh.write_bytes(fetched)
        fresh.replace(kept)
    data = kept.read_bytes()
    if hashlib.sha256(data).hexdigest() != sha256:
        kept.unlink()
        pytest.fail(f"{kept.name} was not what it should be, and is deleted")
    return data


def notebooks(name: str) -> Iterator[tuple[str, bytes]]:
    """The notebooks in an archive: path and content."""
    with tarfile.open(fileobj=io.BytesIO(archive(name))) as tar:
        for member in tar:
            if member.isfile() and member.name.endswith(".ipynb"):
                data = tar.extractfile(member)
                assert data
                yield member.name, data.read()


class Pile:
    """A project with all of the notebooks in it, and a script beside each that is one.

    Attributes:
        root: The project.
        originals: The notebooks as they were, by path.
        said: What our program said when it made the scripts.
    """

    def __init__(self, folder: Path) -> None:
        template = snapshot(folder / "template")
        self.root = render(template, folder / "pile", project_name="Pile")
        self.originals: dict[str, bytes] = {}
        for name in ARCHIVES:
            for path, data in notebooks(name):
                file = self.root / "notebooks" / path
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(data)
                self.originals[f"notebooks/{path}"] = data
        subprocess.run(["git", "init", "-q"], cwd=self.root, check=True)
        self.said = self.pairs("from-notebook", *self.originals)
        self.config = load_jupytext_config(str(self.root / "notebooks/x.py"))

    def pairs(self, *words: str) -> str:
        """Run our program; what it said."""
        done = subprocess.run(
            [sys.executable, PROGRAM, *words],
            cwd=self.root,
            capture_output=True,
            text=True,
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr[-4000:]
        return done.stdout + done.stderr

    def script(self, path: str) -> Path:
        """Beside a notebook."""
        return (self.root / path).with_suffix(".py")

    def paired(self) -> list[str]:
        """The notebooks that have a script."""
        return [path for path in self.originals if self.script(path).exists()]

    def cells(self, path: str) -> list[dict[str, Any]]:
        """The cells that a notebook has now."""
        return cells((self.root / path).read_bytes())


def cells(data: bytes) -> list[dict[str, Any]]:
    """The cells of a notebook, whole, but for what jupytext notes in them."""
    found: list[dict[str, Any]] = json.loads(data)["cells"]
    for cell in found:
        cell["source"] = "".join(cell["source"])
        for key in {"outputs", "attachments"} & cell.keys():
            cell[key] = joined(cell[key])
        for key in LAYOUT:
            cell["metadata"].pop(key, None)
    return found


def joined(value: Any) -> Any:
    """The same with each text in one piece: a notebook may have it line by line."""
    if isinstance(value, dict):
        return {key: joined(each) for key, each in value.items()}
    if isinstance(value, list):
        if value and all(isinstance(each, str) for each in value):
            return "".join(value)
        return [joined(each) for each in value]
    return value


def inputs(cells: list[dict[str, Any]]) -> Inputs:
    """The kind and the source of cells."""
    return [(cell["cell_type"], cell["source"]) for cell in cells]


@pytest.fixture(scope="module")
def pile(tmp_path_factory: pytest.TempPathFactory) -> Pile:
    return Pile(tmp_path_factory.mktemp("round-trips"))


def test_what_is_no_python_notebook_is_left_alone_with_a_word(
    pile: Pile, counted: Callable[[str], None]
) -> None:
    alone = set(pile.originals) - set(pile.paired())
    for path in alone:
        assert path in pile.said
        assert (pile.root / path).read_bytes() == pile.originals[path]
    for path in set(pile.originals) - alone:
        told = json.loads(pile.originals[path])
        assert told["nbformat"] == 4
        kernel = told["metadata"].get("kernelspec", {})
        assert (kernel.get("language") or PY) == PY, path
    counted(f"{len(alone)} of {len(pile.originals)} notebooks left alone")


def by_jupytext(pile: Pile, path: str) -> tuple[str, Inputs] | None:
    """The script that jupytext makes of a notebook, and the cells that it reads there.

    None where it refuses the notebook.
    """
    try:
        notebook = jupytext.reads(pile.originals[path].decode(), "ipynb")
        text = jupytext.writes(notebook, "py:percent", config=pile.config)
        again = jupytext.reads(text, "py:percent", config=pile.config)
    except Exception:  # many kinds
        return None
    return body(text), inputs(again.cells)


@pytest.mark.timeout(400)  # some 300 notebooks, four times
def test_there_and_back(pile: Pile, counted: Callable[[str], None]) -> None:
    paired = pile.paired()
    scripts = {path: pile.script(path).read_text() for path in paired}
    before = {path: cells(pile.originals[path]) for path in paired}
    wanted = {path: inputs(before[path]) for path in paired}
    same = set(paired)
    for path in paired:
        if theirs := by_jupytext(pile, path):
            assert body(scripts[path]) == theirs[0], path
            if wanted[path] != theirs[1]:
                wanted[path] = theirs[1]
                same.remove(path)
    # Each notebook follows its script: with all that it had, and the new cell.
    for path in paired:
        pile.script(path).write_text(scripts[path] + ADDED)
    pile.pairs("refresh")
    for path in paired:
        *old, new = pile.cells(path)
        assert inputs([new]) == [("code", 'added = "by a test"')], path
        assert inputs(old) == wanted[path], path
        assert path not in same or old == before[path], path
    # Notebooks are made again from their scripts, and those from them.
    for path in paired:
        pile.script(path).write_text(scripts[path])
        (pile.root / path).unlink()
    pile.pairs("refresh")
    for path in paired:
        assert inputs(pile.cells(path)) == wanted[path], path
        pile.script(path).unlink()
    pile.pairs("from-notebook", *paired)
    for path in same:
        assert pile.script(path).read_text() == scripts[path], path
    counted(f"{len(paired)} notebooks, {len(same)} of them identical")


def body(script: str) -> str:
    """A script without its header, which names the kernel."""
    return script.partition("\n# ---\n\n")[2]
