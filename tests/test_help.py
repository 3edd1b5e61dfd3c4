"""The help lists every command, and each command has help of its own."""

from __future__ import annotations

import importlib
import pkgutil
import re

import click
from laptop import Laptop
from project import Project

from remote_lab import commands


def written() -> dict[str, click.Command]:
    """The commands that the modules of commands/ hold, less those of a group."""
    found = {
        thing.name: thing
        for module in pkgutil.iter_modules(commands.__path__, "remote_lab.commands.")
        for thing in vars(importlib.import_module(module.name)).values()
        if isinstance(thing, click.Command)
    }
    groups = [thing for thing in found.values() if isinstance(thing, click.Group)]
    below = {id(command) for group in groups for command in group.commands.values()}
    return {str(name): c for name, c in found.items() if id(c) not in below}


def test_every_command_is_in_the_help(laptop: Laptop) -> None:
    project = Project.rendered(laptop)
    shown = project.remote("--help").stdout
    listed = re.findall(r"(?m)^  ([a-z]+)  +\S", shown)
    assert sorted(listed) == sorted(written())
    assert {"push", "open", "pairs", "doctor", "completion"} <= {*listed}


def test_every_command_has_help_of_its_own() -> None:
    every = written()
    for name, thing in list(every.items()):
        if isinstance(thing, click.Group):
            every |= {f"{name} {c.name}": c for c in thing.commands.values()}
    for name, command in every.items():
        assert command.help, name
        options = [p for p in command.params if isinstance(p, click.Option)]
        assert all(option.help for option in options), name
