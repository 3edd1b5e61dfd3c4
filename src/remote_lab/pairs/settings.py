"""The settings in remote.toml that are about notebooks."""

import tomllib
from typing import NamedTuple

from remote_lab.pairs.sync_state import CONFIG, Failure


class Settings(NamedTuple):
    """The settings in remote.toml that are about notebooks.

    Attributes:
        kernel: The name of the project's kernel.
        mode: The answer to notebooks_in_git.
    """

    kernel: str
    mode: str

    @property
    def git_has_notebooks(self) -> bool:
        """Whether git tracks the notebooks, and not only the scripts."""
        return self.mode != "scripts"


def read_settings(root: str) -> Settings:
    """Read them.

    Args:
        root: The project's folder.

    Raises:
        Failure: remote.toml can't be read, or a setting is missing.
    """
    try:
        with open(f"{root}/{CONFIG}", "rb") as file:
            toml = tomllib.load(file)
        return Settings(str(toml["slug"]), str(toml["notebooks_in_git"]))
    except (OSError, KeyError, ValueError) as error:
        raise Failure(
            f"{CONFIG} can't be read: {error!r}. Nothing was changed.\n"
            f"  Fix it, and repeat the command. See your edits: git diff {CONFIG}"
        ) from None
