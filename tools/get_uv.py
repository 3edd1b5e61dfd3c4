"""Put uv into a folder, with nothing but Python: get_uv.py FOLDER.

Which one, and its hash, uv.lock says. Only the standard library of Python 3.8, since a
bare machine has no more: on Debian, not even venv or pip.
"""

import hashlib
import io
import platform
import re
import sys
import urllib.request
import zipfile
from pathlib import Path

LOCK = Path(__file__).resolve().parent.parent / "uv.lock"
MACHINES = {"arm64": "aarch64", "amd64": "x86_64"}


def wheel_for_here(lock: str) -> "tuple[str, str]":
    """The address and the sha256 of uv's wheel for this machine.

    Args:
        lock: The text of uv.lock.

    Raises:
        SystemExit: There is none.
    """
    package = lock.partition('name = "uv"\n')[2].partition("[[package]]")[0]
    wheels = re.findall(r'url = "([^"]+\.whl)", hash = "sha256:(\w+)"', package)
    machine = platform.machine().lower()
    if sys.platform == "darwin":
        wanted = r"macosx_\w*" + machine
    else:
        # glibc says so; what it does not is musl.
        libc = "manylinux" if platform.libc_ver()[0] == "glibc" else "musllinux"
        wanted = libc + r"\w*_" + MACHINES.get(machine, machine)
    for url, sha256 in wheels:
        if re.search(wanted, url.rpartition("/")[2]):
            return url, sha256
    raise SystemExit(f"uv has no wheel for {sys.platform} on {machine}.")


def main() -> None:
    """Fetch the wheel, check it, and take the program out."""
    folder = Path(sys.argv[1])
    url, sha256 = wheel_for_here(LOCK.read_text(encoding="utf-8"))
    with urllib.request.urlopen(url, timeout=120) as reply:
        data = reply.read()
    if hashlib.sha256(data).hexdigest() != sha256:
        raise SystemExit(f"{url} is not what uv.lock says: its hash differs.")
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(io.BytesIO(data)) as wheel:
        name = next(n for n in wheel.namelist() if n.endswith("/scripts/uv"))
        part = folder / "uv.part"
        part.write_bytes(wheel.read(name))
    part.chmod(0o755)
    part.replace(folder / "uv")


if __name__ == "__main__":
    main()
