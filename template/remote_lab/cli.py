"""The command line: ./remote VERB. Each verb loads only the modules that it needs."""

import os
import sys
from typing import TYPE_CHECKING, Any, ClassVar

import click

from remote_lab import settings, show
from remote_lab.connection import Connection, hang_up
from remote_lab.errors import FAILED, Problem
from remote_lab.identity import claim, refuse_another
from remote_lab.settings import FROM_GIT, ROOT

PASSWORD = 8  # so many characters at least

if TYPE_CHECKING:
    from remote_lab.push import Outcome


class Sections(click.Group):
    """A group whose help lists the verbs by what they are for."""

    titles: ClassVar = {
        "Start": ("setup", "install", "uninstall", "doctor"),
        "Remote": ("push", "undo", "remove", "save", "status"),
        "Lab": ("open", "lab", "tunnel"),
        "Shell": ("completion",),
    }

    def format_commands(
        self, ctx: click.Context, formatter: click.HelpFormatter
    ) -> None:
        for title, names in self.titles.items():
            with formatter.section(title):
                formatter.write_dl(
                    [(n, self.commands[n].get_short_help_str(60)) for n in names]
                )


def remote_name(ctx: click.Context, param: click.Parameter, text: str) -> list[str]:
    """The names of the remotes that begin so, for the shell's completion."""
    return [n for n in settings.load(ROOT).remotes if n.startswith(text)]


name_argument = click.argument("name", required=False, shell_complete=remote_name)


