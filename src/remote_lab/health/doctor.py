"""Doctor: what is wrong, why, and the command that fixes it."""

import shlex
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import click

from remote_lab.env import stamp
from remote_lab.errors import FAILED, Problem, install_hint
from remote_lab.lab.service import restart_command, taken
from remote_lab.lab.tunnel import tunnel
from remote_lab.laptop import configured
from remote_lab.push.code import RemoteCode, notes
from remote_lab.remote_programs import LAB, values
from remote_lab.settings import Project, Remote
from remote_lab.transport import bundle
from remote_lab.transport.connection import Connection
from remote_lab.transport.program import program
from remote_lab.transport.session import Record, number
from remote_lab.transport.ssh_config import hosts_file
from remote_lab.transport.ssh_errors import noisy
from remote_lab.ui.show import plain

# Less than this on the remote's disk, and an environment does not fit: KiB.
LITTLE = 2 * 1024 * 1024
# What the lab, the environment and status use, beyond the needs of a push.
MORE = "awk base64 chmod comm cut date df ls nohup nproc sleep tee tr uname"
TOOLS = {
    "ssh": "Install OpenSSH's client (Debian, Ubuntu: sudo apt install openssh-client)",
    "git": "Install git",
    "uv": "pipx install uv, or see https://docs.astral.sh/uv",
}
# Of the remote's needs, what is not there, and how to get it.
NEEDS = {
    "git": "Ask an admin for: sudo apt install git",
    "tmux": "Ask an admin for: sudo apt install tmux",
}


@dataclass(frozen=True)
class Finding:
    """One thing that was checked.

    Attributes:
        good: Whether it is as it should be.
        what: A sentence: how it is.
        fix: The command that fixes it, where it is not good.
        remote: The remote that it is about; none for the laptop.
        code: The exit code that it asks for.
    """

    good: bool
    what: str
    fix: str | None = None
    remote: str | None = None
    code: int = 0

    def tell(self) -> None:
        """Print it."""
        sign, colour = ("✓", "green") if self.good else ("✗", "red")
        first, *more = self.what.split("\n")
        click.echo(f"{click.style(sign, fg=colour)} {plain(first)}")
        for line in more:
            click.echo(f"  {plain(line)}")
        if not self.good:
            click.echo(f"  Next: {plain(self.fix or '')}")

    def json(self) -> dict[str, object]:
        """The finding for `--json`."""
        told = {"good": self.good, "what": self.what, "fix": self.fix}
        return {"remote": self.remote, **told}


def check(good: bool, yes: str, no: str, fix: str) -> Finding:
    """One thing, good or bad, with a sentence for each."""
    return Finding(True, yes) if good else Finding(False, no, fix, code=FAILED)


def examine(project: Project, remotes: list[Remote]) -> list[Finding]:
    """Check the laptop, and side by side the way to each remote, and the remote.

    Args:
        project: The project.
        remotes: Which of its remotes. Only a single one may ask for a password.
    """
    # Several that ask at once would be nobody's help.
    ways = [Connection(project, remote, ask=len(remotes) == 1) for remote in remotes]
    found = [*_laptop(project, remotes)]
    with ThreadPoolExecutor(8) as pool:
        for findings in pool.map(_examine, ways):
            found += findings
    return found


def report(found: list[Finding]) -> None:
    """Print the findings, those of each remote under its name."""
    several = len({finding.remote for finding in found} - {None}) > 1
    for name, findings in groupby(found, lambda finding: finding.remote):
        if several:
            click.echo(f"{name or 'This laptop'}:")
        for finding in findings:
            finding.tell()


def _laptop(project: Project, remotes: list[Remote]) -> Iterator[Finding]:
    over_ssh = any(not remote.sandbox for remote in remotes)
    for tool, fix in TOOLS.items():
        if tool != "ssh" or over_ssh:
            path = shutil.which(tool)
            yield check(bool(path), f"{tool}: {path}", f"{tool} is not installed.", fix)
    if not over_ssh:
        return
    hosts, config = hosts_file(project), Path.home() / ".ssh" / "config"
    installed = Path.home() / f".ssh/config.d/{hosts.name}"
    included = config.exists() and f"Include ~/.ssh/config.d/{hosts.name}\n" in (
        config.read_text(encoding="utf-8", errors="replace")
    )
    yield check(
        included,
        f"~/.ssh/config includes {hosts.name}.",
        f"~/.ssh/config does not include {hosts.name}: plain ssh does not know the"
        " remotes.",
        project.command("install"),
    )
    yield check(
        installed.exists() and installed.read_bytes() == hosts.read_bytes(),
        f"~/.ssh/config.d/{hosts.name} is the same as in the project.",
        f"~/.ssh/config.d/{hosts.name} is not the same as in the project.",
        project.command("install"),
    )


def _examine(connection: Connection) -> list[Finding]:
    name = connection.remote.name
    text = program(
        "state",
        "places",
        *LAB,
        "port",
        "code",
        "status",
        values=values(connection, restart="no", programs=f"{bundle.NEEDS} {MORE}"),
        main="needs\nmachine\ncode_state\ncode_check\nlab_status\nport_state",
    )
    try:
        if connection.remote in configured.lacking(connection.project):
            raise configured.problem(connection.remote)
        records = connection.run(text)[1]
        found = [
            Finding(True, f"{name} can be reached."),
            *_login(connection, records),
            *_needs(connection, records),
            *_code(connection, records),
            *_lab(connection, records),
        ]
    except Problem as error:
        found = [Finding(False, error.what, error.todo, code=error.code)]
    return [Finding(f.good, f.what, f.fix, name, f.code) for f in found]


