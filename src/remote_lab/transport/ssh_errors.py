"""What ssh, or a remote that does not run our program, reports: in the user's terms."""

import os
import re
import shlex
import subprocess

from remote_lab.errors import (
    NOTHING,
    Broken,
    Dropped,
    Problem,
    Refused,
    Rule,
    Unreachable,
    explained,
    install_hint,
)
from remote_lab.transport.route import Route
from remote_lab.transport.ssh_config import ask, ssh_config

# The line that makes a .bashrc end at once for programs that come by ssh.
GUARD = "Have ~/.bashrc there begin with: case $- in *i*) ;; *) return ;; esac"
# The same for the start files of other login shells.
GUARDS = {
    "zsh": "Move what prints from ~/.zshenv there to ~/.zshrc, which terminals read",
    "fish": "Have ~/.config/fish/config.fish there begin with:"
    " status is-interactive; or exit",
    "csh": "Have ~/.cshrc there begin with: if (! $?prompt) exit",
    "tcsh": "Have ~/.tcshrc there, or ~/.cshrc, begin with: if (! $?prompt) exit",
}
MAY_BE_DONE = "What was under way there may be done, or not."

# For the text of not_run.
NOT_RUN = (
    Rule(
        r"\Aeaten(;|\Z)",
        "Something on {name} reads, or closes, the input of our program.",
        "{unchanged}",
        f"{GUARD}   (it has a read, cat, ssh or exec that is for terminals only)",
    ),
    Rule(
        "sftp",
        "This account of {name} allows only sftp, and runs no commands.",
        "{unchanged}",
        "Ask its admin for an account that runs commands.",
    ),
    Rule(
        r"(?i)\bsh: .*(not found|no such file)",
        "{name} finds no sh. {printed}",
        "{unchanged}",
        "Fix the PATH that ~/.bashrc there sets.",
    ),
    Rule(
        "",
        "{name} ran something other than our program. {printed}",
        "{unchanged}",
        f"{GUARD}   (it exits, or starts another shell; a login shell other than bash"
        " has another such file). Or is the account bound to a fixed command"
        " (ForceCommand, command= in authorized_keys)? Ask for one that is not.",
    ),
)

# What a jump host's ssh prints if it finds no way to the remote. It comes before the
# last line, which then says least.
NO_WAY = re.compile("^ssh: |stdio forwarding failed|open failed|Permission denied")
# For what ssh prints, and then a line of our own, "last: " or "no way: ", with the line
# that says most.
SSH = (
    Rule(
        "IDENTIFICATION HAS CHANGED",
        "{host} has another host key than before: it was installed anew, or something"
        " stands between you and it.",
        NOTHING,
        "Ask its admin whether the key changed; if so: {forget}",
        kind=Unreachable,
    ),
    Rule(
        "Host key verification failed",
        "The host key of {host} could not be checked.",
        NOTHING,
        "Log in once by hand and look at the key: ssh {host}",
        kind=Unreachable,
    ),
    Rule(
        "Permission denied|Too many authentication",
        "{host} is there, but does not let you in: {last}",
        NOTHING,
        "Bring your key there: {install}   (or check User and IdentityFile:"
        " ssh -v {host})",
        kind=Refused,
    ),
    Rule(  # sshd closed the connection before it asked who we are
        r"(?ms)(kex|ssh)_exchange_identification.*^last: ",
        "{host} closes each connection at once: {last}",
        NOTHING,
        "It may be busy, or block this laptop for a while. Try later: ssh -v {host}",
        kind=Dropped,
    ),
    Rule(
        "open refused by peer|open failed",
        "{host} lets you in, but opens no session: {last}",
        NOTHING,
        "Its sshd allows a login no session, or not as many (MaxSessions): ask its"
        " admin. This must print hello: ssh {host} echo hello",
        kind=Unreachable,
    ),
    Rule(  # all that we sent may have arrived, and the mark been lost on its way back
        r"(?m)^last: (.*(closed|reset by|disconnect|Broken pipe|not responding)|$)",
        "The connection to {host} broke.",
        MAY_BE_DONE,
        "Type the same command again: it goes on from what is there.",
        kind=Broken,
    ),
    Rule(
        "",
        "{host} can't be reached: {last}",
        NOTHING,
        "Is it on, and are you on the right network? Try: ssh -v {host}",
        kind=Unreachable,
    ),
)


