"""The laptop's side: key, ssh config, aliases; and all of it out again.

What is put in is noted, so that `uninstall` leaves the very bytes of before.
"""

import json
import os
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from remote_lab import git_hooks, show, wheels
from remote_lab.connection import Connection
from remote_lab.errors import Problem
from remote_lab.settings import Project, Remote
from remote_lab.sshconf import ask, ssh_config, write, write_personal
from remote_lab.tree import CONFLICT
from remote_lab.tunnel import tunnel


class Record:
    """What install has put into this home: the list that uninstall works from."""

    def __init__(self, project: Project) -> None:
        self._path = project.state / "installed.json"
        self.said: dict[str, Any] = {
            "files": [],
            "folders": [],
            "lines": {},
            "keys": [],
        }
        if self._path.exists():
            self.said |= json.loads(self._path.read_text(encoding="utf-8"))

    def note(self, kind: str, value: str) -> None:
        """Add to a list, before the thing itself is done."""
        if value not in self.said[kind]:
            self.said[kind].append(value)
            self.save()

    def save(self) -> None:
        """Write the record."""
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        text = json.dumps(self.said, indent=2) + "\n"
        self._path.write_text(text, encoding="utf-8")

    @property
    def empty(self) -> bool:
        """Whether nothing was ever installed."""
        return not self._path.exists()


def install(project: Project) -> None:
    """Put the laptop's side in place; again without harm.

    Raises:
        Problem: A file of the user's can't be written; what was done stays, and
            uninstall takes it out.
    """
    home, record = Path.home(), Record(project)
    remotes = [r for r in project.remotes.values() if not r.sandbox]
    if remotes:
        make_folder(home / ".ssh", record, mode=0o700)
        for identity in {identity_file(project, remote) for remote in remotes}:
            make_key(identity, record)
    mirror(project, record)
    write(project.state / "project", f"{project.root}\n")  # for the aliases
    if remotes:
        write_personal(project)
        include = f"Include ~/.ssh/config.d/{project.slug}.conf\n"
        insert(home / ".ssh" / "config", include, record, top=True)
    for rc in shell_files():
        insert(rc, block(project.slug), record)
    show.done("This laptop is set up: new shells have the aliases.")
    for remote in remotes:
        bring_key(project, remote)


def uninstall(project: Project) -> None:
    """Take out what install put in.

    A key that install made stays: it may have come to open other doors.

    Raises:
        Problem: A file of the user's can't be written.
    """
    record = Record(project)
    hooks = git_hooks.uninstall(project.root)
    if hooks:
        show.done(f"Took out of git's hooks: {', '.join(hooks)}.")
    if kept := git_hooks.kept_notebooks(project.root):
        show.note(f"Kept: notebooks that git has deleted or replaced, in {kept}")
    if record.empty and hooks:
        return
    if record.empty:
        raise Problem("Nothing of this project is installed on this laptop.")
    for remote in project.remotes.values():
        end_connections(Connection(project, remote))
    for name in record.said["lines"]:
        take_out(Path(name), record)
    for name in record.said["files"]:
        Path(name).unlink(missing_ok=True)
    (Path.home() / f".ssh/known_hosts.{project.slug}").unlink(missing_ok=True)
    # The wheels are everybody's, but any project can fetch them again.
    for ours in (project.state, wheels.cache()):
        shutil.rmtree(ours, ignore_errors=True)
    with suppress(OSError):  # another project's things are there
        wheels.cache().parent.rmdir()
    # Our state's folders are made by whichever verb comes first.
    folders = {*map(Path, record.said["folders"]), *project.state.parents[:4]}
    for folder in sorted(folders, key=lambda path: len(path.parts), reverse=True):
        with suppress(OSError):  # something else lives there
            folder.rmdir()
    show.done("This laptop is as it was before install.")
    for key in record.said["keys"]:
        show.note(
            f"The key {key}, which install made, stays: other places may know it by"
            f" now. To remove it as well: rm {key} {key}.pub"
        )


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


def make_key(path: Path, record: Record) -> None:
    """Make an ed25519 key where there is none; ssh-keygen asks for a passphrase."""
    if path.exists():
        return
    make_folder(path.parent, record, mode=0o700)
    record.note("keys", str(path))
    silent = [] if sys.stdin.isatty() else ["-q", "-N", ""]
    made = subprocess.run(
        ["ssh-keygen", "-t", "ed25519", "-f", path, *silent], check=False
    )
    if made.returncode:
        raise Problem(
            f"ssh-keygen could not make {path}.",
            "Nothing else was changed.",
            f"Try by hand: ssh-keygen -t ed25519 -f {path}",
        )
    show.done(f"Made the key {path}.")


