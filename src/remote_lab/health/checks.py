"""The checks of doctor: each is an object with a name, and gives findings.

To add one: write a function that takes what it checks and gives findings, and add it to
LAPTOP or REMOTE below.
"""

import shlex
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Generic, TypeVar

from remote_lab.env import stamp
from remote_lab.errors import FAILED, Problem, install_hint
from remote_lab.lab.service import restart_command, taken
from remote_lab.lab.tunnel import tunnel
from remote_lab.push.code import notes
from remote_lab.remote_state import RemoteState, labelled
from remote_lab.settings import Project
from remote_lab.transport.connection import Connection
from remote_lab.transport.ssh_config import hosts_file
from remote_lab.transport.ssh_errors import noisy

# Less than this on the remote's disk, and an environment does not fit: KiB.
LITTLE = 2 * 1024 * 1024
ADMIN = "Ask an admin for: sudo apt install {}"


class Result(StrEnum):
    """The result of a check."""

    OK = "ok"
    INFO = "info"  # worth knowing, and not wrong
    WARNING = "warning"  # it works now, and may not later
    ERROR = "error"
    SKIPPED = "skipped"  # it does not apply, or something before it failed


@dataclass(frozen=True)
class Finding:
    """What a check found.

    Attributes:
        result: The result.
        what: A sentence: how it is.
        fix: The command that fixes it, with a warning or an error.
        code: The exit code that it asks for.
        check: The name of the check.
        remote: The remote that it is about; None for the laptop.
    """

    result: Result
    what: str
    fix: str | None = None
    code: int = 0
    check: str = ""
    remote: str | None = None

    @property
    def good(self) -> bool:
        """Whether nothing has to be done."""
        return self.result not in (Result.WARNING, Result.ERROR)

    def json(self) -> dict[str, object]:
        """The finding for `--json`."""
        return {
            "remote": self.remote,
            "check": self.check,
            "result": str(self.result),
            "good": self.good,
            "what": self.what,
            "fix": self.fix,
        }


T = TypeVar("T")


@dataclass(frozen=True)
class Check(Generic[T]):
    """One check.

    Attributes:
        name: Its name, in `--json`.
        run: Gives the findings; none, or SKIPPED, if it does not apply.
    """

    name: str
    run: Callable[[T], Iterator[Finding]]


@dataclass(frozen=True)
class Laptop:
    """What the checks of the laptop look at.

    Attributes:
        project: The project.
        over_ssh: Whether a remote is reached by ssh.
    """

    project: Project
    over_ssh: bool


@dataclass(frozen=True)
class Remote:
    """What the checks of a remote look at.

    Attributes:
        connection: The way to it.
        state: What it reported.
    """

    connection: Connection
    state: RemoteState


def is_so(
    good: bool, yes: str, no: str, fix: str, worst: Result = Result.ERROR
) -> Finding:
    """The finding of a yes-or-no question.

    Args:
        good: The answer.
        yes: The sentence if it is good.
        no: The sentence if it is not.
        fix: The command that fixes it.
        worst: The result if it is not good.
    """
    if good:
        return Finding(Result.OK, yes)
    return Finding(worst, no, fix, FAILED)


def failure(error: Problem) -> Finding:
    """The finding where a check met a problem."""
    return Finding(Result.ERROR, error.what, error.todo, error.code)


def _tool(name: str, fix: str) -> Callable[[Laptop], Iterator[Finding]]:
    def run(laptop: Laptop) -> Iterator[Finding]:
        if name == "ssh" and not laptop.over_ssh:
            yield Finding(Result.SKIPPED, "No remote is reached by ssh.")
            return
        path = shutil.which(name)
        yield is_so(bool(path), f"{name}: {path}", f"{name} is not installed.", fix)

    return run


def _ssh_config(laptop: Laptop) -> Iterator[Finding]:
    if not laptop.over_ssh:
        yield Finding(Result.SKIPPED, "No remote is reached by ssh.")
        return
    project = laptop.project
    hosts, config = hosts_file(project), Path.home() / ".ssh" / "config"
    installed = Path.home() / f".ssh/config.d/{hosts.name}"
    included = config.exists() and f"Include ~/.ssh/config.d/{hosts.name}\n" in (
        config.read_text(encoding="utf-8", errors="replace")
    )
    yield is_so(
        included,
        f"~/.ssh/config includes {hosts.name}.",
        f"~/.ssh/config does not include {hosts.name}: plain ssh does not know the"
        " remotes.",
        project.command("install"),
    )
    yield is_so(
        installed.exists() and installed.read_bytes() == hosts.read_bytes(),
        f"~/.ssh/config.d/{hosts.name} is the same as in the project.",
        f"~/.ssh/config.d/{hosts.name} is not the same as in the project.",
        project.command("install"),
    )


def _login(remote: Remote) -> Iterator[Finding]:
    """Whether a login without a terminal prints nothing."""
    connection = remote.connection
    if connection.remote.sandbox:
        yield Finding(Result.SKIPPED, "The sandbox has no login.")
        return
    yield is_so(
        not connection.printed,
        "A login without a terminal prints nothing, as scp and rsync need it.",
        "A login without a terminal prints something, and so scp and rsync fail. It"
        f" begins: {connection.printed}",
        noisy(remote.state.machine.shell),
    )


def _programs(remote: Remote) -> Iterator[Finding]:
    missing = remote.state.machine.missing
    if missing is not None:
        yield is_so(
            not missing,
            "All programs that are needed are installed.",
            f"Programs are missing: {' '.join(missing)}",
            install_hint(missing),
        )
    for name in ("git", "tmux"):
        if name in remote.state.machine.needs:
            yield is_so(
                remote.state.machine.needs[name],
                f"{name} is installed.",
                f"{name} is not installed.",
                ADMIN.format(name),
            )


