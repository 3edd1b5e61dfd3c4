"""The program that keeps pairs in sync on a remote: one file, sent with the code.

Python runs it there, in the project's environment, so that the clone needs nothing of
ours: `.venv/bin/python -I ~/.local/state/remote-lab/SLUG/pairs.pyz WORD`.
"""

import hashlib
import io
import zipfile
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
NAME = "pairs.pyz"
_MAIN = "import sys\nfrom remote_lab.pairs.__main__ import run\nsys.exit(run())\n"
_DATE = (1980, 1, 1, 0, 0, 0)  # the first that a zip file can hold


def sources() -> dict[str, Path]:
    """The files of the program, by their paths in it."""
    files = [PACKAGE / "__init__.py", *sorted((PACKAGE / "pairs").glob("*.py"))]
    return {str(path.relative_to(PACKAGE.parent)): path for path in files}


def build() -> bytes:
    """The file: the same bytes whenever the sources are the same."""
    texts = {name: path.read_bytes() for name, path in sources().items()}
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in {"__main__.py": _MAIN.encode(), **texts}.items():
            archive.writestr(_member(name), text)
    return packed.getvalue()


def _member(name: str) -> zipfile.ZipInfo:
    member = zipfile.ZipInfo(name, _DATE)
    member.compress_type = zipfile.ZIP_DEFLATED
    return member


def checksum(program: bytes) -> str:
    """What `sha256sum` prints for the file, and the remote reports of its own."""
    return hashlib.sha256(program).hexdigest()
