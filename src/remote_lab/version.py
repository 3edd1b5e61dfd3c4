"""Which version of the program this is: its number, and the commit that it is from."""

import json
import subprocess
from importlib.metadata import distribution
from urllib.parse import unquote, urlsplit


def version() -> str:
    """The version, and the commit where that is known, such as "0.1.0 (1f2e3d4...)"."""
    package = distribution("remote-lab")
    source = json.loads(package.read_text("direct_url.json") or "{}")
    commit = source.get("vcs_info", {}).get("commit_id") or _checked_out(source)
    return f"{package.version} ({commit})" if commit else package.version


def _checked_out(source: dict[str, str]) -> str:
    """The commit of the folder that the program was installed from, if it has one."""
    folder = unquote(urlsplit(source.get("url", "")).path)
    look = ["git", "-C", folder, "describe", "--always", "--dirty", "--abbrev=40"]
    try:
        done = subprocess.run(look, check=False, capture_output=True, text=True)
    except OSError:
        return ""
    return done.stdout.strip()
