"""The file system that every box boots from: built once by mmdebstrap, then kept.

It is a small Debian with what a usual server has, and a few login shells. The
folder is never written to after it is built: a box puts an overlay on it.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import hashlib
import os
import platform
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from process import run

PACKAGES = [
    *["systemd", "systemd-sysv", "dbus", "dbus-user-session", "libpam-systemd"],
    *["polkitd", "openssh-server", "sudo", "procps", "iproute2"],
    *["tmux", "rsync", "git", "python3", "python3-venv"],
    *["zsh", "fish", "csh", "busybox"],
]

# What no test reads: half of the image's files.
LEFT_OUT = "/usr/share/doc/* /usr/share/man/* /usr/share/info/* /usr/share/locale/*"

# Host keys are made for each box, or all boxes would be one host to ssh. The
# machine's own resolv.conf and hostname were copied in for the build. A journal on disk
# outlives a reboot, and so tells why a second boot failed.
AFTERWARDS = """
rm -f "$1"/etc/ssh/ssh_host_*
: >"$1/etc/resolv.conf"
echo box >"$1/etc/hostname"
printf '127.0.0.1 localhost box\\n::1 localhost\\n' >"$1/etc/hosts"
mkdir -p "$1/var/log/journal"
for unit in apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer; do
    ln -sf /dev/null "$1/etc/systemd/system/$unit"
done
"""

DEFAULT_SOURCE = ("http://deb.debian.org/debian", "bookworm")


def cache_folder() -> Path:
    """Return the folder where built images are kept, which may not exist yet."""
    default = Path.home() / ".cache" / "remote-lab-tests"
    return Path(os.environ.get("REMOTE_LAB_CACHE") or default)


@functools.cache
def hold_cache() -> IO[str]:
    """Keep others from sweeping the cache for as long as this process runs."""
    cache_folder().mkdir(parents=True, exist_ok=True)
    lock = (cache_folder() / "in-use").open("w")
    fcntl.flock(lock, fcntl.LOCK_SH)
    return lock


def sweep_cache(most: int = 20) -> None:
    """Empty what grows with each change of the template, unless another run uses it.

    Args:
        most: How many templates may be kept, each with what was built from it.
    """
    templates = cache_folder() / "templates"
    if not templates.exists() or len(list(templates.iterdir())) <= most:
        return
    with contextlib.suppress(BlockingIOError):  # another run's: it sweeps at its end
        fcntl.flock(hold_cache(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        # All of it: pre-commit's database names the others.
        for grown in ("pre-commit", "releases", "templates"):
            shutil.rmtree(cache_folder() / grown, ignore_errors=True)


def sources(text: str, deb822: bool) -> Iterator[tuple[str, str]]:
    """Yield each (URI, suite) for binary packages in an apt sources file.

    Args:
        text: What the file holds.
        deb822: Whether it is of the newer format, with a field a line.
    """
    if not deb822:
        for line in text.splitlines():
            entry = re.match(r"deb\s+(?:\[[^]]*\]\s+)?(\S+)\s+(\S+)", line.strip())
            if entry:
                yield entry[1], entry[2]
        return
    bare = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    for stanza in re.split(r"\n\s*\n", bare):
        # A value may go on in the next lines, which then start with a space.
        found = re.findall(r"^([\w-]+):((?:.*)(?:\n[ \t].*)*)", stanza, re.MULTILINE)
        fields = {name.lower(): value.split() for name, value in found}
        if "deb" in fields.get("types", []) and fields.get("enabled") != ["no"]:
            for uri in fields.get("uris", []):
                for suite in fields.get("suites", []):
                    yield uri, suite


def apt_source(folder: Path = Path("/etc/apt")) -> tuple[str, str]:
    """Return the (mirror, suite) to build from: the machine's own, if it is a Debian.

    Args:
        folder: Where apt's configuration is.
    """
    release = platform.freedesktop_os_release()
    if release.get("ID") == "debian":
        files = [folder / "sources.list", *sorted(folder.glob("sources.list.d/*"))]
        for file in files:
            if file.suffix in (".list", ".sources") and file.is_file():
                text = file.read_text(encoding="utf-8")
                for uri, suite in sources(text, file.suffix == ".sources"):
                    if suite == release.get("VERSION_CODENAME"):
                        return uri, suite
    return DEFAULT_SOURCE


def image() -> Path:
    """Return the image's folder; the first call on a machine takes half a minute.

    Raises:
        CommandFailed: mmdebstrap failed; its log is in the message.
    """
    mirror, suite = apt_source()
    recipe = "\n".join([suite, *PACKAGES, LEFT_OUT, AFTERWARDS])
    key = hashlib.sha256(recipe.encode()).hexdigest()[:16]
    cache = cache_folder()
    cache.mkdir(parents=True, exist_ok=True)
    ready = cache / f"image-{suite}-{key}"
    beside = ready.with_suffix(".part")
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not ready.exists():
            if beside.exists():  # of a build that died: we hold the lock
                shutil.rmtree(beside)
            # Under umask 077 no account of the box could enter its /.
            before = os.umask(0o022)
            try:
                run(build_command(beside, mirror, suite), timeout=1200)
            finally:
                os.umask(before)
            beside.rename(ready)
    return ready


def build_command(target: Path, mirror: str, suite: str) -> list[str]:
    """Return the command that makes the image in *target*."""
    return [
        "mmdebstrap",
        "--mode=root",
        "--variant=minbase",
        *(f"--dpkgopt=path-exclude={pattern}" for pattern in LEFT_OUT.split()),
        "--include=" + ",".join(PACKAGES),
        f"--customize-hook={AFTERWARDS}",
        suite,
        str(target),
        mirror,
    ]
