"""Reads and writes the cells of a notebook in both formats: the script and the .ipynb.

Jupytext does it with the project's own jupytext.toml, so that JupyterLab, VS Code and
jupytext itself write the same scripts.
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

# Metadata by which jupytext keeps the layout of a script.
LAYOUT = ("lines_to_next_cell", "lines_to_end_of_cell_marker")
# Metadata that jupytext adds when it reads a script.
ADDED = ("text_representation", "main_language")
# Its copy of settings in the project's jupytext.toml.
CONFIGURED = ("notebook_metadata_filter", "cell_metadata_filter")
# Metadata that a kernel or the browser adds to a cell that ran.
RUN = ("collapsed", "execution", "ExecuteTime", "scrolled")
GENERIC = ("python3", "python")
MARKS = re.compile(r"^(<{7}|>{7})( |$)", re.MULTILINE)

warnings.simplefilter("ignore")  # the user can do nothing about odd metadata


class OtherLanguage(Exception):
    """A notebook in another language than Python: it has no script."""


class Unreadable(Exception):
    """A file can't be read as a notebook.

    Args:
        reason: What is wrong with it.
        path: The file, if it is known here.
    """

    def __init__(self, reason: str, path: str = "") -> None:
        super().__init__(f"{path}: {reason}")
        self.reason, self.path = reason, path


class NotebookFiles:
    """Reads and writes a project's notebooks.

    Args:
        root: The project's folder.
        kernel: The project's kernel: a notebook names it if the user chose no other.

    Raises:
        Failure: The configuration of jupytext can't be read, or is a program.
    """

    def __init__(self, root: str, kernel: str) -> None:
        path = find_jupytext_configuration_file(os.path.join(root, "notebooks"))
        # Jupytext would run it. A hook must not run what a checkout may bring.
        if path and path.endswith(".py"):
            raise Failure(
                f"{path} is a program, and is not run. Nothing was changed.\n"
                "  Move its settings to jupytext.toml, and delete it."
            )
        try:
            self._config = path and load_jupytext_configuration_file(path)
        except ValueError as error:
            raise Failure(
                f"{error}. Nothing was changed.\n"
                "  Fix jupytext.toml, and repeat the command."
            ) from None
        self.spec = {"display_name": kernel, "language": "python", "name": kernel}

    def read_script(self, text: str) -> Any:
        """The notebook that a script makes, without outputs.

        Raises:
            Unreadable: It can't be read as a notebook.
            OtherLanguage: It is not Python.
        """
        if MARKS.search(text):
            raise Unreadable("it holds conflict markers")
        try:
            notebook = jupytext.reads(text, fmt="py:percent", config=self._config)
        except Exception as error:  # YAML's, nbformat's, jupytext's own
            raise Unreadable(_first_line(error)) from None
        if _language(notebook) != "python":
            raise OtherLanguage
        return notebook

    def read_notebook(self, text: str) -> Any:
        """The notebook in an .ipynb file.

        Raises:
            Unreadable: It is broken, or too old.
            OtherLanguage: It is not Python.
        """
        try:
            notebook = nbformat.reader.reads(text)
            major, language = notebook.nbformat, _language(notebook)
            for cell in notebook.cells if major == 4 else ():
                cell.source, cell.metadata  # noqa: B018  (each cell must have them)
        except Exception as error:
            marked = MARKS.search(text) and "it holds conflict markers"
            raise Unreadable(
                marked or f"not a notebook: {_first_line(error)}"
            ) from None
        if major != 4:
            raise Unreadable(
                f"its format {major} is too old: open and save it in JupyterLab"
            )
        if language != "python":
            raise OtherLanguage
        return notebook

    def script_text(self, notebook: Any, spec: Any = None, metadata: Any = None) -> str:
        """The text of the script with a notebook's cells.

        Args:
            notebook: The notebook.
            spec: The kernel to name; the project's by default.
            metadata: The other metadata of its header; the notebook's own by default.
        """
        named = self._naming_kernel(notebook, metadata or notebook.metadata, spec)
        return _with_newline(jupytext.writes(named, "py:percent", config=self._config))

    def notebook_text(self, notebook: Any, spec: Any) -> str:
        """The text of the .ipynb file of a notebook, which names that kernel."""
        named = self._naming_kernel(notebook, notebook.metadata, spec)
        # As `jupytext --sync` writes it.
        self._config.set_default_format_options(
            _without_additions(named.metadata).setdefault("jupytext", {})
        )
        for cell in named.cells:
            if named.nbformat_minor < 5:  # the first to have ids
                cell.pop("id", None)
        return _with_newline(notebook_to_json(named))

    def _naming_kernel(self, notebook: Any, metadata: Any, spec: Any) -> Any:
        """A copy of a notebook, with that metadata, that names the kernel."""
        named = {**deepcopy(metadata), "kernelspec": spec or self.spec}
        return nbformat.from_dict({**notebook, "metadata": named})

    def fingerprint(self, notebook: Any) -> str:
        """A hash of a notebook's cells: their kinds, texts and tags.

        It is the same for two notebooks if their scripts have the same cells.

        Raises:
            Unreadable: No script can hold them.
        """
        options = {"jupytext": dict(notebook.metadata.get("jupytext", {}))}
        bare = deepcopy(notebook.cells)
        for cell in bare:
            for key in LAYOUT:
                cell.metadata.pop(key, None)
        whole = nbformat.from_dict(
            {**notebook, "metadata": _without_additions(options), "cells": bare}
        )
        try:
            text = jupytext.writes(whole, "py:percent", config=self._config)
            return hashlib.sha256(text.encode()).hexdigest()
        except Exception as error:  # odd metadata, a source that is not a text, ...
            raise Unreadable(f"not a notebook: {_first_line(error)}") from None

    def with_outputs(self, inputs: Any, former: Any | None) -> Any:
        """A notebook with the cells of one notebook, and the outputs of another.

        Args:
            inputs: The cells, as read_script returns them.
            former: The notebook with outputs, ids, attachments; None if there is none.
        """
        if former is None:
            return inputs
        return combine_inputs_with_outputs(inputs, deepcopy(former), "py:percent")


def is_script(text: str) -> bool:
    """Whether a .py file is the script of a notebook, and not plain Python."""
    return bool(re.search(r"^# (%%|---\n# jupyter:)", text, re.MULTILINE))


def header(text: str) -> str:
    """The header of a script, above its cells; empty if it has none."""
    found = re.match(r"# ---\n.*?\n# ---\n", text.replace("\r\n", "\n"), re.DOTALL)
    return found[0] if found else ""


def kernel_of(notebook: Any) -> str:
    """The name of the kernel that the user chose for a notebook; empty if none.

    Every Jupyter calls the kernel of its own environment python3: that is no choice.
    """
    name = str(notebook.metadata.get("kernelspec", {}).get("name") or "")
    return "" if name in GENERIC else name


def strip_outputs(notebook: Any) -> None:
    """Remove what a run adds: outputs, execution counts, times."""
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
        for key in RUN:
            cell.metadata.pop(key, None)
    notebook.metadata.pop("widgets", None)


def drop_version(notebook: Any) -> None:
    """Remove the version of Python, which differs from machine to machine."""
    notebook.metadata.get("language_info", {}).pop("version", None)


def _language(notebook: Any) -> str:
    metadata = notebook.metadata
    kernel = metadata.get("kernelspec", {}).get("language")
    info = metadata.get("language_info", {}).get("name")
    # Jupytext detects it in a script that names no kernel.
    detected = metadata.get("jupytext", {}).get("main_language")
    return str(kernel or info or detected or "python")


def _without_additions(metadata: dict[str, Any]) -> dict[str, Any]:
    """Remove what jupytext adds to a notebook's metadata; returns the same object."""
    options = metadata.get("jupytext", {})
    for key in (*ADDED, *CONFIGURED):
        options.pop(key, None)
    if not options:
        metadata.pop("jupytext", None)
    return metadata


def _with_newline(text: str) -> str:
    return text if text.endswith("\n") else text + "\n"


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
