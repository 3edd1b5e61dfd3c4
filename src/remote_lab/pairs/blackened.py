"""Black on the code of one cell, here or in a process of its own.

As black does it in notebooks: a ; at the end, which hides an output, stays. Black loads
as long as jupytext does, so a second core may load it meanwhile.
"""

import ast
import json
import os
import signal

from remote_lab.pairs.sync_state import Failure


class Here:
    """Black, loaded into this process.

    Args:
        root: The project's folder; its pyproject.toml has the settings.
    """

    def __init__(self, root: str) -> None:
        from black import Mode
        from black.const import DEFAULT_LINE_LENGTH
        from black.files import parse_pyproject_toml
        from black.mode import TargetVersion

        path = os.path.join(root, "pyproject.toml")
        try:
            told = parse_pyproject_toml(path) if os.path.exists(path) else {}
        except ValueError as error:
            raise Failure(f"{path}: {error}. Nothing was changed.") from None
        versions = {v.upper() for v in told.get("target_version", [])}
        self._mode = Mode(
            target_versions={v for v in TargetVersion if v.name in versions},
            line_length=told.get("line_length", DEFAULT_LINE_LENGTH),
            string_normalization=not told.get("skip_string_normalization", False),
            magic_trailing_comma=not told.get("skip_magic_trailing_comma", False),
            preview=told.get("preview", False),
            is_ipynb=True,
        )

    def format(self, python: str) -> str:
        """The code as black has it; as it is where black can't read it."""
        from black import format_cell
        from black.report import NothingChanged

        try:
            ast.parse(python)  # or black looks for IPython, which is not here
            return format_cell(python, fast=False, mode=self._mode)
        except (NothingChanged, AssertionError):
            return python
        except (SyntaxError, ValueError):  # black's InvalidInput, too, is a ValueError
            return python  # that is for its author


class Apart:
    """Black in a child, which loads it while this process loads something else.

    Args:
        root: The project's folder.
    """

    def __init__(self, root: str) -> None:
        self._root = root
        asked, ask = os.pipe()
        answered, answer = os.pipe()
        self._child = os.fork()
        if not self._child:
            try:
                os.close(ask)
                _serve(root, asked, answer)
            finally:
                os._exit(0)
        os.close(asked)
        os.close(answer)
        self._ask = os.fdopen(ask, "w", encoding="ascii")
        self._answered = os.fdopen(answered, encoding="ascii")

    def format(self, python: str) -> str:
        """The code as black has it; as it is where black can't read it."""
        try:
            print(json.dumps(python), file=self._ask, flush=True)
            return str(json.loads(self._answered.readline()))
        except (OSError, ValueError):  # it died: what killed it will be seen here
            return Here(self._root).format(python)

    def end(self) -> None:
        """End it, even while it loads: nobody need wait for what was not asked for."""
        os.kill(self._child, signal.SIGKILL)
        os.waitpid(self._child, 0)


def _serve(root: str, asked: int, answer: int) -> None:
    black = Here(root)
    with (
        os.fdopen(asked, encoding="ascii") as questions,
        os.fdopen(answer, "w", encoding="ascii") as answers,
    ):
        for line in questions:
            print(json.dumps(black.format(json.loads(line))), file=answers, flush=True)
