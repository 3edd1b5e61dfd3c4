"""The laptop's side: key, ssh config, aliases; and all of it out again.

What is put in is noted, so that `uninstall` leaves the very bytes of before.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import Any

from remote_lab.env import wheels
from remote_lab.errors import Problem
from remote_lab.lab.tunnel import tunnel
from remote_lab.laptop import configured, git_hooks, home_files
from remote_lab.laptop.identity import claim, refuse_another
from remote_lab.laptop.installed import Installed
from remote_lab.settings import Project, Remote
from remote_lab.tools.files import write_whole
from remote_lab.transport.connection import Connection
from remote_lab.transport.process import run_quietly
from remote_lab.transport.ssh_config import ask, ssh_config, write_personal
from remote_lab.ui import show


def install(project: Project, names: Collection[str] | None = None) -> None:
    """Put the laptop's side in place; safe to repeat.

    Args:
        project: The project.
        names: The remotes to log in to, so as to bring the key; all by default.

    Raises:
        Problem: A file of the user's can't be written; what was done stays, and
            uninstall takes it out.
    """
    refuse_another(project)
    home, installed = Path.home(), Installed(project)
    remotes = [r for r in project.remotes.values() if not r.sandbox]
    wanted = [r for r in remotes if names is None or r.name in names]
    copies = home_files.plan(project, installed)
    claim(project)
    if remotes:
        make_folder(home / ".ssh", installed, mode=0o700)
        for identity in {identity_file(project, remote) for remote in wanted}:
            make_key(identity, installed)
    for copy in copies:
        make_folder(copy.at.parent, installed)
    home_files.write(copies, installed)
    home_files.take_out(project, installed, keep=copies)
    write_whole(project.state / "project", f"{project.root}\n")  # for the aliases
    if remotes:
        write_personal(project)
        insert(home / ".ssh" / "config", include(project.slug), installed, top=True)
    else:  # the last remote that ssh reached may be gone
        take_out_noted(home / ".ssh" / "config", installed)
    for rc in shell_files():
        insert(rc, block(project.slug), installed)
    former_out(project, installed)
    configured.note(project, [remote.name for remote in wanted])
    show.done("This laptop is set up: new shells have the aliases.")
    for remote in wanted:
        bring_key(project, remote)


def uninstall(project: Project) -> None:
    """Take out what install put in.

    A key that install made stays: it may have come to open other doors.

    Raises:
        Problem: A file of the user's can't be written.
    """
    installed = Installed(project)
    hooks = git_hooks.uninstall(project.root)
    if hooks:
        show.done(f"Took out of git's hooks: {', '.join(hooks)}.")
    if kept := git_hooks.kept_notebooks(project.root):
        show.note(f"Kept: notebooks that git has deleted or replaced, in {kept}")
    if installed.empty and not hooks:
        raise Problem("Nothing of this project is installed on this laptop.")
    if installed.lost:
        look_for(project, installed)
        installed.save()
    for remote in project.remotes.values():
        end_connections(Connection(project, remote))
    for name in installed.lists["lines"]:
        take_out(Path(name), installed)
    home_files.take_out(project, installed, keep=[])
    (Path.home() / f".ssh/known_hosts.{project.slug}").unlink(missing_ok=True)
    # The wheels are everybody's, but any project can fetch them again.
    former_out(project, installed)
    for ours in (project.state, wheels.cache()):
        shutil.rmtree(ours, ignore_errors=True)
    with suppress(OSError):  # another project's things are there
        wheels.cache().parent.rmdir()
    # Our state's folders are made by whichever command comes first.
    folders = {*map(Path, installed.lists["folders"]), *project.state.parents[:4]}
    for folder in sorted(folders, key=lambda path: len(path.parts), reverse=True):
        with suppress(OSError):  # something else is in it
            folder.rmdir()
    show.done("This laptop is as it was before install.")
    for key in installed.lists["keys"]:
        show.note(
            f"The key {key}, which install made, stays: other places may know it by"
            f" now. To remove it as well: {shlex.join(['rm', key, f'{key}.pub'])}"
        )


def former_out(project: Project, installed: Installed) -> None:
    """Take out what the first release kept under the project's bare name.

    Args:
        project: The project.
        installed: What install has put into this home.
    """
    if not (installed.former / "installed.json").exists():
        return
    aliases = Path.home() / ".config" / project.slug / "aliases.sh"
    if str(aliases) in installed.lists["files"]:
        aliases.unlink(missing_ok=True)
        installed.lists["files"].remove(str(aliases))
        installed.save()
    shutil.rmtree(installed.former)
    for folder in (aliases.parent, installed.former.parent):
        with suppress(OSError):  # another program's things are there
            folder.rmdir()


def end_connections(connection: Connection) -> None:
    """End the tunnel, and the connection that ssh keeps open for the next command."""
    tunnel(connection).down()
    if not connection.remote.sandbox:
        ssh = [*connection.ssh(), "-O", "exit", connection.remote.host]
        _ok(ssh, capture_output=True)


def identity_file(project: Project, remote: Remote) -> Path:
    """The key that opens a remote, as ssh would choose it."""
    options = ask(["-F", str(ssh_config(project)), remote.host])
    return Path(options["identityfile"][0]).expanduser()


def public_key(connection: Connection) -> str:
    """The laptop's public key for a remote, less type and comment; empty if none."""
    if connection.remote.sandbox:
        return ""
    path = identity_file(connection.project, connection.remote)
    try:
        words = Path(f"{path}.pub").read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError):
        return ""
    good = len(words) > 1 and re.fullmatch("[A-Za-z0-9+/=]+", words[1])
    return words[1] if good else ""


