"""The cells of a notebook, in its two shapes: the script and the .ipynb.

Jupytext reads and writes both, with the project's own jupytext.toml: so JupyterLab, VS
Code, jupytext itself and we agree on every script.
"""

import hashlib
import os
import re
import warnings
from copy import deepcopy
from typing import Any

import jupytext
import nbformat.reader
from jupytext.combine import combine_inputs_with_outputs
from jupytext.config import (
    find_jupytext_configuration_file,
    load_jupytext_configuration_file,
)
from nbformat.v4 import writes as notebook_to_json

from remote_lab.pairs.sync_state import Failure

# Metadata that jupytext keeps in a notebook to lay out the script as it found it.
LAYOUT = ("lines_to_next_cell", "lines_to_end_of_cell_marker")
# What jupytext notes of a script when it reads one.
NOTED = ("text_representation", "main_language")
# What it notes of its settings, which are those of the project's jupytext.toml.
SET = ("notebook_metadata_filter", "cell_metadata_filter")
# What a kernel or the browser notes on a cell that ran.
RUN = ("collapsed", "execution", "ExecuteTime", "scrolled")
GENERIC = ("python3", "python")
MARKS = re.compile(r"^(<{7}|>{7})( |$)", re.MULTILINE)

warnings.simplefilter("ignore")  # what jupytext says of odd metadata helps nobody here


class NotOurs(Exception):
    """A notebook in another language than Python: it has no script here."""


class Unreadable(Exception):
    """A file that holds no notebook.

    Args:
        why: What is wrong with it.
        path: The file, where that is known.
    """

    def __init__(self, why: str, path: str = "") -> None:
        super().__init__(f"{path}: {why}")
        self.why, self.path = why, path


class Cells:
    """Reads and writes a project's notebooks.

    Args:
        root: The project's folder.
        kernel: The kernel that a notebook names if none was chosen: the project's.
    """

    def __init__(self, root: str, kernel: str) -> None:
        path = find_jupytext_configuration_file(os.path.join(root, "notebooks"))
        # Jupytext would run it: a hook runs nothing that a branch may bring.
        if path and path.endswith(".py"):
            raise Failure(
                f"{path} is a program, and is not run. Nothing was changed. Have its"
                " settings in jupytext.toml, and delete it."
            )
        try:
            self._config = path and load_jupytext_configuration_file(path)
        except ValueError as error:
            raise Failure(f"{error}. Nothing was changed.") from None
        self.spec = {"display_name": kernel, "language": "python", "name": kernel}

    def of_script(self, text: str) -> Any:
        """The notebook that a script makes, without outputs.

        Raises:
            Unreadable: It can't be read as one.
            NotOurs: It is none of Python's.
        """
        if MARKS.search(text):
            raise Unreadable("it holds conflict markers")
        try:
            notebook = jupytext.reads(text, fmt="py:percent", config=self._config)
        except Exception as error:  # YAML's, nbformat's, jupytext's own
            raise Unreadable(_first_line(error)) from None
        if _language(notebook) != "python":
            raise NotOurs
        return notebook

    def of_json(self, text: str) -> Any:
        """The notebook in an .ipynb file.

        Raises:
            Unreadable: It is broken, or too old.
            NotOurs: It is none of Python's.
        """
        try:
            notebook = nbformat.reader.reads(text)
            major, language = notebook.nbformat, _language(notebook)
            for cell in notebook.cells if major == 4 else ():
                cell.source, cell.metadata  # noqa: B018  (each must have them)
        except Exception as error:
            marked = MARKS.search(text) and "it holds conflict markers"
            raise Unreadable(marked or f"no notebook: {_first_line(error)}") from None
        if major != 4:
            raise Unreadable(f"it has the old format {major}: save it in JupyterLab")
        if language != "python":
            raise NotOurs
        return notebook

    def script(self, notebook: Any, spec: Any = None, metadata: Any = None) -> str:
        """The text of the script with a notebook's cells.

        Args:
            notebook: The notebook.
            spec: The kernel to name; the project's by default.
            metadata: What else its header should tell; by default, the notebook's own.
        """
        named = self._named(notebook, metadata or notebook.metadata, spec)
        return _ended(jupytext.writes(named, "py:percent", config=self._config))

    def json(self, notebook: Any, spec: Any) -> str:
        """The text of the .ipynb file of a notebook, which names that kernel."""
        named = self._named(notebook, notebook.metadata, spec)
        # As `jupytext --sync` would leave it.
        self._config.set_default_format_options(
            _without_notes(named.metadata).setdefault("jupytext", {})
        )
        for cell in named.cells:
            if named.nbformat_minor < 5:  # the first to have ids
                cell.pop("id", None)
        return _ended(notebook_to_json(named))

    def _named(self, notebook: Any, metadata: Any, spec: Any) -> Any:
        """A notebook of its own, that names the kernel."""
        named = {**deepcopy(metadata), "kernelspec": spec or self.spec}
        return nbformat.from_dict({**notebook, "metadata": named})

    def fingerprint(self, notebook: Any) -> str:
        """Stands for a notebook's cells: their kinds, texts and tags.

        Two notebooks have the same one if their scripts have the same cells.

        Raises:
            Unreadable: No script can have them.
        """
        options = {"jupytext": dict(notebook.metadata.get("jupytext", {}))}
        bare = deepcopy(notebook.cells)
        for cell in bare:
            for key in LAYOUT:
                cell.metadata.pop(key, None)
        whole = nbformat.from_dict(
            {**notebook, "metadata": _without_notes(options), "cells": bare}
        )
        try:
            text = jupytext.writes(whole, "py:percent", config=self._config)
            return hashlib.sha256(text.encode()).hexdigest()
        except Exception as error:  # odd metadata, a source that is no text, ...
            raise Unreadable(f"no notebook: {_first_line(error)}") from None

    def follow(self, inputs: Any, former: Any | None) -> Any:
        """A notebook with the cells of one, and the outputs of another.

        Args:
            inputs: The cells, as of_script gives them.
            former: The notebook with outputs, ids, attachments; None: there is none.
        """
        if former is None:
            return inputs
        return combine_inputs_with_outputs(inputs, deepcopy(former), "py:percent")


