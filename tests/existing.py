"""Projects that people have before they add Remote Lab to them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from laptop import Laptop
from process import Completed
from project import TEMPLATE

# A sandbox, and no push: what is tested is what happens before.
ANSWERS = {"project_name": "Titanic", "remote_host": "sandbox", "push_now": "false"}
NOTEBOOK = {
    "cells": [
        {
            "cell_type": "code",
            "execution_count": 1,
            "id": "a1",
            "metadata": {},
            "outputs": [],
            "source": ["1 + 1"],
        }
    ],
    "metadata": {
        "kernelspec": {
            "display_name": "Python 3",
            "language": "python",
            "name": "python3",
        }
    },
    "nbformat": 4,
    "nbformat_minor": 5,
}
TEST = "import titanic\n\n\ndef test_it():\n    assert titanic.__doc__ == 'Mine.'\n"


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def uv_package(laptop: Laptop, root: Path) -> None:
    """What `uv init --package` makes, with a test."""
    laptop.run("uv", "init", "-q", "--package", "--name", "titanic", root)
    laptop.run("uv", "add", "-q", "--dev", "pytest", cwd=root)
    (root / "src/titanic/__init__.py").write_text('"""Mine."""\n')
    write(root, {"tests/test_titanic.py": TEST, "LICENSE": "Mine.\n"})


def data_science(laptop: Laptop, root: Path) -> None:
    """The layout of cookiecutter-data-science 2: a flat package, and raw data."""
    write(
        root,
        {
            ".gitignore": "/data/\n.venv\n__pycache__/",  # no newline at the end
            "LICENSE": "Mine.\n",
            "Makefile": "test:\n\tpytest\n",
            "README.md": "# Titanic\n",
            "pyproject.toml": """\
[build-system]
requires = ["flit_core >=3.2,<4"]
build-backend = "flit_core.buildapi"

[project]
name = "titanic"
version = "0.0.1"
description = "Who survived."  # and who did not
readme = "README.md"
requires-python = "~=3.11.0"
dependencies = []
""",
            "data/raw/secret.csv": "1,2\n",
            "data/raw/.gitkeep": "",
            "docs/README.md": "# Docs\n",
            "models/.gitkeep": "",
            "notebooks/0.1-look.ipynb": json.dumps(NOTEBOOK, indent=1) + "\n",
            "reports/figures/.gitkeep": "",
            "tests/test_data.py": TEST,
            "titanic/__init__.py": '"""Mine."""\n',
            "titanic/dataset.py": "ROWS = 1\n",
        },
    )
    laptop.run("git", "init", "-q", cwd=root)


def notebooks(laptop: Laptop, root: Path) -> None:
    """A bare folder of notebooks with hooks of its own."""
    write(
        root,
        {
            ".pre-commit-config.yaml": """\
# Mine.
repos:
    - repo: local   # four spaces
      hooks:
          - {id: mine, name: mine, language: system, entry: "true"}
""",
            "look.ipynb": json.dumps(NOTEBOOK),
            "notebooks/deep.ipynb": json.dumps(NOTEBOOK),
            "notes.txt": "Mine.\n",
        },
    )
    laptop.run("git", "init", "-q", cwd=root)


def poetry(laptop: Laptop, root: Path) -> None:
    """A project of poetry's own tables."""
    write(
        root,
        {
            "README.rst": "Titanic\n=======\n",
            "pyproject.toml": """\
[tool.poetry]
name = "titanic"
version = "0.1.0"
description = ""
authors = ["Ada <ada@example.org>"]

[tool.poetry.dependencies]
python = "^3.11"

[build-system]
requires = ["poetry-core"]
build-backend = "poetry.core.masonry.api"
""",
            "poetry.lock": "# Mine.\n",
            "src/titanic/__init__.py": '"""Mine."""\n',
            "tests/test_it.py": TEST,
        },
    )
    laptop.run("git", "init", "-q", cwd=root)


def poetry_621(laptop: Laptop, root: Path) -> None:
    """A project of poetry 2: a table [project]."""
    poetry(laptop, root)
    write(
        root,
        {"pyproject.toml": """\
[project]
name = "titanic"
version = "0.1.0"
requires-python = ">=3.11,<4"
dependencies = []

[tool.poetry]
packages = [{ include = "titanic", from = "src" }]

[build-system]
requires = ["poetry-core>=2"]
build-backend = "poetry.core.masonry.api"
"""},
    )


def no_repository(laptop: Laptop, root: Path) -> None:
    """A folder with a script, which git does not know."""
    write(root, {"README.md": "Mine.\n", "analysis.py": "print(1)\n"})


KINDS: dict[str, Callable[[Laptop, Path], None]] = {
    "uv": uv_package,
    "data-science": data_science,
    "notebooks": notebooks,
    "poetry": poetry,
    "poetry-621": poetry_621,
    "no-repository": no_repository,
}


def copy(
    laptop: Laptop, root: Path, *words: str, defaults: bool = True, **options: object
) -> Completed:
    """`copier copy` into a folder that is there.

    Args:
        laptop: The laptop.
        root: The folder.
        *words: More options of Copier's.
        defaults: Whether nothing is asked.
        **options: For Laptop.run.
    """
    given = [word for item in ANSWERS.items() for word in ("-d", "=".join(item))]
    command = ["copier", "copy", "--trust", "--vcs-ref", "HEAD", *given, *words]
    if defaults:
        command.append("--defaults")
    return laptop.run(*command, TEMPLATE, ".", cwd=root, timeout=300, **options)  # type: ignore[arg-type]