def _login(connection: Connection, records: list[Record]) -> Iterator[Finding]:
    """Whether a login without a terminal is silent, as scp and rsync need it."""
    if connection.remote.sandbox:
        return
    shell = next((r[1] for r in records if r[0] == "shell" and len(r) == 2), "")
    yield check(
        not connection.printed,
        "A login without a terminal prints nothing, as scp and rsync need it.",
        "A login without a terminal prints something, and so scp and rsync fail. It"
        f" begins: {connection.printed}",
        noisy(shell),
    )


def _needs(connection: Connection, records: list[Record]) -> Iterator[Finding]:
    by_systemd_user = any(r[:2] == ("lab", "systemd-user") for r in records)
    for record in records:
        match record:
            case ("missing", names):
                yield check(
                    not names,
                    "All programs that are needed are there.",
                    f"Programs are missing:{names}",
                    install_hint(names.split()),
                )
            case ("need", "systemd", answer) if answer == "yes":
                yield Finding(True, "systemd can run the lab.")
            case ("need", "systemd", _):
                yield check(
                    ("need", "tmux", "yes") in records,
                    "systemd does not answer this account: tmux runs the lab.",
                    "Neither systemd nor tmux can run the lab.",
                    NEEDS["tmux"],
                )
            case ("need", "linger", answer, user) if by_systemd_user:
                yield check(
                    answer == "yes",
                    "The lab runs on after logout (lingering is enabled).",
                    "The lab ends at logout: lingering is not enabled.",
                    "Ask an admin for: sudo loginctl enable-linger "
                    + shlex.quote(user),
                )
            case ("need", "home", answer):
                yield check(
                    answer == "yes",
                    "The dotfiles are in place.",
                    "The project was never pushed there.",
                    connection.verb("push"),
                )
            case ("need", "environment", answer) if answer != "yes":
                yield Finding(
                    False,
                    "There is no environment yet.",
                    connection.verb("push"),
                    code=FAILED,
                )
            case ("need", tool, answer) if tool != "environment":
                yield check(
                    answer == "yes",
                    f"{tool} is installed.",
                    f"{tool} is not installed.",
                    NEEDS.get(tool, f"Ask an admin to install {tool}"),
                )
            case ("disk", free, _):
                room = f"{number(free) // 1024} MiB are free in the home"
                yield check(
                    number(free) > LITTLE,
                    f"{room}.",
                    f"Only {room}: an environment needs some 2,000.",
                    "Remove what you do not need: "
                    + connection.shell("du -xh . | sort -h | tail"),
                )


def _code(connection: Connection, records: list[Record]) -> Iterator[Finding]:
    code, again = RemoteCode(), connection.verb("push")
    for record in records:
        code.take(record)
    if code.cut:
        yield Finding(
            False,
            "A push is changing the code, or was cut off while it did.",
            again,
            code=FAILED,
        )
    place = f"~/{connection.project.dir}"
    yield check(
        not code.edited,
        f"All edits in {place} are committed.",
        f"Edits in {place} that are not committed: {len(code.edited)}.",
        connection.verb("save"),
    )
    for answer in (
        record[1] for record in records if record[0] == "pairs" and len(record) == 2
    ):
        lines = "".join(f"\n  {text}" for text in notes(connection, records))
        yield check(
            answer == "yes",
            f"Notebooks and scripts are in sync.{lines}",
            f"Notebooks and scripts are not in sync.{lines}",
            connection.shell(
                f"cd {shlex.quote(connection.project.dir)} && ./remote pairs"
            ),
        )
    if ("need", "environment", "yes") not in records:
        return
    try:
        fresh = stamp.stamp(connection.project, again) == code.stamp
    except Problem as error:
        yield Finding(False, error.what, error.todo, code=error.code)
    else:
        stale = "The environment was built from another lock file than the project has."
        yield check(fresh, "The environment is up to date.", stale, again)


def _lab(connection: Connection, records: list[Record]) -> Iterator[Finding]:
    port_taken = any(record[0] == "foreign" for record in records)
    for record in records:
        match record:
            case ("foreign", port, account, other, free):
                yield Finding(
                    False,
                    taken(connection, port, account, other),
                    connection.verb(f"lab start --port {number(free)}"),
                    code=FAILED,
                )
            case ("lab", backend, state, _) if not port_taken:
                never = "The lab was never started."
                yield check(
                    state == "running",
                    f"The lab is running ({backend}).",
                    never if backend == "none" else f"The lab is {state} ({backend}).",
                    connection.verb("open"),
                )
            case ("owed",):
                yield Finding(
                    False,
                    "The lab waits for a restart: it runs with the former settings.",
                    restart_command(connection, any(r[0] == "inside" for r in records)),
                    code=FAILED,
                )
    up = tunnel(connection).is_up()
    down = f"The tunnel is down. To open it: {connection.verb('open')}"
    yield Finding(True, "The tunnel is up." if up else down)  # neither is wrong
