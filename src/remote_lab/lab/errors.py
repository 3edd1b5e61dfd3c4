"""What can go wrong with the lab on a remote: lab.sh, backends/, port.sh, answer.sh."""

from remote_lab.errors import Rule
from remote_lab.remote_failures import BUSY, NO_ENVIRONMENT, NO_HOME, NO_SUDO

_NOT_STARTED = "Nothing was started."

RULES = (
    BUSY,
    NO_HOME,
    Rule(
        "^noexec$",
        "No program can be run from the home on {name}: it is mounted noexec, or"
        " ~/.config has lost its modes.",
        _NOT_STARTED,
        "Ask an admin for a home where programs may run. Look: {look_at_mounts}",
    ),
    Rule(
        r"^noroom\t(?P<folder>[^\t\n]*)",
        "tmux on {name} can't make its socket in {folder}.",
        _NOT_STARTED,
        'Set service = "auto" in remote.toml, then: {lab_start}',
    ),
    Rule(
        "^nosystemd$",
        "{name} has no systemd that answers this account.",
        _NOT_STARTED,
        'Set service = "auto" or "tmux" in remote.toml, then: {push}',
    ),
    Rule(
        "^notmux$",
        "tmux is not installed on {name}.",
        _NOT_STARTED,
        "Ask for it (Debian, Ubuntu: sudo apt install tmux), or set service ="
        ' "auto" in remote.toml',
    ),
    # For a backend's own needs.
    Rule(
        r"^lacks\t(?P<program>[^\t\n]*)",
        "{program} is not installed on {name}.",
        _NOT_STARTED,
        'Ask an admin for it, or set service = "auto" in remote.toml',
    ),
    NO_SUDO,
    NO_ENVIRONMENT,
    Rule(
        "^nolog$",
        "The lab on {name} has not been started yet: it has no log.",
        "",
        "{lab_start}",
    ),
    Rule(
        "^notrunning(\t|$)",
        "The lab on {name} is not running.{log}",
        "",
        "{lab_logs}   (to start it: {lab_start})",
    ),
    Rule(
        "^foreign(\t[^\t]*){4}$",
        "{taken}",
        "Nothing was sent to it.",
        "{other_port}",
    ),
    Rule(
        "^onsocket$",
        "The lab on {name} listens on a socket, not on a port.",
        "Nothing was changed.",
        "{lab_start}",
    ),
    Rule(
        r"^nostart\t(?P<backend>[^\t\n]*)",
        "The lab on {name} could not be started by {backend}.",
        "",
        "{lab_logs}",
    ),
    Rule("", "{name}: {reported}", "", "{lab_logs}"),
)