def make_key(path: Path, installed: Installed) -> None:
    """Make an ed25519 key where there is none; ssh-keygen asks for a passphrase."""
    if path.exists():
        return
    make_folder(path.parent, installed, mode=0o700)
    installed.note("keys", str(path))
    silent = [] if sys.stdin.isatty() else ["-q", "-N", ""]
    made = subprocess.run(
        ["ssh-keygen", "-t", "ed25519", "-f", path, *silent], check=False
    )
    if made.returncode:
        raise Problem(
            f"ssh-keygen could not make {path}.",
            "Nothing else was changed.",
            f"Try by hand: ssh-keygen -t ed25519 -f {shlex.quote(str(path))}",
        )
    show.done(f"Made the key {path}.")


def bring_key(project: Project, remote: Remote) -> None:
    """Bring the key to a remote that does not know it yet, by ssh-copy-id."""
    key = identity_file(project, remote)
    ssh = [*Connection(project, remote).ssh(), "-o", "BatchMode=yes"]
    only = ["-o", "ControlPath=none", "-o", "IdentitiesOnly=yes", "-i", str(key)]
    # ~/.ssh/config may name another key that is accepted: -v shows which one was.
    _, tried = run_quietly([*ssh, *only, "-v", remote.host, "exit"])
    # The login may have failed all the same, for want of a passphrase or second factor.
    if f"Server accepts key: {key} " in tried:
        show.done(f"{remote.name} knows your key.")
        return
    user = ask(["-F", str(ssh_config(project)), remote.host]).get("user", ["?"])[0]
    other = Connection(project, remote).command("install --user LOGIN")
    # -f: its own look would take that other key for this one.
    copy = ["ssh-copy-id", "-f", "-i", f"{key}.pub", remote.host]
    by_hand = f"ssh-copy-id -i {shlex.quote(f'{key}.pub')} {remote.host}"
    # Where no key opens it, a person has to.
    if not sys.stdin.isatty() and run_quietly([*ssh, remote.host, "exit"])[0]:
        show.note(f"{remote.name} does not know your key yet, or is away. {by_hand}")
        return
    show.step(
        f"Logging in to {remote.name} as {user} to bring your key there; it may ask for"
        f" the password of {user}. (With another login: {other})"
    )
    if _ok(copy):
        show.done(f"{remote.name} knows your key now.")
    else:
        show.note(f"{remote.name} did not take your key. Try again: {by_hand}")


def make_folder(path: Path, installed: Installed, mode: int = 0o755) -> None:
    """Make a folder, and note which of its parents are new."""
    if path.is_dir():
        if installed.others_made(path):
            make_folder(path.parent, installed)
            installed.note("folders", str(path))
        return
    make_folder(path.parent, installed)
    path.mkdir(mode=mode)
    installed.note("folders", str(path))


