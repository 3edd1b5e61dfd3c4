"""Black, cell by cell, with the settings of the project's pyproject.toml.

As black does it in notebooks: a ; at the end, which hides an output, stays. Magics are
comments meanwhile, as they are in the script.
"""

import ast
import os
from typing import Any

from black import Mode, format_cell
from black.const import DEFAULT_LINE_LENGTH
from black.files import parse_pyproject_toml
from black.mode import TargetVersion
from black.parsing import InvalidInput
from black.report import NothingChanged
from jupytext.magics import comment_magic, uncomment_magic

# Cell magics that leave a cell Python; all others make it something else.
TIMERS = ("%%time", "%%timeit", "%%capture", "%%prun")


class Formatter:
    """Formats cells.

    Args:
        root: The project's folder.
    """

    def __init__(self, root: str) -> None:
        path = os.path.join(root, "pyproject.toml")
        told = parse_pyproject_toml(path) if os.path.exists(path) else {}
        versions = {v.upper() for v in told.get("target_version", [])}
        self._mode = Mode(
            target_versions={v for v in TargetVersion if v.name in versions},
            line_length=told.get("line_length", DEFAULT_LINE_LENGTH),
            string_normalization=not told.get("skip_string_normalization", False),
            magic_trailing_comma=not told.get("skip_magic_trailing_comma", False),
            preview=told.get("preview", False),
            is_ipynb=True,
        )

    def format(self, notebook: Any, known: set[str]) -> int:
        """Format the code of a notebook, in place.

        Args:
            notebook: The notebook.
            known: Sources that stay as they are: for what was not edited, no diff.

        Returns:
            How many cells are different now.
        """
        count = 0
        for cell in notebook.cells:
            if cell.cell_type == "code" and cell.source not in known:
                source = self._formatted(cell.source)
                count += source != cell.source
                cell.source = source
        return count

    def _formatted(self, source: str) -> str:
        first, newline, rest = source.partition("\n")
        if first.startswith("%%"):
            if first.split()[0] not in TIMERS:
                return source
            return first + newline + self._formatted(rest)
        # Not splitlines(), to which some letters of a text are line ends, too.
        python = "\n".join(comment_magic(source.split("\n")))
        if "\n".join(uncomment_magic(python.split("\n"))) != source:
            return source  # a comment that looks like a magic: hands off
        try:
            ast.parse(python)  # or black looks for IPython, which is not here
            done = format_cell(python, fast=False, mode=self._mode)
        except (NothingChanged, InvalidInput, AssertionError):
            return source
        except (SyntaxError, ValueError):
            return source  # that is for its author
        return "\n".join(uncomment_magic(done.split("\n")))
