"""The two ssh configuration files that ./remote writes, both outside of git.

ssh_config   what our own ssh calls read: the project's Hosts, then what ssh reads
             anyhow. So they work before `./remote install`, and whatever becomes of
             ~/.ssh/config.
ssh.conf     what is this laptop's alone: the user's own login and key, the port that
             leads to the lab and the place where it listens. The project's Hosts
             include it first, and ssh takes the first value that it finds.
"""

import re
import subprocess
import sys
import threading
import zlib
from pathlib import Path

from remote_lab.errors import Problem
from remote_lab.settings import PERSONAL, Project, Remote
from remote_lab.tools.files import write_whole

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

# For our own calls, before what the user has for Host *: that is meant for logins.
OWN = """\
Host *
    ForwardAgent no
    ForwardX11 no
    PermitLocalCommand no
    RemoteCommand none
    RequestTTY no
    Tunnel no
"""
# How ssh -G names what the user's own config may add to a tunnel of ours.
FORWARDS = ("localforward", "remoteforward", "dynamicforward")
# As long as a socket's path may be, in bytes: this machine's ssh measures it.
LONGEST = 107 if sys.platform.startswith("linux") else 103

# Of several threads, one writes the files, and the others find them written.
_writing = threading.Lock()


def hosts_file(project: Project) -> Path:
    """The project's own Hosts, as they are in git."""
    return project.root / f"home/laptop/.ssh/config.d/{project.slug}.conf"


def target_file(project: Project, remote: Remote) -> Path:
    """Where the lab listens on a remote, as it said last: "PORT TARGET"."""
    return project.state / f"{remote.name}.target"


def ssh_config(project: Project) -> Path:
    """The configuration for our own ssh calls, brought up to date.

    It holds the project's Hosts rather than an Include of them: ssh refuses to
    include what a umask of 002 has made writable for a group.
    """
    path = project.state / "ssh_config"
    with _writing:
        if not _is_current(project, _personal(project)):
            write_personal(project)
        if not _is_current(project, path):
            text = _own_config(project)
            write_whole(path, _stamp(project, text) + text)
    return path


def _own_config(project: Project) -> str:
    """The text of ssh_config."""
    hosts = _hosts(project)
    users = (
        f"{hosts}\nHost *\n    Include ~/.ssh/config\n    Include /etc/ssh/ssh_config\n"
    )
    text = ""
    for remote in project.remotes.values():
        if remote.sandbox:
            continue
        told = ask(["-F", "/dev/stdin", remote.host], users)
        wants = {"forwardagent": "no", "forwardx11": "no"}
        if any(told.get(key, [no]) != [no] for key, no in wants.items()):
            # A login of the user's through a master of ours would go without these.
            text += f"Host {remote.host}\n    ControlPath ~/.ssh/cm-own-%C\n"
    return text + OWN + users


def is_path(place: str) -> bool:
    """Whether a place on a remote can stand in an ssh configuration, in quotes."""
    return (
        place.startswith("/")
        and place.isprintable()  # no line end of any kind
        and len(place.encode("utf-8", "replace")) <= LONGEST
        and set(place).isdisjoint("\"'`\\%$:")
    )


def write_personal(project: Project) -> None:
    """Write ssh.conf from remote.local.toml and from what the remotes told.

    Raises:
        Problem: ssh would not read it, or can't read the user's own configuration.
    """
    path = _personal(project)
    if _complaint(project, _read(path)):
        # ~/.ssh/config includes it: as it is, no ssh of the user's works, nor do ours.
        write_whole(path, "# What was here could not be read.\n")
    text = _personal_text(project)
    if why := _complaint(project, text):
        number = re.search(r"line (\d+)", why)
        line = text.splitlines()[int(number[1]) - 1].strip() if number else why
        raise Problem(
            f"ssh would not read this line of {path}: {line}",
            "The file was not replaced.",
            f"Correct that value, in {PERSONAL} or in remote.toml, or in your own"
            " ~/.ssh/config.",
        )
    write_whole(path, _stamp(project, text) + text)


def check_hosts(project: Project) -> None:
    """See to it that ssh reads the project's own Hosts: all of the user's ssh will.

    Raises:
        Problem: It does not.
    """
    path = hosts_file(project)
    if why := _complaint(project, _less_include(_hosts(project))):
        raise Problem(
            f"ssh would not read {path}: {why}",
            "Nothing was installed.",
            "Correct that line, then: ./remote install",
        )


