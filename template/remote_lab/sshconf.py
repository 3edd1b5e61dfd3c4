"""The two ssh configuration files that ./remote writes, both outside of git.

ssh_config   what our own ssh calls read: the project's Hosts, then what ssh reads
             anyhow. So they work before `./remote install`, and whatever becomes of
             ~/.ssh/config.
ssh.conf     what is this laptop's alone: the user's own login and key, the port that
             leads to the lab and the place where it listens. The project's Hosts
             include it first, and ssh takes the first value that it finds.
"""

import os
import re
import subprocess
import threading
import zlib
from pathlib import Path

from remote_lab.errors import Problem
from remote_lab.settings import PERSONAL, Project, Remote

# What says how to get to a host; the rest of an alias is a matter of taste.
ROUTE = (
    "hostname",
    "user",
    "port",
    "proxyjump",
    "proxycommand",
    "identityfile",
    "identityagent",
    "certificatefile",
    "hostkeyalias",
)
# Of these, what names a file: it may hold spaces.
FILES = ("identityfile", "identityagent", "certificatefile")

_writing = threading.RLock()
_fresh: set[Path] = set()  # the projects whose files this process has looked at


def hosts_file(project: Project) -> Path:
    """The project's own Hosts, as they are in git."""
    return project.root / f"home/laptop/.ssh/config.d/{project.slug}.conf"


def target_file(project: Project, remote: Remote) -> Path:
    """Where the lab listens on a remote, as it said last: "PORT TARGET"."""
    return project.state / f"{remote.name}.target"


def ssh_config(project: Project) -> Path:
    """The configuration for our own ssh calls, brought up to date once a process.

    It holds the project's Hosts rather than an Include of them: ssh refuses to
    include what a umask of 002 has made writable for a group.
    """
    path = project.state / "ssh_config"
    with _writing:
        if project.root not in _fresh:
            text = _hosts(project) + (
                "\nHost *\n    Include ~/.ssh/config\n    Include /etc/ssh/ssh_config\n"
            )
            if _read(path) != text:
                write(path, text)
            if not _read(_personal(project)).startswith(_stamp(project)):
                write_personal(project)
            _fresh.add(project.root)
    return path


def files(project: Project) -> list[Path]:
    """All files, and folders of such, that say how our ssh calls get to the remotes."""
    ssh = Path.home() / ".ssh"
    return [
        project.root / "remote.toml",
        project.root / PERSONAL,
        hosts_file(project),
        project.state / "ssh_config",
        _personal(project),
        *(target_file(project, remote) for remote in project.remotes.values()),
        ssh / "config",
        ssh / "config.d",
        *sorted(ssh.glob("config.d/*")),
    ]


def is_path(place: str) -> bool:
    """Whether a place on a remote can stand in an ssh configuration, in quotes."""
    return (
        place.startswith("/")
        and len(place) < 1000
        and place.isprintable()  # no line end of any kind
        and set(place).isdisjoint('"\\%$')
    )


def write_personal(project: Project) -> None:
    """Write ssh.conf from remote.local.toml and from what the remotes told."""
    lines = [
        _stamp(project),
        f"# {project.slug}: this laptop's own part, written by ./remote.",
    ]
    for remote in project.remotes.values():
        if remote.sandbox:
            continue
        lines += [f"Host {remote.host} {remote.host}-lab"]
        if remote.user:
            lines += [f"    User {remote.user}"]
        if remote.identity:
            lines += [f'    IdentityFile "{remote.identity}"']
        lines += _route(project, remote)
        target = target_file(project, remote)
        if target.exists():
            port, _, place = target.read_text(encoding="utf-8").partition(" ")
            if re.fullmatch(r"127\.0\.0\.1:[0-9]+", place) or is_path(place):
                lines += [
                    f"Host {remote.host}-lab",
                    f'    LocalForward 127.0.0.1:{port} "{place}"',
                ]
    write(_personal(project), "\n".join(lines) + "\n")


def write(path: Path, text: str) -> None:
    """Write a file of ours whole: beside, then renamed; for this user's eyes alone."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    beside = path.with_name(f"{path.name}.{os.getpid()}.{threading.get_ident()}")
    beside.touch(mode=0o600)
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)


def _personal(project: Project) -> Path:
    return project.state / "ssh.conf"


def _stamp(project: Project) -> str:
    """A first line for ssh.conf that tells what it was made from."""
    ssh = Path.home() / ".ssh"
    own = f"{project.slug}.conf"
    made_from = [
        repr(project.remotes),
        _hosts(project),
        *(_read(target_file(project, r)) for r in project.remotes.values()),
        # Less what install itself puts there.
        _read(ssh / "config").replace(f"Include ~/.ssh/config.d/{own}\n", ""),
        *(
            _read(path)
            for path in sorted(ssh.glob("config.d/*"))
            if path.is_file() and path.name != own
        ),
    ]
    # Enough to notice a change, and there before hashlib would be: ssh waits for this.
    data = "\0".join(made_from).encode("utf-8", "replace")
    return f"# made from {len(data)}-{zlib.crc32(data):08x}"


def _hosts(project: Project) -> str:
    return _read(hosts_file(project))


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return ""


def _route(project: Project, remote: Remote) -> list[str]:
    """Where the project's host is an alias in the user's own ssh config: its route.

    ssh looks a HostName up in the DNS, never among its own Hosts: so an alias's
    settings have to be written out, but for what the project says itself.
    """
    # Without its Include: the route that was written last must not count here.
    hosts = re.sub("(?m)^Include .*", "", _hosts(project))
    told = ask(["-F", "/dev/stdin", remote.host], hosts)
    alias = told.get("hostname", [""])[0]
    own, bare = ask([alias]), ask(["-F", "/dev/null", alias])
    lines = []
    for key in ROUTE:
        values = own.get(key, [])
        if values == bare.get(key, []):
            continue
        if key == "identityfile":  # ssh tries all, the project's first
            values = list(dict.fromkeys([*told.get(key, []), *values]))
        elif key != "hostname" and told.get(key) != bare.get(key):
            continue
        quote = '"' if key in FILES else ""
        lines += [f"    {key} {quote}{value}{quote}" for value in values]
    return lines and [f"    # {alias}, as your own ssh config has it", *lines]


def ask(arguments: list[str], config: str = "") -> dict[str, list[str]]:
    """What ssh would use, by `ssh -G`: each option and its values.

    Args:
        arguments: For ssh.
        config: What /dev/stdin is to hold.

    Raises:
        Problem: ssh can't read a configuration.
    """
    said = subprocess.run(
        ["ssh", "-G", *arguments],
        check=False,
        input=config,
        capture_output=True,
        text=True,
    )
    if said.returncode:
        why = (said.stderr.strip().splitlines() or ["it gave no reason"])[0]
        raise Problem(
            f"ssh can't read its configuration: {why}",
            "Nothing was changed.",
            "Mend that line; home/laptop/.ssh/config.d has the project's own part.",
        )
    options: dict[str, list[str]] = {}
    for line in said.stdout.splitlines():
        key, _, value = line.partition(" ")
        options.setdefault(key, []).append(value)
    return options