def explain(route: Route, errors: str, begun: bool = False) -> Problem:
    """The error that ssh's own failure means: Unreachable, or a kind of it.

    Args:
        route: The way that ssh was to take.
        errors: What ssh wrote to standard error.
        begun: Whether our program had begun to run there.
    """
    lines = [] if begun else errors.splitlines()
    no_way = [line for line in lines if NO_WAY.search(line)]
    last = (no_way or lines or [""])[-1]
    report = f"{'no way' if no_way else 'last'}: {last}"
    changed = "IDENTIFICATION HAS CHANGED" in errors and not begun
    return _explained(
        SSH,
        report if begun else f"{errors}\n{report}",
        host=route.remote.host,
        last=last,
        install=route.command("install"),
        forget=_forget(route) if changed else "",
    )


def not_run(route: Route, status: int, before: str, errors: str) -> Problem:
    """The error where something else ran than our program, or nothing.

    Args:
        route: The way that ssh took.
        status: What it ended with.
        before: The last line that came instead of our program's mark.
        errors: What came on standard error.
    """
    lines = [line for line in errors.splitlines() if re.search("[a-z]{3}", line)]
    output = "; ".join(line[-200:] for line in (before, *lines[-1:]) if line)
    error = _explained(
        NOT_RUN,
        output,
        name=route.remote.name,
        printed=f"It printed: {output}" if output else "It printed nothing.",
        # Our program itself may have run, and its output been lost.
        unchanged=NOTHING if status else "What it did is not known.",
    )
    error.todo += "\nThis must print hello: " + route.shell("echo hello")
    return error


def _explained(rules: tuple[Rule, ...], report: str, **facts: str) -> Problem:
    error = explained(rules, report, **facts)
    assert error  # the last rule matches everything
    return error


def noisy(shell: str) -> str:
    """What to do where a login without a terminal prints something.

    Args:
        shell: The login shell there, by its path.
    """
    return GUARDS.get(shell.rpartition("/")[2], GUARD)


def endless(route: Route) -> Problem:
    """The error where the output of a remote is too long."""
    return Problem(
        f"{route.remote.name} sends more than an answer can hold.",
        MAY_BE_DONE,
        "See what is wrong there: " + route.shell("uptime"),
    )


def other_project(route: Route) -> Problem:
    """The error where the remote has another project of the same name."""
    slug = route.project.slug
    return Problem(
        f"Another project called {slug} is on {route.remote.name}.",
        NOTHING,
        "Make this project again under another name: uvx copier copy --trust"
        " -d project_slug=NAME SOURCE ../NAME   (if the other one no longer exists, let"
        " this one replace it:"
        f" {route.shell(f'rm .local/state/remote-lab/{slug}/project')})",
    )


def missing(route: Route, programs: list[str]) -> Problem:
    """The error where a remote lacks programs that a push needs."""
    return Problem(
        f"{route.remote.name} lacks what a push needs: {' '.join(programs)}.",
        NOTHING,
        f"{install_hint(programs)}   If they are there, fix the PATH that the account"
        " sets.",
    )


def unfinished(route: Route) -> Problem:
    """The error where a program ended with status 0, but not at its end."""
    return Problem(
        f"{route.remote.name} did not report what it did: the program that was sent did"
        " not reach its end.",
        MAY_BE_DONE,
        f"See whether the disk is full: {route.shell('df -h .')}   Then type the same"
        " command again.",
    )


def _forget(route: Route) -> str:
    """What to type so that ssh forgets a remote's host key.

    Not taken from ssh's own output: a remote's banner may imitate it.
    """
    used = ask(["-F", str(ssh_config(route.project)), route.remote.host])
    port = used.get("port", ["22"])[0]
    name = used.get("hostname", [""])[0].lower()
    name = used.get("hostkeyalias", [name if port == "22" else f"[{name}]:{port}"])[0]
    lines = [
        shlex.join(["ssh-keygen", "-R", name, "-f", file])
        for file in map(os.path.expanduser, used["userknownhostsfile"][0].split())
        if not subprocess.run(
            ["ssh-keygen", "-F", name, "-f", file], check=False, capture_output=True
        ).returncode
    ]
    # The key may be another's on the way there: a jump host's.
    hint = f"ssh-keygen -R, as ssh prints it: {route.shell('exit')}"
    return "; ".join(lines) or hint
