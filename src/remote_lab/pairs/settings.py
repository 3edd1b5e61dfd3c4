"""What remote.toml says of notebooks."""

import tomllib
from typing import NamedTuple

from remote_lab.pairs.sync_state import ANSWER, Failure


class Settings(NamedTuple):
    """What remote.toml says of notebooks."""

    slug: str
    notebooks_in_git: str


def settings(root: str) -> Settings:
    """Read them.

    Args:
        root: The project's folder.

    Raises:
        Failure: remote.toml does not say.
    """
    try:
        with open(f"{root}/{ANSWER}", "rb") as file:
            told = tomllib.load(file)
        return Settings(str(told["slug"]), str(told["notebooks_in_git"]))
    except (OSError, KeyError, ValueError) as error:
        raise Failure(f"{ANSWER} can't be read: {error!r}") from None
