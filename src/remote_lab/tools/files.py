"""Files on the laptop, written whole: the old text or the new one, never a part.

That holds for a power cut as well: what a name leads to is on the disk before the name
leads there.
"""

import os
import threading
from pathlib import Path


def write_whole(path: Path, text: str, mode: int = 0o600) -> None:
    """Write a file beside, then rename it; nothing is done where it holds the text.

    Args:
        path: The file. Where it is a link, the link is replaced.
        text: Its text; bytes that are no UTF-8 as surrogates.
        mode: The file's mode, where it is new or changed.

    Raises:
        OSError: It can't be written; the file is as it was.
    """
    data = text.encode("utf-8", "surrogateescape")
    if not path.is_symlink() and path.is_file() and path.read_bytes() == data:
        return
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    beside = path.with_name(f"{path.name}.{os.getpid()}.{threading.get_ident()}")
    try:
        with beside.open("xb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError:
        beside.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
