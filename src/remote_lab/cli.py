"""The command line: ./remote COMMAND. The commands themselves are in commands/."""

import os
import sys
from pathlib import Path
from typing import Any, ClassVar

import click

from remote_lab.commands import lab, laptop, remote
from remote_lab.commands.update import update
from remote_lab.errors import FAILED, Problem
from remote_lab.settings import FROM_GIT
from remote_lab.ui import show


class Sections(click.Group):
    """A group whose help lists the commands by what they are for."""

    titles: ClassVar[dict[str, tuple[click.Command, ...]]] = {
        "Start": (laptop.setup, laptop.install, laptop.uninstall, remote.doctor),
        "Project": (update, laptop.add, laptop.forget),
        "Remote": (
            *(remote.push, remote.undo, remote.remove, remote.save, remote.status),
        ),
        "Lab": (lab.open_, lab.lab, lab.tunnel, laptop.pairs),
        "Shell": (laptop.completion,),
    }

    def format_commands(
        self, ctx: click.Context, formatter: click.HelpFormatter
    ) -> None:
        for title, commands in self.titles.items():
            with formatter.section(title):
                formatter.write_dl(
                    [(str(c.name), c.get_short_help_str(60)) for c in commands]
                )


def _print_version(ctx: click.Context, param: click.Parameter, asked: bool) -> None:
    if asked and not ctx.resilient_parsing:
        from remote_lab.version import version  # it loads much, and few ask

        click.echo(f"remote-lab {version()}")
        ctx.exit()


@click.group(cls=Sections, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Print the program's version and commit.",
)
def cli() -> None:
    """Ties this laptop to the remotes of this project.

    A first time: ./remote setup, then ./remote open. Later: ./remote push brings
    what you changed, ./remote open the lab. NAME is a remote; it may be left out
    where there is one.
    """


for commands in Sections.titles.values():
    for command in commands:
        cli.add_command(command)


def main(script: str) -> Any:
    """Run the command line; a problem is reported, never a traceback.

    Args:
        script: The project's file `remote`: its folder is the project.
    """
    for name in filter(FROM_GIT.fullmatch, [*os.environ]):
        del os.environ[name]
    try:
        return cli(
            prog_name="remote",
            standalone_mode=False,
            obj=Path(script).resolve().parent,
        )
    except Problem as error:
        show.problem(error)
        sys.exit(error.code)
    except OSError as error:  # ssh is not installed, the disk is full, ...
        show.problem(Problem(f"This laptop could not do it: {error}."))
        sys.exit(FAILED)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        show.note(
            "Interrupted. The same command is safe to repeat: it does what is left."
        )
        sys.exit(FAILED)
