"""What install has put into this home: the list that uninstall works from."""

import json
from pathlib import Path
from typing import Any

from remote_lab.settings import Project
from remote_lab.tools.files import write_whole
from remote_lab.ui import show


class Installed:
    """The list, in a file that is written before the thing itself is done.

    Attributes:
        empty: Whether nothing was ever installed.
        former: The folder that had the first release's.
    """

    def __init__(self, project: Project) -> None:
        self._path = project.state / "installed.json"
        # The first release kept it under the project's bare name.
        self.former = Path.home() / ".local/state" / project.slug / "laptop"
        moved = self.former / self._path.name
        self.lists: dict[str, Any] = {
            "files": [],
            "folders": [],
            "lines": {},
            "keys": [],
            "sums": {},  # of the files, as they were installed
        }
        # Whether an earlier list could not be read: what is there is then listed anew.
        self.lost = False
        self.empty = not self._path.exists() and not moved.exists()
        if not self.empty:
            self._load(self._path if self._path.exists() else moved)

    def note(self, kind: str, value: str) -> None:
        """Add to a list, before the thing itself is done."""
        if value not in self.lists[kind]:
            self.lists[kind].append(value)
            self.save()

    def forget(self, path: Path) -> None:
        """Take a file off the lists, when it is gone."""
        self.lists["files"].remove(str(path))
        self.lists["sums"].pop(str(path), None)
        self.save()

    def save(self) -> None:
        """Write the list."""
        write_whole(self._path, json.dumps(self.lists, indent=2) + "\n")

    def others_made(self, path: Path) -> bool:
        """Whether another project's install has made a file or folder.

        It is then ours as well: whichever project goes last takes it away.
        """
        for other in self._path.parents[2].glob(f"*/laptop/{self._path.name}"):
            try:
                read = json.loads(other.read_text(encoding="utf-8"))
            except (OSError, ValueError):
                continue
            if not _is_whole(read):
                continue
            line = read["lines"].get(str(path), {})
            if str(path) in read["folders"] or line.get("made"):
                return True
        return False

    def _load(self, path: Path) -> None:
        try:
            read = json.loads(path.read_text(encoding="utf-8"))
        except ValueError:  # also where it is no UTF-8
            read = None
        if _is_whole(read):
            self.lists |= read
            return
        self.lost = True
        kept = self._path.with_name(f"{self._path.name}.unreadable")
        show.note(
            f"{path}, the list of what install put into this home, can't be read."
            f" It is made anew from what is there; the old one is kept in {kept}."
        )
        write_whole(kept, path.read_bytes().decode("utf-8", "surrogateescape"))


def _is_whole(read: Any) -> bool:
    """Whether this is a list as `save` writes it."""
    if not isinstance(read, dict) or not isinstance(read.get("lines"), dict):
        return False
    sums = read.get("sums", {})  # a former version kept none
    if not isinstance(sums, dict) or not all(isinstance(s, str) for s in sums.values()):
        return False
    lists: list[Any] = [read.get(kind) for kind in ("files", "folders", "keys")]
    if not all(isinstance(names, list) for names in lists):
        return False
    keys = {"text": str, "joint": bool, "made": bool}
    return all(isinstance(name, str) for names in lists for name in names) and all(
        isinstance(how, dict)
        and all(isinstance(how.get(key), kind) for key, kind in keys.items())
        for how in read["lines"].values()
    )