def bring_key(project: Project, remote: Remote) -> None:
    """Bring the key to a remote that does not know it yet, by ssh-copy-id."""
    key = identity_file(project, remote)
    ssh = [*Connection(project, remote).ssh(), "-o", "BatchMode=yes"]
    only = ["-o", "ControlPath=none", "-o", "IdentitiesOnly=yes", "-i", str(key)]
    # Another key that ~/.ssh/config names may open the door: which did, -v tells.
    tried = subprocess.run(
        [*ssh, *only, "-v", remote.host, "exit"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
    )
    # It need not have opened: a passphrase or a second factor may stand between.
    if f"Server accepts key: {key} " in tried.stderr:
        show.done(f"{remote.name} knows your key.")
        return
    # -f: its own look would take that other key for this one.
    copy = ["ssh-copy-id", "-f", "-i", f"{key}.pub", remote.host]
    by_hand = f"ssh-copy-id -i {key}.pub {remote.host}"
    quiet = {"stdin": subprocess.DEVNULL, "capture_output": True}
    # Where no key opens it, a person has to.
    if not sys.stdin.isatty() and not _ok([*ssh, remote.host, "exit"], **quiet):
        show.note(f"{remote.name} does not know your key yet, or is away. {by_hand}")
    elif _ok(copy):
        show.done(f"{remote.name} knows your key now.")
    else:
        show.note(f"{remote.name} did not take your key. Try again: {by_hand}")


def mirror(project: Project, record: Record) -> None:
    """Copy home/laptop to the same places in the home."""
    root = project.root / "home" / "laptop"
    for source in sorted(path for path in root.rglob("*") if path.is_file()):
        if CONFLICT.search(source.read_bytes()):
            raise Problem(
                f"{source.relative_to(project.root)} holds an unresolved conflict.",
                "That file was not installed.",
                "Resolve it, then: ./remote install",
            )
        at = Path.home() / source.relative_to(root)
        ours = str(at) in record.said["files"]
        if not ours and at.exists() and at.read_bytes() != source.read_bytes():
            raise Problem(
                f"{at} is there already, and not from this project.",
                "It was not touched.",
                f"Move it away, then: ./remote install   (mv {at} {at}.mine)",
            )
        make_folder(at.parent, record)
        record.note("files", str(at))
        shutil.copyfile(source, at)
        if ".ssh" in at.parts:  # or ssh refuses it, after a umask of 002
            at.chmod(0o600)


def make_folder(path: Path, record: Record, mode: int = 0o755) -> None:
    """Make a folder, and note which of its parents are new."""
    if path.is_dir():
        return
    make_folder(path.parent, record)
    path.mkdir(mode=mode)
    record.note("folders", str(path))


def shell_files() -> list[Path]:
    """The start-up files of the shells that this user has."""
    home = Path.home()
    known = [home / ".bashrc", home / ".zshrc"]
    used = "zsh" if os.environ.get("SHELL", "").endswith("zsh") else "bash"
    return [rc for rc in known if rc.exists()] or [home / f".{used}rc"]


def block(slug: str) -> str:
    """The lines that a shell's start-up file gets."""
    aliases = f"~/.config/remote-lab/{slug}/aliases.sh"
    return f"# >>> {slug} >>>\n[ ! -r {aliases} ] || . {aliases}\n# <<< {slug} <<<\n"


def insert(path: Path, text: str, record: Record, top: bool = False) -> None:
    """Put lines into a file of the user's, once; a link stays a link.

    Args:
        path: The file; made if missing.
        text: Whole lines.
        record: Notes how the file was.
        top: At the very top, rather than at the end.
    """
    before = _read(path)
    if _find(before, text) >= 0:
        return
    joint = not top and before != "" and not before.endswith("\n")
    record.said["lines"][str(path)] = {
        "text": text,
        "joint": joint,
        "made": not path.exists(),
    }
    record.save()
    _rewrite(path, text + before if top else before + "\n" * joint + text)


def take_out(path: Path, record: Record) -> None:
    """Take our lines out of a file of the user's, and the file if we made it."""
    how = record.said["lines"][str(path)]
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
    beside = target.with_name(f"{target.name}.{os.getpid()}")
    try:
        if target.exists() and not os.access(target, os.W_OK):
            raise PermissionError("it is read-only")
        beside.write_bytes(text.encode("utf-8", "surrogateescape"))
        if target.exists():
            shutil.copymode(target, beside)
        elif target.parent.name == ".ssh":
            beside.chmod(0o600)
        beside.replace(target)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise Problem(
            f"{path} can't be written: {error.strerror or error}.",
            "It is as it was.",
            f"Make it writable (chmod u+w {path}), then try again.",
        ) from None


def _ok(argv: list[str], **options: Any) -> bool:
    return subprocess.run(argv, check=False, **options).returncode == 0
