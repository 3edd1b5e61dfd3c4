"""What a message says to type names the remote, where the project has several."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from fleet import Fleet
from laptop import Laptop
from project import Project

from remote_lab import cli

PACKAGE = Path(__file__).resolve().parent.parent / "src" / "remote_lab"
# These go without the name of one, where there are several remotes.
ALL_REMOTES = {"add", "install", "doctor", "tunnel status"}
COMMAND = re.compile(r"\./remote ([a-z]+)(?: ([a-z]+))?")


def commands(group: click.Group, before: str = "") -> Iterator[tuple[str, bool]]:
    """Each command, and whether it takes the name of a remote."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, f"{name} ")
        else:
            names = {parameter.name for parameter in command.params}
            yield f"{before}{name}", bool(names & {"name", "names"})


def texts(path: Path) -> Iterator[tuple[int, str]]:
    """The texts of a program that are no docstrings, or its lines less the comments.

    What an f-string fills in is shown as {}.
    """
    source = path.read_text()
    if path.suffix == ".sh":
        for number, line in enumerate(source.splitlines(), 1):
            yield number, line.partition("# ")[0]
        return
    tree = ast.parse(source)
    within = {
        id(part)
        for node in ast.walk(tree)
        for part in getattr(node, "values", [getattr(node, "value", None)])
        if isinstance(node, ast.Expr | ast.JoinedStr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield node.lineno, "".join(
                str(p.value) if isinstance(p, ast.Constant) else "{}"
                for p in node.values
            )
        elif isinstance(node, ast.Constant) and id(node) not in within:
            yield node.lineno, str(node.value)


def test_no_literal_advice_lacks_the_name() -> None:
    """Where a command takes a name, its text comes from Project.command."""
    named = {name for name, takes in commands(cli.cli) if takes} - ALL_REMOTES
    assert {"push", "open", "lab restart", "tunnel down", "save"} <= named
    found = [
        f"{path.relative_to(PACKAGE)}:{line}: {match[0]}"
        for path in sorted([*PACKAGE.rglob("*.py"), *PACKAGE.rglob("*.sh")])
        if path.name
        != "there.sh"  # what a remote prints, which knows no name of its own
        for line, text in texts(path)
        for match in COMMAND.finditer(text)
        if {match[1], f"{match[1]} {match[2]}"} & named
        and not text[match.end() :].startswith(" {}")
    ]
    assert found == []


@pytest.mark.needs("nss_wrapper", "sshd", "ssh", "uv")
@pytest.mark.xdist_group("fleet")
def test_what_a_push_advises_names_its_remote(laptop: Laptop) -> None:
    with Fleet(laptop.key, 2) as fleet:
        project = Project.rendered(laptop, fleet.answers())
        project.remote("push", "n2", "--only", "home,code")

        def advised(only: str) -> str:
            done = project.remote("push", "n2", "--only", only, check=False)
            assert done.returncode == 1
            return str(re.findall("Next: (.*)", done.stderr)[-1])

        piece, code = project.pieces / "file", project.root / "src/titanic/c.py"
        piece.write_text("<<<<<<< mine\n")
        advice = advised("home")
        assert advice == (
            "Resolve it, then: git add home/remote/file && ./remote push n2"
        )
        piece.unlink()

        code.write_text("<<<<<<< a\n1\n>>>>>>> b\n")
        project.commit("a conflict")
        assert advised("code").endswith("then: ./remote push n2")
        laptop.run("git", "reset", "-q", "--hard", "HEAD~1", cwd=project.root)

        advice = advised("env")
        assert advice.endswith("git commit -m 'Add uv.lock' && ./remote push n2")

        laptop.run("git", "checkout", "-q", "--orphan", "fresh", cwd=project.root)
        laptop.run("git", "rm", "-rq", "--cached", ".", cwd=project.root)
        advice = advised("code")
        assert advice == "git add -A && git commit -m 'Begin' && ./remote push n2"
