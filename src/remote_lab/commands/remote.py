"""Commands that change or read a remote: push, undo, remove, save, status, doctor.

What a command needs is imported when it runs: --help and completion are quicker so.
"""

import shlex
import sys

import click

from remote_lab import settings
from remote_lab.commands.common import (
    choose,
    confirmed,
    connect,
    current_project,
    name_argument,
    remote_name,
    yes_option,
)
from remote_lab.transport.connection import Connection
from remote_lab.ui import show


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...", shell_complete=remote_name)
@click.option("--all", "everywhere", is_flag=True, help="Every remote, side by side.")
@click.option("--dry-run", is_flag=True, help="Show what would change; change nothing.")
@click.option("--force", is_flag=True, help="Overwrite changes made there (kept).")
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
    """Bring dotfiles, code and environment to a remote.

    Only what changed is sent, and only what changed is restarted. A file that was
    changed on the remote is never overwritten unasked (exit code 3).
    """
    if dry_run and force:
        raise click.UsageError("--dry-run and --force exclude each other.")
    parts = _parts(only)
    project = current_project()
    if everywhere:
        remotes = [choose(project, name) for name in project.remotes]
    else:
        remotes = [choose(project, name) for name in dict.fromkeys(names or (None,))]
    mode: settings.Mode = "dry" if dry_run else "force" if force else "apply"
    if len(remotes) == 1:
        connection = Connection(project, remotes[0])
        with connection.dialled():  # it takes longest; the rest is loaded meanwhile
            from remote_lab.push.one_remote import Options, push

            outcomes = [push(connection, Options(parts, mode, restart))]
    else:
        from remote_lab.push import fleet
        from remote_lab.push.one_remote import Options

        outcomes = fleet.push_all(project, remotes, Options(parts, mode, restart))
    from remote_lab.push.report import report

    report(outcomes, as_json)
    # Of several remotes, the highest code: one that can't be reached comes first.
    sys.exit(max(o.problem.code if o.problem else 0 for o in outcomes))


def _parts(only: str | None) -> frozenset[settings.Part]:
    names = only.split(",") if only else settings.PARTS
    if not set(names) <= set(settings.PARTS):
        raise click.UsageError(f"--only takes some of: {','.join(settings.PARTS)}")
    return frozenset(part for part in settings.PARTS if part in names)


@click.command()
@name_argument
@click.option("--restart", is_flag=True, help="Restart the lab, kernels or not.")
def undo(name: str | None, restart: bool) -> None:
    """Put back the dotfiles that the last push replaced.

    The code goes back by git, and a push.
    """
    connection = connect(name)
    with connection.dialled():
        from remote_lab.push import dotfiles

        done = dotfiles.undo(connection, restart)
    for path in done.changed:
        show.step(f"{connection.remote.name}: ~/{path} is as it was before the push.")
    show.done(
        f"{connection.remote.name}: back to generation {done.generation}; the one that"
        f" was in use is kept as ~/.local/state/remote-lab/{connection.project.slug}"
        f"/generations/{done.former}"
    )
    for note in done.notes:
        show.note(note)
    if done.restart_pending:
        from remote_lab.lab.service import restart_command

        show.note(
            f"The lab was not restarted, since {done.restart_pending} run in it. To"
            f" restart it: {restart_command(connection, done.restart_pending)}"
        )
    if "lab" in done.restarted:
        from remote_lab.lab.service import check

        check(connection)
        show.done(f"{connection.remote.name}: restarted the lab with these settings.")


@click.command()
@name_argument
@yes_option
def remove(name: str | None, yes: bool) -> None:
    """Remove the project from a remote; its code is kept.

    Links, settings, service and state are removed; code, data and the environment are
    kept. Settings that you changed there are kept as a copy. If kernels or terminals
    run in the lab, it asks first.
    """
    from remote_lab.lab.tunnel import tunnel as tunnel_to
    from remote_lab.laptop.install import public_key
    from remote_lab.push import dotfiles

    connection = connect(name)
    key = public_key(connection)
    done = confirmed(lambda agreed: dotfiles.remove(connection, agreed, key), yes)
    tunnel_to(connection).down()
    for note in done.notes:
        show.note(note)
    for path in done.kept:
        show.note(f"What you changed there was kept, in ~/{path}")
    show.done(
        f"{connection.remote.name}: removed the project. Its code, data and environment"
        f" were kept, in {connection.project.place}."
    )
    if done.key_kept:
        out = connection.shell(f'sed -i "\\,{key},d" .ssh/authorized_keys')
        show.note(
            "Your key still opens the account, and other programs may use it. To take"
            f" it out of authorized_keys there: {out}"
        )
    if done.lingers:
        off = connection.shell(f"loginctl disable-linger {shlex.quote(done.lingers)}")
        show.note(
            "Lingering, which a push had enabled, was kept: the account has other"
            f" services, or it could not be disabled. To disable it: {off}"
        )


@click.command()
@name_argument
def save(name: str | None) -> None:
    """Save what was changed on a remote as a git commit here."""
    from remote_lab.laptop.notebooks import note_stale_hooks, pairs
    from remote_lab.push.save import save as run

    connection = connect(name)
    if run(connection):
        pairs(connection.project, "refresh")  # the merge ran without git's hooks
        note_stale_hooks(connection.project)


@click.command()
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def status(as_json: bool) -> None:
    """Every remote at a glance."""
    from remote_lab.health import status as states

    rows = states.status(current_project())
    if as_json:
        import json

        click.echo(json.dumps(rows, indent=2))
    else:
        states.table(rows)
    sys.exit(max(row["exit_code"] for row in rows))


@click.command()
@name_argument
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def doctor(name: str | None, as_json: bool) -> None:
    """What is wrong, why, and the command that fixes it.

    Without a name, all remotes are checked.
    """
    from remote_lab.health.doctor import examine, report

    project = current_project()
    remotes = [project.pick(name)] if name else list(project.remotes.values())
    findings = examine(project, remotes)
    if as_json:
        import json

        click.echo(json.dumps([finding.json() for finding in findings], indent=2))
    else:
        report(findings)
    sys.exit(max(finding.code for finding in findings))
