"""Commands for this laptop: setup, install, uninstall, pairs, completion."""

import sys

import click

from remote_lab import settings
from remote_lab.commands.common import current_project, name_argument
from remote_lab.errors import FAILED
from remote_lab.identity import refuse_another


@click.command()
def setup() -> None:
    """All that follows a copy or a git clone, step by step."""
    from remote_lab.setup_steps import setup as run

    sys.exit(0 if run(current_project()) else FAILED)


@click.command()
@name_argument
@click.option("--user", help="Your login there, where it is not the project's.")
@click.option("--identity", metavar="FILE", help="Your own key file.")
@click.option("--lab-port", type=click.IntRange(1024, 65535), help="Your local port.")
def install(
    name: str | None, user: str | None, identity: str | None, lab_port: int | None
) -> None:
    """Set up this laptop: key, ssh config, aliases.

    What you give here is yours alone: it stays out of git, in remote.local.toml.
    """
    from remote_lab import laptop

    given = {"user": user, "identity": identity, "lab_port": lab_port}
    own = {key: value for key, value in given.items() if value is not None}
    laptop.install(
        settings.save_personal(settings.ROOT, name, **own)
        if own
        else settings.load(settings.ROOT)
    )


@click.command()
def uninstall() -> None:
    """Take all of it out of this laptop again."""
    from remote_lab import laptop

    project = settings.load(settings.ROOT)
    refuse_another(project)
    laptop.uninstall(project)


@click.command()
@click.option("--check", is_flag=True, help="Only tell which do not agree.")
@click.option(
    "--from",
    "side",
    type=click.Choice(["script", "notebook"]),
    help="Overwrite the other side of these pairs with this one.",
)
@click.argument("files", nargs=-1)
def pairs(check: bool, side: str | None, files: tuple[str, ...]) -> None:
    """Bring notebooks and their scripts in step, wherever that is safe."""
    from remote_lab import notebooks

    if bool(side) != bool(files) or (side and check):
        raise click.UsageError("Say both: --from script FILE, or --from notebook FILE.")
    words = [f"from-{side}", *files] if side else ["check" if check else "sync"]
    sys.exit(notebooks.pairs(current_project(), *words))


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Completion for bash, zsh or fish.

    bash, zsh: eval "$(./remote completion bash)"; fish: ./remote completion fish |
    source
    """
    from click.shell_completion import get_completion_class

    root = click.get_current_context().find_root().command
    kind = get_completion_class(shell)
    assert kind
    text = kind(root, {}, "remote", "_REMOTE_COMPLETE").source()
    # click calls the program by its name, from PATH; ours is called by its path.
    for theirs, ours in {
        "(( ! $+commands[remote] )) && return 1": "",
        "zsh_complete remote)": "zsh_complete $words[1])",
        "(commandline -t) remote)": "(commandline -t) (commandline -opc)[1])",
    }.items():
        text = text.replace(theirs, ours)
    click.echo(text)