def shell_files() -> list[Path]:
    """The start-up files of the shells that this user has."""
    home = Path.home()
    known = [home / ".bashrc", home / ".zshrc"]
    used = "zsh" if os.environ.get("SHELL", "").endswith("zsh") else "bash"
    return [rc for rc in known if rc.exists()] or [home / f".{used}rc"]


def include(slug: str) -> str:
    """The line that ~/.ssh/config gets."""
    return f"Include ~/.ssh/config.d/{slug}.conf\n"


def block(slug: str) -> str:
    """The lines that a shell's start-up file gets."""
    aliases = f"~/{home_files.aliases(slug)}"
    return f"# >>> {slug} >>>\n[ ! -r {aliases} ] || . {aliases}\n# <<< {slug} <<<\n"


def insert(path: Path, text: str, installed: Installed, top: bool = False) -> None:
    """Put lines into a file of the user's, once; a link stays a link.

    Args:
        path: The file; made if missing.
        text: Whole lines.
        installed: Notes how the file was.
        top: At the very top, rather than at the end.
    """
    before = _read(path)
    if _find(before, text) >= 0:
        if installed.lost:
            installed.lists["lines"].setdefault(str(path), found(text))
            installed.save()
        return
    if str(path) in installed.lists["lines"]:  # as a former version had them
        take_out(path, installed)
        before = _read(path)
    joint = not top and before != "" and not before.endswith("\n")
    installed.lists["lines"][str(path)] = {
        "text": text,
        "joint": joint,
        "made": not path.exists() or installed.others_made(path),
    }
    installed.save()
    _rewrite(path, text + before if top else before + "\n" * joint + text)


def found(text: str) -> dict[str, Any]:
    """How lines of ours are noted that are there, nobody knows since when."""
    return {"text": text, "joint": False, "made": False}


def look_for(project: Project, installed: Installed) -> None:
    """List anew what is there of what install puts in, after the list was lost."""
    installed.lists["files"] = home_files.found(project)
    places = {Path.home() / ".ssh" / "config": include(project.slug)}
    places |= {rc: block(project.slug) for rc in shell_files()}
    for path, text in places.items():
        if _find(_read(path), text) >= 0:
            installed.lists["lines"][str(path)] = found(text)


def take_out(path: Path, installed: Installed) -> None:
    """Take our lines out of a file of the user's, and the file if we made it."""
    how = installed.lists["lines"][str(path)]
    before = _read(path)
    start = _find(before, how["text"])
    if start < 0:
        return
    after = before[start + len(how["text"]) :]
    # The line's end before ours is the user's now, if something was written below.
    if how["joint"] and not after:
        start -= 1
    if not start and not after and how["made"]:
        path.resolve().unlink()  # where it is a link, that was there before
    else:
        _rewrite(path, before[:start] + after)


def take_out_noted(path: Path, installed: Installed) -> None:
    """Take our lines out of a file, if there are some, and forget that there were."""
    if str(path) in installed.lists["lines"]:
        take_out(path, installed)
        del installed.lists["lines"][str(path)]
        installed.save()


def _read(path: Path) -> str:
    """The text of a file of the user's, each byte of it, line ends as they are."""
    if not path.exists():
        return ""
    return path.read_bytes().decode("utf-8", "surrogateescape")


def _find(text: str, lines: str) -> int:
    """Where whole lines stand in a text, or -1."""
    return f"\n{text}".find(f"\n{lines}")


def _rewrite(path: Path, text: str) -> None:
    target = path.resolve()
    mode = 0o600 if target.parent.name == ".ssh" else 0o666 & ~_umask()
    try:
        if target.exists():
            mode = target.stat().st_mode & 0o7777
            if not os.access(target, os.W_OK):
                raise PermissionError("it is read-only")
        write_whole(target, text, mode)
    except OSError as error:
        raise Problem(
            f"{path} can't be written: {error.strerror or error}.",
            "It is as it was.",
            f"Make it writable (chmod u+w {path}), then try again.",
        ) from None


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _ok(argv: list[str], **options: Any) -> bool:
    return subprocess.run(argv, check=False, **options).returncode == 0
