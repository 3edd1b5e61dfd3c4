"""The answers that the project was made with, and the files that show its remotes.

Copier renders these files from templates/, by way of an include; what changes the list
of remotes between two updates renders them from the same place, with the same rules
for what an answer may be. So there is one truth, the next `copier update` finds what it
would have written itself, and no network or copy of the template is needed.
"""

import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from jinja2 import FileSystemLoader, PrefixLoader, StrictUndefined
from jinja2.sandbox import SandboxedEnvironment

from remote_lab.errors import USAGE, Problem
from remote_lab.settings import Project
from remote_lab.tools.conflicts import is_marked
from remote_lab.tools.files import write_whole

_PACKAGE = Path(__file__).resolve().parents[1]
# As Copier includes from it: below the root of the template's repository.
_HERE = "src/remote_lab/templates"


class Change(NamedTuple):
    """What a file of the project is to hold.

    Attributes:
        path: The file.
        text: All of it; None if there is to be none.
    """

    path: Path
    text: str | None


class Answers:
    """The answers of a project.

    Attributes:
        path: The file that has them.
        values: The answers, by their questions' names.
    """

    def __init__(self, project: Project) -> None:
        """Read them.

        Raises:
            Problem: They are not there, or can't be read.
        """
        self._root = project.root
        # A project that is made of several templates has several such files.
        for path in sorted(project.root.glob(".copier-answers*.yml")):
            values = _load(path)
            if values.get("project_id") == project.id:
                self.path, self.values = path, values
                break
        else:
            raise Problem(
                "The project has no file with its answers, .copier-answers.yml, or one"
                " of another project.",
                "Nothing was changed.",
                "If git has it: git checkout HEAD -- .copier-answers.yml",
            )
        self.before = dict(self.values)

    @property
    def kept(self) -> list[str] | None:
        """The template's paths that the user has files of their own for.

        None where the template has made the project, and was not added to one.
        """
        kept = self.values.get("kept_files")
        return None if kept is None else list(kept)

    @property
    def more(self) -> list[dict[str, Any]]:
        """The further remotes."""
        more = self.values["more_remotes"]
        return list(yaml.safe_load(more) if isinstance(more, str) else more)

    def pin(self) -> None:
        """Give each further remote the lab_port that it has now, for good.

        Else one that is taken out would move those of the remotes behind it.
        """
        ports = {r["name"]: r["lab_port"] for r in _remotes(self.values)}
        self.values["more_remotes"] = [
            {**remote, "lab_port": ports[remote["name"]]} for remote in self.more
        ]

    def check(self) -> None:
        """Refuse what `copier update` would refuse; what is user@host is taken apart.

        Raises:
            Problem: A remote can't be so; nothing was changed.
        """
        checks = macros("checks")
        slug, folder = self.values["project_slug"], self.values["remote_dir"]
        why = checks.more_remotes(self.more, slug, folder) or checks.lab_port(
            self.values["lab_port"], self.more
        )
        if why:
            raise Problem(
                "This can't be a remote of the project.",
                "Nothing was changed.",
                str(why).strip(),
                USAGE,
            )
        self.values |= _clean(self.values)

    def changes(self) -> list[Change]:
        """The files that have to change, the answers' own last.

        What was edited in one of them by hand is kept, as an update would.

        Raises:
            Problem: An edit and the change are in the same place.
        """
        before = _render(self.before)
        found = []
        for name, new in _render(self.values).items():
            change = _merge(self._root, name, before[name], new)
            if change:
                found.append(change)
        return [*found, Change(self.path, self.text())]

    def text(self) -> str:
        """The file with the answers as they are now, below the comments at its top."""
        lines = self.path.read_text(encoding="utf-8").splitlines(keepends=True)
        head = [line for line in lines if line.startswith("#")]
        return "".join(head) + str(_jinja().filters["to_nice_yaml"](self.values))


