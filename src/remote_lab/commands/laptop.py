"""Commands for this laptop: setup, install, uninstall, pairs, completion."""

import sys

import click

from remote_lab import settings
from remote_lab.commands.common import (
    current_project,
    name_argument,
    project_root,
    remote_name,
)
from remote_lab.errors import FAILED
from remote_lab.laptop.identity import refuse_another
from remote_lab.ui import show

login = click.option("--user", metavar="LOGIN", help="Your login there, if another.")


@click.command()
@login
def setup(user: str | None) -> None:
    """All that follows a copy or a git clone, step by step.

    After a git clone, it asks for your own login on the remotes, or takes --user: it
    is yours alone and stays out of git, in remote.local.toml.
    """
    from remote_lab.laptop.setup import setup as run

    sys.exit(0 if run(current_project(), user) else FAILED)


@click.command()
@name_argument
@login
@click.option("--identity", metavar="FILE", help="Your own key file.")
@click.option("--lab-port", type=click.IntRange(1024, 65535), help="Your local port.")
def install(
    name: str | None, user: str | None, identity: str | None, lab_port: int | None
) -> None:
    """Set up this laptop: key, ssh config, aliases.

    With NAME, it logs in to that remote alone, so as to bring your key there. What you
    give here is yours alone: it stays out of git, in remote.local.toml.
    """
    from remote_lab.laptop import install

    given = {"user": user, "identity": identity, "lab_port": lab_port}
    own = {key: value for key, value in given.items() if value is not None}
    if own:  # it replaces what may keep the settings from being loaded
        project = settings.save_personal(project_root(), name, **own)
    else:
        project = settings.load(project_root())
    if name or own:
        name = project.pick(name).name
    install.install(project, [name] if name else None)


@click.command()
@click.argument("name")
@click.argument("host")
@click.option("--user", metavar="LOGIN", help="The login there, as for all of you.")
@click.option("--port", type=click.IntRange(1, 65535), help="Its ssh port, if not 22.")
@click.option(
    "--jump", metavar="HOST", help="The host to go through, as ssh -J has it."
)
def add(
    name: str, host: str, user: str | None, port: int | None, jump: str | None
) -> None:
    """Add a remote to the project, and set up this laptop for it.

    HOST is what you would type after ssh, or "sandbox". It changes the project's
    files as an update would, and keeps what you edited there.
    """
    from remote_lab.laptop import remotes

    given = {"host": host, "user": user, "port": port, "proxy_jump": jump}
    how = {key: value for key, value in given.items() if value is not None}
    remotes.add(current_project(), name, how)
    show.step(f"Next: ./remote push {name}")


@click.command()
@click.argument("name", shell_complete=remote_name)
def forget(name: str) -> None:
    """Take a remote out of the project and out of this laptop.

    What was pushed to it stays there. To take that off it, before: ./remote remove
    NAME.
    """
    from remote_lab.laptop import remotes

    remotes.forget(current_project(), name)


@click.command()
def uninstall() -> None:
    """Take all of it out of this laptop again."""
    from remote_lab.laptop import install

    project = settings.load(project_root())
    refuse_another(project)
    install.uninstall(project)


@click.command()
@click.option("--check", is_flag=True, help="Report what differs; change nothing.")
@click.option(
    "--from",
    "side",
    type=click.Choice(["script", "notebook"]),
    help="Overwrite the other side of these pairs with this one.",
)
@click.argument("files", nargs=-1)
def pairs(check: bool, side: str | None, files: tuple[str, ...]) -> None:
    """Bring notebooks and their scripts in sync, wherever that is safe."""
    from remote_lab.laptop import notebooks

    if bool(side) != bool(files) or (side and check):
        raise click.UsageError(
            "Add files: --from script FILE, or --from notebook FILE."
        )
    words = [f"from-{side}", *files] if side else ["check" if check else "sync"]
    code = notebooks.pairs(project := current_project(), *words)
    notebooks.note_stale_hooks(project)
    sys.exit(code)


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
