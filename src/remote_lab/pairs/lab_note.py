"""The note that a lab leaves of each pair that it saves: history.py reads it.

By the note, this program knows that both files had the same cells then, whoever edits
one of them next. Each lab of a project's environment loads this module.
"""

import json
import os
from contextlib import suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Any

# The notebook that this very save has written.
_written: ContextVar[str] = ContextVar("written", default="")


def leave_note(os_path: str, model: Any, contents_manager: Any) -> None:
    """After each file that is saved: of a pair, jupytext saves the script last.

    Args:
        os_path: The file.
        model: What Jupyter made of it.
        contents_manager: Who saved it.
    """
    path = Path(os_path)
    notebook = str(path.with_suffix(".ipynb"))
    if path.suffix == ".ipynb":
        _written.set(notebook)
    elif path.suffix == ".py" and _written.get() == notebook:
        _written.set("")
        with suppress(Exception):  # then there is no note: the save counts more
            _write_note(path)


def _write_note(script: Path) -> None:
    root = next(up for up in script.parents if (up / "remote.toml").exists())
    git = root / ".git"
    if git.is_file():  # a linked working tree
        git = root / git.read_text(encoding="utf-8").removeprefix("gitdir:").strip()
    commits = git / "logs/HEAD"  # none before the first commit
    log = commits.read_bytes().splitlines() if commits.exists() else []
    last = log[-1].partition(b"\t")[0].decode("utf-8", "replace") if log else ""
    note = {"script": script.read_text(encoding="utf-8"), "moment": [len(log), last]}
    path = git / "remote-lab-agreed" / script.relative_to(root).with_suffix(".json")
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(f".{os.getpid()}")
    fresh.write_text(json.dumps(note), encoding="utf-8")
    fresh.replace(path)
