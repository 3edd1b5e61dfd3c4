"""The aliases are the ones that the documents name, on the laptop and on the remote."""

from __future__ import annotations

import re
from pathlib import Path

from laptop import Laptop
from project import Project

README = Path(__file__).resolve().parent.parent / "README.md"


def test_the_documents_name_each_alias(laptop: Laptop) -> None:
    project = Project.rendered(laptop, {"remote_host": "far.example.org"})
    folder = ".config/remote-lab/titanic"
    written = {
        "laptop": project.root / "home/laptop" / folder / "aliases.sh",
        "remote": project.pieces / folder / "bashrc",
    }
    own = (project.root / "README.md").read_text()
    for side, path in written.items():
        # The first row of a side says when they are there.
        rows = re.findall(
            rf"(?m)^\| {side}(?:, after [^|]*)? \| `([a-z-]+)", README.read_text()
        )
        names = re.findall(r"(?m)^ *alias ([a-z-]+)=", path.read_text())
        assert set(rows) == set(names), side
        assert all(f"`{name}`" in own or f"`{name} " in own for name in names)


def test_the_remotes_alias_enters_the_code_and_its_environment(laptop: Laptop) -> None:
    project = Project.rendered(laptop, {"remote_host": "far.example.org"})
    there = laptop.home / "there"
    activate = there / "titanic/.venv/bin/activate"
    activate.parent.mkdir(parents=True)
    activate.write_text("echo active\n")
    bashrc = project.pieces / ".config/remote-lab/titanic/bashrc"
    typed = f". {bashrc}\ntitanic\npwd\n"
    words = ("bash", "--norc", "-i")
    done = laptop.run(*words, input=typed, cwd=there, env={"HOME": str(there)})
    assert done.stdout.splitlines() == ["active", str(there / "titanic")]
