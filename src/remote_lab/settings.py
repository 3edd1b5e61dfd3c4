"""The project's settings: remote.toml, and what is personal in remote.local.toml."""

import re
import tomllib
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

from remote_lab.errors import USAGE, Problem
from remote_lab.tools.files import write_whole

PERSONAL = "remote.local.toml"
# What remote.toml has, and each of its remotes.
KEYS = {
    *("slug", "id", "dir", "environment", "service", "lab_listen", "lab_remote_port"),
    *("notebooks_in_git", "setup", "remotes"),
}
REMOTE_KEYS = {"lab_port", "sandbox"}
OWN = ("user", "identity", "lab_port")  # what it may hold for a remote
Part = Literal["home", "code", "env"]  # of a push
PARTS: tuple[Part, ...] = get_args(Part)  # in its order
# How to push dotfiles: overwrite no change on the remote, all of them, or only report.
Mode = Literal["apply", "force", "dry"]
# What can manage the lab: each is a file in sh/backends/.
Backend = Literal["systemd-user", "systemd-system", "tmux", "process"]
BACKENDS: tuple[Backend, ...] = get_args(Backend)
# What remote.toml may name; process is for the sandbox, and for want of a better one.
Service = Literal["auto", "systemd-user", "systemd-system", "tmux"]
# What `lab` does with it.
Action = Literal["start", "stop", "restart"]
SERVICES: tuple[Service, ...] = get_args(Service)
# What `git rev-parse --local-env-vars` lists: set by a git hook or an alias, it would
# lead our git to another repository, or index, than the project's.
FROM_GIT = re.compile(
    "GIT_(ALTERNATE_OBJECT_DIRECTORIES|COMMON_DIR|CONFIG|CONFIG_COUNT|CONFIG_PARAMETERS"
    "|DIR|GRAFT_FILE|IMPLICIT_WORK_TREE|INDEX_FILE|INTERNAL_SUPER_PREFIX|NAMESPACE"
    "|NO_REPLACE_OBJECTS|OBJECT_DIRECTORY|PREFIX|REPLACE_REF_BASE|SHALLOW_FILE"
    "|WORK_TREE)"
)
# The code's folder on a remote, with the bounds of the question remote_dir: it goes
# into shell programs. No part begins with a dot: .git, .ssh and the like are others'.
_PART = "[A-Za-z0-9_][A-Za-z0-9_.-]*"
_DIR_IN_HOME = rf"(?=.{{1,100}}\Z){_PART}(/{_PART})*"
_DIR = rf"{_DIR_IN_HOME}|(?=.{{1,100}}\Z)(/{_PART}){{2,}}"
# What an ssh configuration can hold, and no shell on the way takes for its own. The
# part before a backslash is a Windows domain.
LOGIN = r"(?=.{1,100}\Z)([A-Za-z0-9_.-]+\\)?\w[\w.@+-]*"
_KEY_FILE = r"(?=.{1,200}\Z)[^\s\"'\\%$`-][^\"'\\%$`]*"


class Remote(NamedTuple):
    """One remote of the project.

    Attributes:
        name: What the user calls it in commands.
        host: Its Host in the ssh config; the tunnel's Host is this and "-lab".
        lab_port: The laptop's port that leads to its lab.
        sandbox: Whether it is a folder on this machine and not a machine.
        user: The login name of this user, where it is not the project's.
        identity: This user's key file, where it is not the project's.
    """

    name: str
    host: str
    lab_port: int
    sandbox: bool = False
    user: str = ""
    identity: str = ""