def is_script(text: str) -> bool:
    """Whether a .py file is a notebook's script, and not just Python beside it."""
    return bool(re.search(r"^# (%%|---\n# jupyter:)", text, re.MULTILINE))


def header(text: str) -> str:
    """What stands at the top of a script, before its cells; nothing if it has none."""
    found = re.match(r"# ---\n.*?\n# ---\n", text.replace("\r\n", "\n"), re.DOTALL)
    return found[0] if found else ""


def kernel_of(notebook: Any) -> str:
    """The name of the kernel that was chosen for a notebook; nothing if none was.

    Every Jupyter calls the kernel of its own environment python3: that is no choice.
    """
    name = str(notebook.metadata.get("kernelspec", {}).get("name") or "")
    return "" if name in GENERIC else name


def strip(notebook: Any) -> None:
    """Take out what running it has put in: outputs, counts, times."""
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
        for key in RUN:
            cell.metadata.pop(key, None)
    notebook.metadata.pop("widgets", None)


def drop_version(notebook: Any) -> None:
    """Take out the version of Python: it differs from machine to machine."""
    notebook.metadata.get("language_info", {}).pop("version", None)


def _language(notebook: Any) -> str:
    metadata = notebook.metadata
    kernel = metadata.get("kernelspec", {}).get("language")
    info = metadata.get("language_info", {}).get("name")
    # Jupytext knows it of a script that names no kernel.
    noted = metadata.get("jupytext", {}).get("main_language")
    return str(kernel or info or noted or "python")


def _without_notes(metadata: dict[str, Any]) -> dict[str, Any]:
    """Take jupytext's notes out of a notebook's metadata, and give it back."""
    options = metadata.get("jupytext", {})
    for key in (*NOTED, *SET):
        options.pop(key, None)
    if not options:
        metadata.pop("jupytext", None)
    return metadata


def _ended(text: str) -> str:
    return text if text.endswith("\n") else text + "\n"


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