def write(changes: list[Change]) -> None:
    """Write files, each whole; cut short, the same command again completes it."""
    for path, text in changes:
        if text is None:
            path.unlink(missing_ok=True)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, text, 0o644)


def _load(path: Path) -> dict[str, Any]:
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, ValueError):
        values = None
    if not isinstance(values, dict):
        raise Problem(
            f"{path.name}, which has the project's answers, can't be read.",
            "Nothing was changed.",
            f"If it has conflicts of an update, resolve them: git diff {path.name}",
        )
    return values


def macros(name: str) -> Any:
    """The macros of a file in templates/, as Copier has them.

    Args:
        name: The file, less its ending .j2.
    """
    return _jinja().get_template(f"{_HERE}/{name}.j2").module


def _jinja() -> SandboxedEnvironment:
    """Jinja as copier.yml sets it up (_envops)."""
    return SandboxedEnvironment(
        loader=PrefixLoader({"src": FileSystemLoader(_PACKAGE.parent)}),
        extensions=["jinja2_ansible_filters.AnsibleCoreFiltersExtension"],
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _clean(values: dict[str, Any]) -> dict[str, Any]:
    """The answers in the one way that the files have, as copier.yml works them out."""
    more = values["more_remotes"]
    more = yaml.safe_load(more) if isinstance(more, str) else more
    return dict(
        json.loads(str(macros("typed").answers({**values, "more_remotes": more})))
    )


def _remotes(values: dict[str, Any]) -> list[dict[str, Any]]:
    """All remotes, as copier.yml works them out."""
    text = macros("remotes").all(
        values["project_slug"], _clean(values), values["lab_port"]
    )
    return list(json.loads(str(text)))


def _render(values: dict[str, Any]) -> dict[str, str | None]:
    """The files that show the remotes, by their paths in the project."""
    slug = values["project_slug"]
    remotes, clean = _remotes(values), _clean(values)
    over_ssh = any(not remote["sandbox"] for remote in remotes)
    known = {**values, "clean": clean, "remotes": remotes, "over_ssh": over_ssh}
    known.setdefault("setup_laptop", False)  # not recorded where nobody was asked

    def text(name: str) -> str:
        return _jinja().get_template(f"{_HERE}/{name}.j2").render(known)

    return {
        "remote.toml": text("remote.toml"),
        f"home/laptop/.config/remote-lab/{slug}/aliases.sh": text("aliases.sh"),
        f"home/laptop/.ssh/config.d/{slug}.conf": (
            text("hosts.conf") if over_ssh else None
        ),
    }


def _merge(root: Path, name: str, old: str | None, new: str | None) -> Change | None:
    """What a file is to hold, three ways: as rendered before, as it is, as new."""
    path = root / name
    mine = path.read_text(encoding="utf-8") if path.exists() else None
    if mine is not None and is_marked(mine.encode()):
        raise Problem(
            f"{name} holds an unresolved conflict.",
            "Nothing was changed.",
            "Resolve it, then type the same command again.",
        )
    if mine == new or old == new or (mine is None and old is not None):
        return None
    if mine == old or mine is None:
        return Change(path, new)
    if new is not None and (merged := _merged(mine, old or "", new)) is not None:
        return Change(path, merged)
    raise Problem(
        f"{name} was edited by hand where the list of remotes is.",
        "Nothing was changed.",
        f"Take that edit back, then type the same command again: git diff {name}",
    )


def _merged(mine: str, old: str, new: str) -> str | None:
    """Both changes of a text, by git; None where they are in the same place."""
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder, name) for name in ("mine", "old", "new")]
        for file, text in zip(files, (mine, old, new), strict=True):
            file.write_text(text, encoding="utf-8")
        merged = subprocess.run(
            ["git", "merge-file", "-p", *map(str, files)],
            check=False,
            capture_output=True,
            text=True,
            encoding="utf-8",
        )
    return None if merged.returncode else merged.stdout