class Project(NamedTuple):
    """What remote.toml says, checked.

    Attributes:
        root: The project's folder on the laptop.
        id: Random; tells it from another project of that name.
        dir: The project's folder on the remotes: absolute, or relative to the home.
    """

    root: Path
    slug: str
    id: str
    dir: str
    environment: str
    service: str
    lab_listen: str
    lab_remote_port: int
    setup_laptop: bool
    setup_push: bool
    remotes: dict[str, Remote]

    @property
    def names(self) -> dict[str, str]:
        """What every program of ours on a remote has to know (sh/state.sh)."""
        return {"slug": self.slug, "project": self.id, "dir": self.dir}

    @property
    def place(self) -> str:
        """The project's folder on the remotes, as people write it."""
        return self.dir if self.dir.startswith("/") else f"~/{self.dir}"

    @property
    def state(self) -> Path:
        """The laptop's own notes on this project: addresses, sockets, records."""
        return Path.home() / ".local" / "state" / "remote-lab" / self.slug / "laptop"

    def command(self, words: str, *remotes: Remote) -> str:
        """What to type for one of our commands.

        Args:
            words: The command.
            remotes: Which remotes it is for; they are named where there are others.
        """
        several = len(self.remotes) > 1
        return " ".join(["./remote", words, *(r.name for r in remotes if several)])

    def pick(self, name: str | None) -> Remote:
        """The remote called name; without a name, the only one.

        Raises:
            Problem: There is no such remote, or several to choose from.
        """
        known = ", ".join(self.remotes)
        if name is None:
            if len(self.remotes) > 1:
                raise Problem(
                    f"This project has several remotes: {known}.",
                    todo="Add a name to the command, such as: ./remote push"
                    f" {next(iter(self.remotes))}",
                    code=USAGE,
                )
            return next(iter(self.remotes.values()))
        if name not in self.remotes:
            raise Problem(
                f"This project has no remote called {name!r}.",
                todo=f"Its remotes are: {known} (see remote.toml).",
                code=USAGE,
            )
        return self.remotes[name]


def load(root: Path) -> Project:
    """Read the project's settings.

    Args:
        root: The project's folder.

    Raises:
        Problem: A file is missing, is no TOML, or holds what can't be.
    """
    return load_with(root, _personal(root))


def load_with(root: Path, own: dict[str, Any]) -> Project:
    """Read the project's settings, with other personal ones than the file's.

    Args:
        root: The project's folder.
        own: What is personal, by the remotes' names.

    Raises:
        Problem: A file is missing, is no TOML, or holds what can't be.
    """
    found = _read(root / "remote.toml")
    _refuse_other_version(found)
    check = _Check(root / "remote.toml")
    slug = check.text(found, "slug", r"[a-z][a-z0-9-]{0,30}")
    mine = _Check(root / PERSONAL)
    setup = check.table(found, "setup")
    remotes = {
        name: _own(mine, own, _remote(check, slug, name, found["remotes"]))
        for name in check.table(found, "remotes")
    }
    folder, wanted = _DIR, "a folder such as work/titanic, no dot first"
    if any(remote.sandbox for remote in remotes.values()):
        # Outside of a sandbox is this machine.
        folder, wanted = _DIR_IN_HOME, f"{wanted}, relative to the home of the sandbox"
    return Project(
        root=root,
        slug=slug,
        id=check.text(found, "id", r"[0-9a-f]{16}"),
        dir=check.text(found, "dir", folder, wanted),
        environment=check.text(found, "environment", "uv|conda"),
        service=check.text(found, "service", "|".join(SERVICES)),
        lab_listen=check.text(found, "lab_listen", "socket|port"),
        lab_remote_port=check.port(found, "lab_remote_port"),
        setup_laptop=check.flag(setup, "laptop"),
        setup_push=check.flag(setup, "push"),
        remotes=remotes,
    )


def _refuse_other_version(found: dict[str, Any]) -> None:
    """Refuse a remote.toml that an older or a newer template wrote.

    Args:
        found: What the file has.

    Raises:
        Problem: It has keys that are not known, or lacks some.
    """
    remotes = found.get("remotes")
    tables = remotes.values() if isinstance(remotes, dict) else ()
    named = {key for table in tables if isinstance(table, dict) for key in table}
    unknown = [*sorted({*found} - KEYS), *sorted(named - REMOTE_KEYS)]
    missing = sorted(KEYS - {*found})
    if not unknown and not missing:
        return
    wrong = f"has {', '.join(unknown)}" if unknown else f"lacks {', '.join(missing)}"
    raise Problem(
        f"remote.toml {wrong}: it was edited, or written by"
        f" {'a newer' if unknown else 'an older'} template than ./remote.",
        "Nothing was changed.",
        "If you edited it: git checkout HEAD -- remote.toml   Otherwise bring both to"
        " one version: uvx copier update --trust",
    )


def save_personal(root: Path, name: str | None, **values: str | int) -> Project:
    """Keep what is this user's alone, out of git, and use it from now on.

    Args:
        root: The project's folder.
        name: The remote that the values are for; the only one by default.
        **values: user, identity, lab_port. They replace what the file has, even where
            that can't be: so the same command corrects it.

    Raises:
        Problem: A value can't be; the file is as it was.
    """
    name = load_with(root, {}).pick(name).name
    own = _personal(root)
    own[name] = {**own.get(name, {}), **values}
    try:
        project = load_with(root, own)
    except Problem as error:
        todo = "The same command, with another value."
        if not any(error.what.startswith(f"{PERSONAL}: {key} ") for key in values):
            todo = error.todo
        raise Problem(error.what, "Nothing was changed.", todo, USAGE) from None
    _write_personal(root, own)
    return project


