"""Formats what was edited in a notebook, cell by cell.

Magics are comments meanwhile, as they are in the script.
"""

from typing import Any

from jupytext.magics import comment_magic, uncomment_magic

from remote_lab.pairs.blackened import Apart, Here

# Cell magics that leave a cell Python; all others make it something else.
TIMERS = ("%%time", "%%timeit", "%%capture", "%%prun")


def format_cells(notebook: Any, known: set[str], black: Apart | Here) -> int:
    """Format the code of a notebook, in place.

    Args:
        notebook: The notebook.
        known: Sources that stay as they are: for what was not edited, no diff.
        black: What formats Python.

    Returns:
        How many cells are different now.
    """
    count = 0
    for cell in notebook.cells:
        if cell.cell_type == "code" and cell.source not in known:
            source = _formatted(cell.source, black)
            count += source != cell.source
            cell.source = source
    return count


def _formatted(source: str, black: Apart | Here) -> str:
    first, newline, rest = source.partition("\n")
    if first.startswith("%%"):
        if first.split()[0] not in TIMERS:
            return source
        return first + newline + _formatted(rest, black)
    # Not splitlines(), to which some letters of a text are line ends, too.
    python = "\n".join(comment_magic(source.split("\n")))
    if "\n".join(uncomment_magic(python.split("\n"))) != source:
        return source  # a comment that looks like a magic: hands off
    done = black.format(python)
    return source if done == python else "\n".join(uncomment_magic(done.split("\n")))
