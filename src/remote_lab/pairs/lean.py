"""Spares jupytext what it loads and we have no use for: imported before it.

That is half of the time that it takes to load, and each hook pays for it:

- nbformat checks each cell that jupytext makes against a schema, with three packages.
  They are made of text, so that there is nothing to find.
- nbformat looks through the installed packages for its own version.
- markdown_it is for jupytext's MyST format alone, which does without if it is missing.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import Any


class _Unused(ModuleType):
    """Stands for a module, until it is asked for more than what it is given here."""

    def __init__(self, name: str, **given: Any) -> None:
        super().__init__(name)
        vars(self).update(given)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # the import system's, which looks what this may be
            raise AttributeError(name)
        sys.modules.pop(self.__name__, None)
        return getattr(import_module(self.__name__), name)


class _Never(Exception):
    """What is not checked is not found wrong."""


def _fine(*_: Any, **__: Any) -> None:
    """Find nothing wrong."""


for unused in (
    _Unused("nbformat.validator", validate=_fine, ValidationError=_Never),
    _Unused("nbformat._version", __version__="", version_info=()),
):
    sys.modules.setdefault(unused.__name__, unused)
if "markdown_it" not in sys.modules:
    sys.modules["markdown_it"] = None  # type: ignore[assignment]  # "is not there"