def _complaint(project: Project, text: str) -> str:
    """What ssh has against a text, for any of the project's Hosts; or nothing."""
    hosts = [remote.host for remote in project.remotes.values() if not remote.sandbox]
    for host in [*hosts, *(f"{host}-lab" for host in hosts)]:
        asked = _asked(["-F", "/dev/stdin", host], text)
        if asked.returncode:
            return (asked.stderr.strip().splitlines() or ["no reason given"])[0]
    return ""


def _personal_text(project: Project) -> str:
    """The text of ssh.conf, less its stamp."""
    lines = [f"# {project.slug}: this laptop's own part, written by ./remote."]
    for remote in project.remotes.values():
        if remote.sandbox:
            continue
        lines += [f"Host {remote.host} {remote.host}-lab"]
        if remote.user:
            lines += [f"    User {remote.user}"]
        if remote.identity:
            lines += [f'    IdentityFile "{remote.identity}"']
        lines += _route(project, remote)
        if forward := _forward(project, remote):
            lines += [f"Host {remote.host}-lab", f"    LocalForward {forward}"]
    return "\n".join(lines) + "\n"


def _forward(project: Project, remote: Remote) -> str:
    """The tunnel's forward as an ssh configuration has it; nothing if none is known."""
    port, _, place = _read(target_file(project, remote)).partition(" ")
    if not re.fullmatch("[0-9]{1,5}", port):
        return ""
    if not re.fullmatch(r"127\.0\.0\.1:[0-9]{1,5}", place) and not is_path(place):
        return ""
    return f'127.0.0.1:{port} "{place}"'


def tunnel_config(project: Project, remote: Remote) -> Path:
    """The configuration for a tunnel, with its own forward and none of the user's.

    ssh adds up the forwards of all that it reads, and the tunnel must end where one of
    them fails: so, where the user's own config has some for it, the options that ssh
    takes from there are written out without them.
    """
    usual, host = ssh_config(project), f"{remote.host}-lab"
    told = ask(["-F", str(usual), host])
    if sum(len(told.get(key, [])) for key in FORWARDS) <= 1:
        return usual
    bare = ask(["-F", "/dev/null", host])
    lines = [f"Host {host}", f"    LocalForward {_forward(project, remote)}"]
    for key, values in told.items():
        if values != bare.get(key) and key not in (*FORWARDS, "host", "setenv"):
            quote = '"' if key in FILES else ""
            lines += [f"    {key} {quote}{value}{quote}" for value in values]
    # A jump host on the way is none of ours.
    lines += [f"Host * !{host}", f'    Include "{usual}"']
    path = project.state / f"{remote.name}.tunnel_config"
    write_whole(path, "\n".join(lines) + "\n")
    return path


def _personal(project: Project) -> Path:
    return project.state / "ssh.conf"


def _is_current(project: Project, path: Path) -> bool:
    """Whether a file of ours was made from what there is now, and is as it was made."""
    stamp, end, text = _read(path).partition("\n")
    return f"{stamp}{end}" == _stamp(project, text)


def _stamp(project: Project, text: str) -> str:
    """A first line for a file of ours that tells what it was made from.

    Args:
        project: The project.
        text: What the file holds besides, so that a damaged one is noticed.
    """
    ssh = Path.home() / ".ssh"
    own = f"{project.slug}.conf"
    made_from = [
        OWN,
        text,
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
    return f"# made from {len(data)}-{zlib.crc32(data):08x}\n"


def _hosts(project: Project) -> str:
    return _read(hosts_file(project))


def _less_include(hosts: str) -> str:
    """The Hosts without ssh.conf: what was written last must not count."""
    return re.sub("(?m)^Include .*", "", hosts)


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
    told = ask(["-F", "/dev/stdin", remote.host], _less_include(_hosts(project)))
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
    said = _asked(arguments, config)
    if said.returncode:
        why = (said.stderr.strip().splitlines() or ["it gave no reason"])[0]
        raise Problem(
            f"ssh can't read its configuration: {why}",
            "Nothing was changed.",
            "Correct that line; home/laptop/.ssh/config.d has the project's own part.",
        )
    options: dict[str, list[str]] = {}
    for line in said.stdout.splitlines():
        key, _, value = line.partition(" ")
        options.setdefault(key, []).append(value)
    return options


def _asked(
    arguments: list[str], config: str = ""
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["ssh", "-G", *arguments],
        check=False,
        input=config,
        capture_output=True,
        text=True,
        errors="replace",
    )