def _systemd(remote: Remote) -> Iterator[Finding]:
    needs = remote.state.machine.needs
    if "systemd" not in needs:
        return
    if needs["systemd"]:
        yield Finding(Result.OK, "systemd can manage the lab.")
    elif needs.get("tmux"):
        what = "systemd does not answer this account: tmux manages the lab."
        yield Finding(Result.INFO, what)
    else:
        what = "Neither systemd nor tmux can manage the lab."
        yield Finding(Result.ERROR, what, ADMIN.format("tmux"), FAILED)


def _lingering(remote: Remote) -> Iterator[Finding]:
    machine = remote.state.machine
    if remote.state.lab.backend != "systemd-user" or "linger" not in machine.needs:
        yield Finding(Result.SKIPPED, "No systemd of the account manages the lab.")
        return
    yield is_so(
        machine.needs["linger"],
        "The lab runs on after logout (lingering is enabled).",
        "The lab ends at logout: lingering is not enabled.",
        f"Ask an admin for: sudo loginctl enable-linger {shlex.quote(machine.account)}",
        Result.WARNING,
    )


def _dotfiles(remote: Remote) -> Iterator[Finding]:
    if "home" in remote.state.machine.needs:
        yield is_so(
            remote.state.machine.needs["home"],
            "The dotfiles are in place.",
            "The project was never pushed there.",
            remote.connection.command("push"),
        )


def _disk(remote: Remote) -> Iterator[Finding]:
    free = remote.state.machine.disk_free
    if free is None:
        return
    folder = remote.connection.project.dir
    is_outside = folder.startswith("/")
    room = f"{free // 1024} MiB are free in {folder if is_outside else 'the home'}"
    look = remote.connection.shell(
        f"du -xh {folder if is_outside else '.'} | sort -h | tail"
    )
    yield is_so(
        free > LITTLE,
        f"{room}.",
        f"Only {room}: an environment needs about 2,000.",
        f"Delete what you do not need: {look}",
        Result.WARNING,
    )


def _code(remote: Remote) -> Iterator[Finding]:
    connection, code = remote.connection, remote.state.code
    if code.cut:
        what = "A push is changing the code, or was cut off while it did."
        yield Finding(Result.ERROR, what, connection.command("push"), FAILED)
    place = connection.project.place
    yield is_so(
        not code.edited,
        f"All changes in {place} are committed.",
        f"Changes in {place} that are not committed: {len(code.edited)}.",
        connection.command("save"),
    )


def _notebooks(remote: Remote) -> Iterator[Finding]:
    connection, in_sync = remote.connection, remote.state.code.in_sync
    if in_sync is None:
        yield Finding(Result.SKIPPED, "Notebooks and scripts were not compared.")
        return
    lines = "".join(f"\n  {text}" for text in notes(connection, remote.state))
    folder = shlex.quote(connection.project.dir)
    yield is_so(
        in_sync,
        f"Notebooks and scripts are in sync.{lines}",
        f"Notebooks and scripts are not in sync.{lines}",
        connection.shell(f"cd {folder} && ./remote pairs"),
    )


def _environment(remote: Remote) -> Iterator[Finding]:
    needs, again = remote.state.machine.needs, remote.connection.command("push")
    if "environment" not in needs:
        return
    if not needs["environment"]:
        yield Finding(Result.ERROR, "There is no environment yet.", again, FAILED)
        return
    try:
        wanted = stamp.stamp(remote.connection.project, again)
    except Problem as error:
        yield failure(error)
        return
    yield is_so(
        wanted == remote.state.code.stamp,
        "The environment is up to date.",
        "The environment was built from another lock file than the project has.",
        again,
    )


def _lab(remote: Remote) -> Iterator[Finding]:
    connection, lab = remote.connection, remote.state.lab
    if lab.port:
        again = connection.command(f"lab start --port {lab.port.free}")
        yield Finding(Result.ERROR, taken(connection, lab.port), again, FAILED)
    elif remote.state.lab_reported:
        by = labelled(lab.backend)
        never = lab.backend == "none"
        yield is_so(
            lab.running,
            f"The lab is running, managed by {by}.",
            (
                "The lab was never started."
                if never
                else f"The lab is stopped; {by} manages it."
            ),
            connection.command("open"),
        )
    if lab.restart_pending:
        yield Finding(
            Result.ERROR,
            "The lab waits for a restart: it runs with the former settings.",
            restart_command(connection, lab.contents),
            FAILED,
        )


def _tunnel(remote: Remote) -> Iterator[Finding]:
    if tunnel(remote.connection).is_up():
        yield Finding(Result.OK, "The tunnel is up.")
        return
    again = remote.connection.command("open")
    yield Finding(Result.INFO, f"The tunnel is down. To open it: {again}")


LAPTOP: tuple[Check[Laptop], ...] = (
    Check(
        "ssh",
        _tool(
            "ssh",
            "Install OpenSSH's client (Debian: sudo apt install openssh-client)",
        ),
    ),
    Check("git", _tool("git", "Install git")),
    Check("uv", _tool("uv", "pipx install uv, or see https://docs.astral.sh/uv")),
    Check("ssh config", _ssh_config),
)
REMOTE: tuple[Check[Remote], ...] = (
    Check("login", _login),
    Check("programs", _programs),
    Check("systemd", _systemd),
    Check("lingering", _lingering),
    Check("dotfiles", _dotfiles),
    Check("disk", _disk),
    Check("code", _code),
    Check("notebooks", _notebooks),
    Check("environment", _environment),
    Check("lab", _lab),
    Check("tunnel", _tunnel),
)