@click.group(cls=Sections, context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Ties this laptop to the remotes of this project.

    A first time: ./remote setup, then ./remote open. Later: ./remote push brings
    what you changed, ./remote open the lab. NAME is a remote; it may be left out
    where there is one.
    """


@cli.command()
def setup() -> None:
    """All that follows a copy or a git clone, step by step."""
    from remote_lab.setup_steps import setup as run

    sys.exit(0 if run(_project()) else FAILED)


@cli.command()
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
        settings.save_personal(ROOT, name, **own) if own else settings.load(ROOT)
    )


@cli.command()
def uninstall() -> None:
    """Take all of it out of this laptop again."""
    from remote_lab import laptop

    project = settings.load(ROOT)
    refuse_another(project)
    laptop.uninstall(project)


@cli.command()
@click.argument("names", nargs=-1, metavar="[NAME]...", shell_complete=remote_name)
@click.option("--all", "everywhere", is_flag=True, help="Every remote, side by side.")
@click.option("--dry-run", is_flag=True, help="Show what would change; change nothing.")
@click.option("--force", is_flag=True, help="Overwrite what was edited there (kept).")
@click.option("--restart", is_flag=True, help="Restart the lab, kernels or not.")
@click.option("--only", metavar="PARTS", help="Some of: home,code,env.")
@click.option("--json", "as_json", is_flag=True, help="The outcome as JSON.")
def push(
    names: tuple[str, ...],
    everywhere: bool,
    dry_run: bool,
    force: bool,
    restart: bool,
    only: str | None,
    as_json: bool,
) -> None:
    """Bring home pieces, code and environment to a remote.

    Only what changed is sent, and only what changed is restarted. A file that was
    edited on the remote is never overwritten unasked (exit code 3).
    """
    from remote_lab.push import Options, push

    if dry_run and force:
        raise click.UsageError("--dry-run and --force exclude each other.")
    parts = _parts(only)
    project = _project()
    if everywhere:
        remotes = list(project.remotes.values())
    else:
        remotes = [project.pick(name) for name in dict.fromkeys(names or (None,))]
    mode = "dry" if dry_run else "force" if force else "apply"
    options = Options(parts, mode, restart)
    if len(remotes) == 1:
        outcomes = [push(Connection(project, remotes[0]), options)]
        _tell(outcomes, as_json)
    else:
        from remote_lab import many

        outcomes = many.push_all(project, remotes, options)
        _tell(outcomes, as_json)
        many.table(outcomes)
    codes = {outcome.problem.code for outcome in outcomes if outcome.problem}
    if codes:
        sys.exit(codes.pop() if len(codes) == 1 else FAILED)


def _parts(only: str | None) -> frozenset[str]:
    parts = frozenset(only.split(",") if only else settings.PARTS)
    if not parts <= set(settings.PARTS):
        raise click.UsageError(f"--only takes some of: {','.join(settings.PARTS)}")
    return parts


def _tell(outcomes: list["Outcome"], as_json: bool) -> None:
    if as_json:
        import json

        click.echo(json.dumps([outcome.json() for outcome in outcomes], indent=2))
    for outcome in outcomes:
        if not as_json:
            show.diff(outcome.diff)
        if outcome.problem:
            show.problem(outcome.problem)
        elif len(outcomes) == 1 and not outcome.news:
            show.done(f"{outcome.remote}: nothing to do.")


@cli.command()
@name_argument
@click.option("--restart", is_flag=True, help="Restart the lab, kernels or not.")
def undo(name: str | None, restart: bool) -> None:
    """Put back the home pieces that the last push replaced.

    The code goes back by git, and a push.
    """
    from remote_lab import home

    connection = _connect(name)
    report = home.undo(connection, restart)
    for path in report.changed:
        show.step(f"{connection.remote.name}: ~/{path} is as it was before.")
    show.done(
        f"{connection.remote.name}: back to generation {report.generation}; what was"
        f" in use is kept as ~/.local/state/remote-lab/{connection.project.slug}"
        f"/generations/{report.former}"
    )
    for note in report.notes:
        show.note(note)
    if report.staged is not None:
        show.note(f"The lab goes on until: {connection.verb('lab restart')}")


@cli.command()
@name_argument
def remove(name: str | None) -> None:
    """Take the project off a remote, but its code.

    Links, settings, service and state go; code, data and the environment, which are
    yours, stay. What you edited among the settings is kept as a copy.
    """
    from remote_lab import home
    from remote_lab.tunnel import tunnel as tunnel_to

    connection = _connect(name)
    tunnel_to(connection).down()
    report = home.remove(connection)
    for note in report.notes:
        show.note(note)
    for path in report.kept:
        show.note(f"What you had edited there is kept, in ~/{path}")
    show.done(
        f"{connection.remote.name} is rid of the project, but for its code, data and"
        f" environment in ~/{connection.project.dir}, which are yours to keep."
    )


@cli.command()
@name_argument
def save(name: str | None) -> None:
    """Bring what was edited on a remote home, as a git commit."""
    from remote_lab.save import save as run

    run(_connect(name))


@cli.command()
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
    sys.exit(notebooks.pairs(_project(), *words))


@cli.command("open")
@name_argument
@click.option("--no-browser", is_flag=True, help="Print the URL and open nothing.")
def open_(name: str | None, no_browser: bool) -> None:
    """Open the lab: it runs, the tunnel is up, the browser on it.

    If the browser shows nothing, open the URL that is printed.
    """
    from remote_lab import opening, redirect

    url = opening.open_lab(connection := _connect(name))
    click.echo(url)
    if not no_browser:
        redirect.browse(connection, url)


@cli.group()
def lab() -> None:
    """Start, stop, restart, logs, password."""


def _lab_verb(verb: str, text: str) -> None:
    @lab.command(verb, help=text)
    @name_argument
    def run(name: str | None) -> None:
        from remote_lab import lab as labs

        state = labs.act(_connect(name), verb)
        for note in state.notes:
            show.note(note)
        word = "runs" if state.running else "is stopped"
        show.done(f"The lab {word} (by {state.backend}).")


_lab_verb("start", "Start the lab, and enable it for every boot.")
_lab_verb("stop", "Stop the lab, and the kernels in it.")
_lab_verb("restart", "Restart the lab; its kernels end.")


@lab.command()
@name_argument
@click.option("-n", "--lines", default=50, show_default=True, help="How many lines.")
def logs(name: str | None, lines: int) -> None:
    """The last lines that the lab has written."""
    from remote_lab import lab as labs

    for line in labs.logs(_connect(name), lines):
        click.echo(show.plain(line))


@lab.command()
@name_argument
def password(name: str | None) -> None:
    """Set a password for the lab: asked for, or taken from standard input."""
    from remote_lab import lab as labs

    connection = _connect(name)
    if sys.stdin.isatty():
        text = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    else:
        text = sys.stdin.readline().rstrip("\n")
    if len(text) < PASSWORD:
        raise Problem(
            f"A password for the lab needs at least {PASSWORD} characters.",
            "Nothing was changed, and nothing was sent.",
            f"The same command, with a longer one: {connection.verb('lab password')}",
        )
    labs.set_password(connection, text)
    show.done(f"Set. It counts from the next start: {connection.verb('lab restart')}")


@cli.group()
def tunnel() -> None:
    """The way to the lab: up, down, status."""


@tunnel.command()
@name_argument
def up(name: str | None) -> None:
    """Open the tunnel; again without harm."""
    from remote_lab import lab as labs
    from remote_lab.tunnel import tunnel as tunnel_to

    way = tunnel_to(connection := _connect(name))
    new = way.up(labs.address(connection).target)
    show.done(f"The tunnel {'is' if new else 'was'} up: http://127.0.0.1:{way.port}")


@tunnel.command()
@name_argument
def down(name: str | None) -> None:
    """Close the tunnel; the lab runs on."""
    from remote_lab.tunnel import tunnel as tunnel_to

    was = tunnel_to(_connect(name)).down()
    show.done("The tunnel is down." if was else "There was no tunnel.")


@tunnel.command("status")
@name_argument
def tunnel_status(name: str | None) -> None:
    """Which tunnels are up: each remote, up or down, and its port here."""
    from remote_lab.tunnel import tunnel as tunnel_to

    project = _project()
    for remote in [project.pick(name)] if name else project.remotes.values():
        way = tunnel_to(Connection(project, remote))
        click.echo(f"{remote.name}\t{'up' if way.is_up() else 'down'}\t{way.port}")


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def status(as_json: bool) -> None:
    """Every remote at a glance."""
    from remote_lab import status as states

    rows = states.status(_project())
    if as_json:
        import json

        click.echo(json.dumps(rows, indent=2))
    else:
        states.table(rows)


@cli.command()
@name_argument
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def doctor(name: str | None, as_json: bool) -> None:
    """What is wrong, why, and the command that mends it."""
    from remote_lab.doctor import examine

    findings = examine(_connect(name))
    if as_json:
        import json

        click.echo(json.dumps([vars(f) for f in findings], indent=2))
    else:
        for finding in findings:
            finding.tell()
    sys.exit(0 if all(f.good for f in findings) else FAILED)


@cli.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Completion for bash, zsh or fish.

    bash, zsh: eval "$(./remote completion bash)"; fish: ./remote completion fish |
    source
    """
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    assert kind
    text = kind(cli, {}, "remote", "_REMOTE_COMPLETE").source()
    # click calls the program by its name, from PATH; ours is called by its path.
    for theirs, ours in {
        "(( ! $+commands[remote] )) && return 1": "",
        "zsh_complete remote)": "zsh_complete $words[1])",
        "(commandline -t) remote)": "(commandline -t) (commandline -opc)[1])",
    }.items():
        text = text.replace(theirs, ours)
    click.echo(text)


def _project() -> settings.Project:
    project = settings.load(ROOT)
    claim(project)
    return project


def _connect(name: str | None) -> Connection:
    project = _project()
    return Connection(project, project.pick(name))


def main() -> Any:
    """Run the command line; a problem is told, never a traceback."""
    for name in filter(FROM_GIT.fullmatch, [*os.environ]):
        del os.environ[name]
    try:
        return cli(prog_name="remote", standalone_mode=False)
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
        show.note("Interrupted. What was under way is as before, or done: ask again.")
        sys.exit(FAILED)
    finally:
        hang_up()
