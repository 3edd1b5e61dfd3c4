"""What ssh, or a remote that will not run our program, says: in the user's terms."""

import os
import re
import shlex
import subprocess
from typing import TYPE_CHECKING

from remote_lab.errors import Broken, Dropped, Problem, Refused, Unreachable
from remote_lab.transport.ssh_config import ask, ssh_config

if TYPE_CHECKING:
    from remote_lab.transport.connection import Connection

# What keeps a .bashrc away from programs that come by ssh.
GUARD = "Have ~/.bashrc there begin with: case $- in *i*) ;; *) return ;; esac"
# The same for other login shells, whose start files are others.
GUARDS = {
    "zsh": "Move what prints from ~/.zshenv there to ~/.zshrc, which terminals read",
    "fish": "Have ~/.config/fish/config.fish there begin with:"
    " status is-interactive; or exit",
    "csh": "Have ~/.cshrc there begin with: if (! $?prompt) exit",
    "tcsh": "Have ~/.tcshrc there, or ~/.cshrc, begin with: if (! $?prompt) exit",
}
# How ssh says that a connection died: all that we sent may have arrived, and the mark
# been lost on its way back.
DIED = re.compile("closed|reset by|disconnect|Broken pipe|not responding")
# How it says that sshd hung up before it asked who we are. A jump host that finds no
# way to the remote makes it say the same, behind its own words.
DROPPED = re.compile("(kex|ssh)_exchange_identification")
NO_WAY = re.compile("^ssh: |stdio forwarding failed|open failed|Permission denied")


def not_run(
    connection: "Connection", status: int, noise: bytes, errors: str
) -> Problem:
    """The error where something else ran than our program, or nothing.

    Args:
        connection: The way that ssh took.
        status: What it ended with.
        noise: The last line that came in place of our program's.
        errors: What came on standard error.
    """
    name = connection.remote.name
    heard = noise.decode("utf-8", "replace").strip()
    lines = [line for line in errors.splitlines() if re.search("[a-z]{3}", line)]
    said = "; ".join(line[-200:] for line in (heard, *lines[-1:]) if line)
    if heard == "eaten":
        what = f"Something on {name} reads, or closes, the input of our program."
        todo = f"{GUARD}   (it holds a read, cat, ssh or exec for terminals alone)"
    elif "sftp" in said:
        what = f"This account of {name} takes sftp alone, and runs no commands."
        todo = "Ask who runs it for an account that does."
    elif re.search(r"\bsh: .*(not found|no such file)", said, re.IGNORECASE):
        what = f"{name} finds no sh. It said: {said}"
        todo = "Mend the PATH that ~/.bashrc there sets."
    else:
        told = f"It said: {said}" if said else "It said nothing."
        what = f"{name} did something else than run our program. {told}"
        todo = (
            f"{GUARD}   (it exits, or starts another shell; a login shell other"
            " than bash has another such file). Or is the account bound to a fixed"
            " command (ForceCommand, command= in authorized_keys)? Ask for one that"
            " is not."
        )
    # Our program itself may have run, unheard.
    still = "Nothing was changed there." if status else "What it did is not known."
    todo += "\nThis must say hello: " + connection.shell("echo hello")
    return Problem(what, still, todo)


def noisy(shell: str) -> str:
    """What to do where a login without a terminal prints something.

    Args:
        shell: The login shell there, by its path.
    """
    return GUARDS.get(shell.rpartition("/")[2], GUARD)


def _forget(connection: "Connection") -> str:
    """What to type so that ssh forgets a remote's host key.

    Not from ssh's own words: a remote's banner may imitate them.
    """
    told = ask(["-F", str(ssh_config(connection.project)), connection.remote.host])
    port = told.get("port", ["22"])[0]
    name = told.get("hostname", [""])[0].lower()
    name = told.get("hostkeyalias", [name if port == "22" else f"[{name}]:{port}"])[0]
    lines = [
        shlex.join(["ssh-keygen", "-R", name, "-f", file])
        for file in map(os.path.expanduser, told["userknownhostsfile"][0].split())
        if not subprocess.run(
            ["ssh-keygen", "-F", name, "-f", file], check=False, capture_output=True
        ).returncode
    ]
    # It may be another's on the way there: a jump host's.
    return "; ".join(lines) or f"ssh-keygen -R, as ssh says: {connection.shell('exit')}"


def explain(connection: "Connection", errors: str, begun: bool = False) -> Unreachable:
    """What ssh's complaint means, and what to do about it.

    Args:
        connection: The way that ssh was to take.
        errors: What ssh wrote to standard error.
        begun: Whether our program had begun to run there.
    """
    host = connection.remote.host
    broken = Broken(
        f"The connection to {host} broke.",
        "The same command again: it goes on from what is there.",
        still="What was under way there may be done, or not.",
    )
    if begun:
        return broken
    lines = errors.splitlines() or ["ssh ended without a word"]
    # What a jump host's ssh says comes before the one line that tells the least.
    telling = [line for line in lines if NO_WAY.search(line)]
    last = (telling or lines)[-1]
    if "IDENTIFICATION HAS CHANGED" in errors:
        return Unreachable(
            f"{host} shows another host key than it did before: it was set up anew,"
            " or something stands between you and it.",
            f"Ask who runs it whether the key changed; if so: {_forget(connection)}",
        )
    if "Host key verification failed" in errors:
        return Unreachable(
            f"The host key of {host} could not be checked.",
            f"Log in once by hand and look at the key: ssh {host}",
        )
    if "Permission denied" in errors or "Too many authentication" in errors:
        return Refused(
            f"{host} is there, but does not let you in: {last}",
            f"Bring your key there: {connection.verb('install')}   (or check User and"
            f" IdentityFile: ssh -v {host})",
        )
    if DROPPED.search(errors) and not telling:
        return Dropped(
            f"{host} hangs up at once, each time: {last}",
            f"It may be busy, or bar this laptop for a while. Try later: ssh -v {host}",
        )
    if "open refused by peer" in errors or "open failed" in errors:
        return Unreachable(
            f"{host} lets you in, but opens no session: {last}",
            "Its sshd allows a login no session, or not as many (MaxSessions): ask who"
            f" runs it. This must say hello: ssh {host} echo hello",
        )
    if not errors or (DIED.search(last) and not telling):
        return broken
    return Unreachable(
        f"{host} can't be reached: {last}",
        f"Is it on, and are you on the right network? Try: ssh -v {host}",
    )
