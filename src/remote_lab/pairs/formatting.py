"""Formats cells by black, as black itself does it in notebooks.

Magics are comments meanwhile, as they are in the script. A ; at the end of a cell,
which hides an output, stays.
"""

import ast
import os
from typing import Any

from black import Mode, format_cell
from black.const import DEFAULT_LINE_LENGTH
from black.files import parse_pyproject_toml
from black.mode import TargetVersion
from black.report import NothingChanged
from jupytext.magics import comment_magic, uncomment_magic

from remote_lab.pairs.sync_state import Failure

# Cell magics after which a cell is still Python; after all others it is not.
PYTHON_MAGICS = ("%%time", "%%timeit", "%%capture", "%%prun")


def read_mode(root: str) -> Mode:
    """The settings of black in the project's pyproject.toml.

    Args:
        root: The project's folder.

    Raises:
        Failure: pyproject.toml can't be read.
    """
    path = os.path.join(root, "pyproject.toml")
    try:
        toml = parse_pyproject_toml(path) if os.path.exists(path) else {}
    except ValueError as error:
        raise Failure(
            f"{path}: {error}. Nothing was changed.\n"
            "  Fix that file, and repeat the command."
        ) from None
    versions = {version.upper() for version in toml.get("target_version", [])}
    return Mode(
        target_versions={it for it in TargetVersion if it.name in versions},
        line_length=toml.get("line_length", DEFAULT_LINE_LENGTH),
        string_normalization=not toml.get("skip_string_normalization", False),
        magic_trailing_comma=not toml.get("skip_magic_trailing_comma", False),
        preview=toml.get("preview", False),
        is_ipynb=True,
    )


def format_cells(notebook: Any, known: set[str], mode: Mode) -> int:
    """Format the code of a notebook, in place.

    Args:
        notebook: The notebook.
        known: The sources of cells that nobody edited: they are not formatted.
        mode: The settings of black.

    Returns:
        The number of cells that were changed.
    """
    count = 0
    for cell in notebook.cells:
        if cell.cell_type == "code" and cell.source not in known:
            source = _formatted(cell.source, mode)
            count += source != cell.source
            cell.source = source
    return count


def _formatted(source: str, mode: Mode) -> str:
    first, newline, rest = source.partition("\n")
    if first.startswith("%%"):
        if first.split()[0] not in PYTHON_MAGICS:
            return source
        return first + newline + _formatted(rest, mode)
    # Not splitlines(), which also splits at some characters inside a line.
    python = "\n".join(comment_magic(source.split("\n")))
    if "\n".join(uncomment_magic(python.split("\n"))) != source:
        return source  # it holds a comment that looks like a magic
    done = _black(python, mode)
    return source if done == python else "\n".join(uncomment_magic(done.split("\n")))


def _black(python: str, mode: Mode) -> str:
    """The code, formatted; unchanged where black can't read it."""
    try:
        ast.parse(python)  # where this fails, black would ask for IPython
        return format_cell(python, fast=False, mode=mode)
    except (NothingChanged, AssertionError):
        return python
    except (SyntaxError, ValueError):  # black's InvalidInput is a ValueError, too
        return python  # its author has to fix it
