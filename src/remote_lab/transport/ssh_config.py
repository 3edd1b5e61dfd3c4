"""The two ssh configuration files that ./remote writes, both outside of git.

ssh_config   what our own ssh calls read: the project's Hosts, then what ssh always
             reads. So they work before `./remote install`, and do not depend on
             ~/.ssh/config.
ssh.conf     what belongs to this laptop only: the user's own login and key, the port
             that leads to the lab, and where the lab listens. The project's Hosts
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

# The options of an alias that ssh needs to reach a host; the others are preferences.
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
# Of these, the options that name a file: its path may have spaces.
FILES = ("identityfile", "identityagent", "certificatefile")

# For our own calls, before the user's options for Host *: those are for logins.
OWN = """\
Host *
    ForwardAgent no
    ForwardX11 no
    PermitLocalCommand no
    RemoteCommand none
    RequestTTY no
    Tunnel no
"""
# The options that the user's own config may add to our tunnel, as ssh -G names them.
FORWARDS = ("localforward", "remoteforward", "dynamicforward")
# The longest path of a socket, in bytes; it is the limit of this machine's ssh.
LONGEST = 107 if sys.platform.startswith("linux") else 103

# Of several threads, one writes the files, and the others find them written.
_writing = threading.Lock()


def hosts_file(project: Project) -> Path:
    """The project's own Hosts, as they are in git."""
    return project.root / f"home/laptop/.ssh/config.d/{project.slug}.conf"


def target_file(project: Project, remote: Remote) -> Path:
    """The file with "PORT TARGET": where the lab listens, as the remote reported."""
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
        used = ask(["-F", "/dev/stdin", remote.host], users)
        wants = {"forwardagent": "no", "forwardx11": "no"}
        if any(used.get(key, [no]) != [no] for key, no in wants.items()):
            # A user's login through our master would not have these.
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
    """Write ssh.conf from remote.local.toml and from what the remotes reported.

    Raises:
        Problem: ssh would not read it, or can't read the user's own configuration.
    """
    path = _personal(project)
    if _ssh_error(project, _read(path)):
        # ~/.ssh/config includes it: with this content, no ssh call works at all.
        write_whole(path, "# The former content could not be read.\n")
    text = _personal_text(project)
    if why := _ssh_error(project, text):
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
    """Check that ssh can read the project's own Hosts: all ssh calls of the user will.

    Raises:
        Problem: It can't.
    """
    path = hosts_file(project)
    if why := _ssh_error(project, _less_include(_hosts(project))):
        raise Problem(
            f"ssh would not read {path}: {why}",
            "Nothing was installed.",
            "Correct that line, then: ./remote install",
        )


def _ssh_error(project: Project, text: str) -> str:
    """Why ssh can't read a text, for any of the project's Hosts; or nothing."""
    hosts = [remote.host for remote in project.remotes.values() if not remote.sandbox]
    for host in [*hosts, *(f"{host}-lab" for host in hosts)]:
        done = _query(["-F", "/dev/stdin", host], text)
        if done.returncode:
            return (done.stderr.strip().splitlines() or ["no reason given"])[0]
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

    ssh adds up the forwards of all files that it reads, and the tunnel must end if one
    of them fails. So, if the user's own config has forwards for it, the options that
    ssh takes from there are written out without these.
    """
    usual, host = ssh_config(project), f"{remote.host}-lab"
    used = ask(["-F", str(usual), host])
    if sum(len(used.get(key, [])) for key in FORWARDS) <= 1:
        return usual
    bare = ask(["-F", "/dev/null", host])
    lines = [f"Host {host}", f"    LocalForward {_forward(project, remote)}"]
    for key, values in used.items():
        if values != bare.get(key) and key not in (*FORWARDS, "host", "setenv"):
            quote = '"' if key in FILES else ""
            if key == "hostname":  # of an IPv6 address with its interface
                values = [value.replace("%", "%%") for value in values]
            lines += [f"    {key} {quote}{value}{quote}" for value in values]
    # A jump host on the way keeps its usual options.
    lines += [f"Host * !{host}", f'    Include "{usual}"']
    path = project.state / f"{remote.name}.tunnel_config"
    write_whole(path, "\n".join(lines) + "\n")
    return path


def _personal(project: Project) -> Path:
    return project.state / "ssh.conf"


def _is_current(project: Project, path: Path) -> bool:
    """Whether a file was made from the present settings, and is unchanged."""
    stamp, end, text = _read(path).partition("\n")
    return f"{stamp}{end}" == _stamp(project, text)


def _stamp(project: Project, text: str) -> str:
    """A first line for a file of ours: a checksum of what it was made from.

    Args:
        project: The project.
        text: The rest of the file, so that a damaged one is noticed.
    """
    ssh = Path.home() / ".ssh"
    own = f"{project.slug}.conf"
    made_from = [
        OWN,
        text,
        repr(project.remotes),
        _hosts(project),
        *(_read(target_file(project, r)) for r in project.remotes.values()),
        # Without what install itself puts there.
        _read(ssh / "config").replace(f"Include ~/.ssh/config.d/{own}\n", ""),
        *(
            _read(path)
            for path in sorted(ssh.glob("config.d/*"))
            if path.is_file() and path.name != own
        ),
    ]
    # Enough to notice a change; hashlib would take longer to load, and ssh waits.
    data = "\0".join(made_from).encode("utf-8", "replace")
    return f"# made from {len(data)}-{zlib.crc32(data):08x}\n"


def _hosts(project: Project) -> str:
    return _read(hosts_file(project))


def _less_include(hosts: str) -> str:
    """The Hosts without ssh.conf: its former content must not count."""
    return re.sub("(?m)^Include .*", "", hosts)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return ""


def _route(project: Project, remote: Remote) -> list[str]:
    """The route of the project's host, if that is an alias in the user's ssh config.

    ssh looks a HostName up in the DNS, never among its own Hosts: so an alias's
    options have to be written out, except those that the project sets itself.
    """
    used = ask(["-F", "/dev/stdin", remote.host], _less_include(_hosts(project)))
    alias = used.get("hostname", [""])[0]
    own, bare = ask([alias]), ask(["-F", "/dev/null", alias])
    lines = []
    for key in ROUTE:
        values = own.get(key, [])
        if values == bare.get(key, []):
            continue
        if key == "identityfile":  # ssh tries all, the project's first
            values = list(dict.fromkeys([*used.get(key, []), *values]))
        elif key != "hostname" and used.get(key) != bare.get(key):
            continue
        quote = '"' if key in FILES else ""
        lines += [f"    {key} {quote}{value}{quote}" for value in values]
    return lines and [f"    # {alias}, as your own ssh config has it", *lines]


def ask(arguments: list[str], config: str = "") -> dict[str, list[str]]:
    """The options that ssh would use, by `ssh -G`, each with its values.

    Args:
        arguments: For ssh.
        config: The content of /dev/stdin.

    Raises:
        Problem: ssh can't read a configuration.
    """
    done = _query(arguments, config)
    if done.returncode:
        why = (done.stderr.strip().splitlines() or ["no reason given"])[0]
        raise Problem(
            f"ssh can't read its configuration: {why}",
            "Nothing was changed.",
            "Correct that line; the project's own part is in home/laptop/.ssh/config.d",
        )
    options: dict[str, list[str]] = {}
    for line in done.stdout.splitlines():
        key, _, value = line.partition(" ")
        options.setdefault(key, []).append(value)
    return options


def _query(
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
