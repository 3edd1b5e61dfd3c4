"""Spares jupytext what it loads and we have no use for: imported before it.

That is half of the time that it takes to load, and each hook pays for it:

- nbformat checks each cell that jupytext makes against a schema, with three packages.
  They are made of text, so that there is nothing to find.
- markdown_it is for jupytext's MyST format alone, which does without if it is missing.
"""

import sys
from types import ModuleType
from typing import Any


class _Validator(ModuleType):
    """Takes the place of nbformat.validator."""

    class ValidationError(Exception):
        """Never raised."""

    @staticmethod
    def validate(*_: Any, **__: Any) -> None:
        """Find nothing wrong."""


sys.modules.setdefault("nbformat.validator", _Validator("nbformat.validator"))
if "markdown_it" not in sys.modules:
    sys.modules["markdown_it"] = None  # type: ignore[assignment]  # "is not there"
