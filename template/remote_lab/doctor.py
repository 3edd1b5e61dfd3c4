"""Doctor: what is wrong, why, and the command that mends it."""

import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path

import click

from remote_lab import environment, parcel
from remote_lab.code import RemoteCode, notes
from remote_lab.connection import Connection, program
from remote_lab.errors import Problem, get
from remote_lab.home import values
from remote_lab.lab import restart_command, taken
from remote_lab.session import Record, number
from remote_lab.show import plain
from remote_lab.sshconf import hosts_file
from remote_lab.tunnel import tunnel

# Less than this on the remote's disk, and an environment does not fit: KiB.
LITTLE = 2 * 1024 * 1024
# What the lab, the environment and status use, beyond the needs of a push.
MORE = "awk base64 chmod comm cut date df ls nohup nproc sleep tee tr uname"


@dataclass(frozen=True)
class Finding:
    """One thing looked at.

    Attributes:
        good: Whether it is as it should be.
        what: What was found.
        mend: The command that mends it, where it is not.
    """

    good: bool
    what: str
    mend: str = ""

    def tell(self) -> None:
        """Print it."""
        sign, colour = ("✓", "green") if self.good else ("✗", "red")
        click.echo(f"{click.style(sign, fg=colour)} {plain(self.what)}")
        if not self.good:
            click.echo(f"  mend: {plain(self.mend)}")


def examine(connection: Connection) -> list[Finding]:
    """Look at the laptop, the way to the remote, and the remote."""
    found = _laptop(connection)
    text = program(
        "state",
        "places",
        "lab",
        "port",
        "code",
        "status",
        values=values(connection, restart="no", programs=f"{parcel.NEEDS} {MORE}"),
        main="needs\nmachine\ncode_state\ncode_check\nlab_status\nport_state",
    )
    try:
        records = connection.run(text)[1]
    except Problem as error:
        return [*found, Finding(False, error.what, error.todo)]
    found.append(Finding(True, f"{connection.remote.name} can be reached"))
    return found + _remote(connection, records) + _lab(connection, records)


def _laptop(connection: Connection) -> list[Finding]:
    project, remote = connection.project, connection.remote
    found = []
    for tool in ("git", "uv") if remote.sandbox else ("ssh", "git", "uv"):
        path = shutil.which(tool)
        found.append(Finding(bool(path), f"{tool}: {path}", f"install {tool}"))
    if remote.sandbox:
        return found
    hosts, config = hosts_file(project), Path.home() / ".ssh" / "config"
    installed = Path.home() / f".ssh/config.d/{hosts.name}"
    included = config.exists() and f"Include ~/.ssh/config.d/{hosts.name}\n" in (
        config.read_text(encoding="utf-8", errors="replace")
    )
    found.append(
        Finding(
            included,
            f"~/.ssh/config includes {hosts.name}: {included}",
            "./remote install",
        )
    )
    same = installed.exists() and installed.read_bytes() == hosts.read_bytes()
    found.append(
        Finding(
            same,
            f"~/.ssh/config.d/{hosts.name} is the project's: {same}",
            "./remote install",
        )
    )
    return found


NEEDS = {
    "git": "ask an admin for: sudo apt install git",
    "tmux": "ask an admin for: sudo apt install tmux",
}


def _remote(connection: Connection, records: list[Record]) -> list[Finding]:
    found, code = [], RemoteCode()
    for record in records:
        code.take(record)
        match record:
            case ("missing", names):
                told = f"programs missing:{names}" if names else "programs: all there"
                found.append(Finding(not names, told, get(names.split())))
            case ("need", "systemd", answer):
                text = "systemd answers this account"
                tmux = ("need", "tmux", "yes") in records
                found.append(
                    Finding(answer == "yes" or tmux, f"{text}: {answer}", NEEDS["tmux"])
                )
            case ("need", "linger", answer, user):
                mend = (
                    f"ask an admin for: sudo loginctl enable-linger {shlex.quote(user)}"
                )
                if any(r[:2] == ("lab", "systemd-user") for r in records):
                    told = f"lives on after logout (linger): {answer}"
                    found.append(Finding(answer == "yes", told, mend))
            case ("need", name, answer):
                mend = NEEDS.get(name, f"ask an admin to install {name}")
                if name in ("environment", "home"):
                    mend = connection.verb("push")
                found.append(Finding(answer == "yes", f"{name}: {answer}", mend))
            case ("pairs", answer):
                what = "notebooks and scripts are in sync"
                folder = shlex.quote(connection.project.dir)
                lines = [f"\n    {text}" for text in notes(connection, records)]
                found.append(
                    Finding(
                        answer == "yes",
                        f"{what}: {answer}{''.join(lines)}",
                        connection.shell(f"cd {folder} && ./remote pairs"),
                    )
                )
            case ("disk", free, _):
                room = f"{number(free) // 1024} MiB free in the home"
                mend = "remove what you do not need: du -xh ~ | sort -h | tail"
                found.append(Finding(number(free) > LITTLE, room, mend))
    if code.cut:
        told = "code: a push changes it, or was cut off while it did"
        found.append(Finding(False, told, connection.verb("push")))
    edited = f"edits in ~/{connection.project.dir} that are not committed: "
    found.append(
        Finding(
            not code.edited, edited + str(len(code.edited)), connection.verb("save")
        )
    )
    try:
        fresh = (
            environment.stamp(connection.project, connection.verb("push")) == code.stamp
        )
    except Problem as error:
        return [*found, Finding(False, error.what, error.todo)]
    found.append(
        Finding(fresh, f"environment is up to date: {fresh}", connection.verb("push"))
    )
    return found


def _lab(connection: Connection, records: list[Record]) -> list[Finding]:
    found: list[Finding] = []
    for record in records:
        match record:
            case ("foreign", port, account, other, free):
                found[:] = [f for f in found if not f.what.startswith("lab: ")]
                start = connection.verb(f"lab start --port {number(free)}")
                text = taken(connection, port, account, other)
                found.append(Finding(False, f"lab: {text}", start))
            case ("lab", backend, state, _):
                found.append(
                    Finding(
                        state == "running",
                        f"lab: {state} ({backend})",
                        connection.verb("open"),
                    )
                )
            case ("owed",):
                again = restart_command(
                    connection, any(r[0] == "inside" for r in records)
                )
                found.append(Finding(False, "lab waits for a restart", again))
    # Neither is wrong: `open` sees to it.
    up = tunnel(connection).is_up()
    found.append(Finding(True, f"tunnel: {'up' if up else 'down'}"))
    return found