def forget_personal(root: Path, name: str) -> str:
    """Take out what is this user's alone for a remote.

    Args:
        root: The project's folder.
        name: The remote's.

    Returns:
        What there was, as TOML in one line; nothing, if there was none.
    """
    own = _personal(root)
    gone = own.pop(name, {})
    if gone:
        _write_personal(root, own)
    return ", ".join(_lines(gone))


def _write_personal(root: Path, own: dict[str, Any]) -> None:
    lines = ["# Yours alone, not in git: written by ./remote install."]
    for remote, table in own.items():
        bare = re.fullmatch("[A-Za-z0-9_-]+", remote)
        name = remote if bare else _quoted(remote)
        lines += ["", f"[remotes.{name}]", *_lines(table)]
    write_whole(root / PERSONAL, "\n".join(lines) + "\n", 0o644)


def _lines(table: dict[str, Any]) -> list[str]:
    return [f"{key} = {_quoted(table[key])}" for key in OWN if key in table]


def _quoted(value: object) -> str:
    """A text or a number as TOML has it: as JSON, but an emoji as it is."""
    import json

    return json.dumps(value, ensure_ascii=False)


def _personal(root: Path) -> dict[str, Any]:
    """What remote.local.toml has for each remote, not checked any further."""
    path = root / PERSONAL
    found = _read(path) if path.exists() else {}
    own = _Check(path).table(found, "remotes") if found else {}
    return {name: _Check(path).table(own, name) for name in own}


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise Problem(
            f"{path.name} is missing: {path.parent} is no Remote Lab project.",
            todo=f"git checkout HEAD -- {path.name}",
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Problem(
            f"{path.name} can't be read: {error}.",
            "Nothing was changed.",
            f"Correct that line of {path}. If an update left a conflict there:"
            f" git diff {path.name}",
        ) from None


def _remote(check: "_Check", slug: str, name: str, tables: dict[str, Any]) -> Remote:
    check.text({"name": name}, "name", r"[a-z][a-z0-9-]{0,30}")
    table = check.table(tables, name)
    return Remote(
        name=name,
        host=slug if name == slug else f"{slug}-{name}",
        lab_port=check.port(table, "lab_port"),
        sandbox=table.get("sandbox") is True,
    )


def _own(check: "_Check", tables: dict[str, Any], remote: Remote) -> Remote:
    """A remote as this user has it."""
    if remote.name not in tables:
        return remote
    table = check.table(tables, remote.name)
    values: dict[str, Any] = {}
    if "user" in table:
        login = "a login name without spaces, quotes or other special characters"
        values["user"] = check.text(table, "user", LOGIN, login)
    if "identity" in table:
        file = "the name of a key file without quotes, backslashes, %, $ or line ends"
        values["identity"] = check.text(table, "identity", _KEY_FILE, file)
    if "lab_port" in table:
        values["lab_port"] = check.port(table, "lab_port")
    return remote._replace(**values)


class _Check:
    """Takes values out of a table, or says which is wrong, and in which file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def text(
        self, table: dict[str, Any], key: str, pattern: str, wanted: str = ""
    ) -> str:
        value = table.get(key)
        good = isinstance(value, str) and value.isprintable()
        if not good or not re.fullmatch(pattern, str(value)):
            raise self._wrong(key, value, wanted or f"text like {pattern}")
        return str(value)

    def port(self, table: dict[str, Any], key: str) -> int:
        value = table.get(key)
        if type(value) is not int or not 1024 <= value <= 65535:
            raise self._wrong(key, value, "a port, 1024 to 65535")
        return value

    def flag(self, table: dict[str, Any], key: str) -> bool:
        value = table.get(key)
        if not isinstance(value, bool):
            raise self._wrong(key, value, "true or false")
        return value

    def table(self, table: dict[str, Any], key: str) -> dict[str, Any]:
        value = table.get(key)
        if not isinstance(value, dict) or not value:
            raise self._wrong(key, value, f"a section [{key}]")
        return value

    def _wrong(self, key: str, value: object, wanted: str) -> Problem:
        return Problem(
            f"{self.path.name}: {key} is {value!r}, and should be {wanted}.",
            "Nothing was changed.",
            f"Correct it in {self.path}, then type the same command again.",
        )
