"""What one connection carries: files, the program that applies them, an end mark."""

import gzip
import io
import os
import tarfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from remote_lab.transport.connection import Connection
from remote_lab.transport.session import OnRecord, Write

# The programs that a remote must have, for a push and all that can follow it. They are
# looked for first: a push that misses one later would do half of its work.
NEEDS = (
    "cmp cp diff find grep gzip head id ln mkdir mktemp mv readlink rm rmdir sed"
    " sha256sum sort sync tail tar wc"
)


@dataclass
class Bundle:
    """A tar stream for a remote, USTAR, with modes and nothing else of ours.

    GNU tar accepts a truncated stream with status 0: so the last member is a mark. On
    a full disk it continues with the next member, and the mark may fit where the
    program did not: so its status is checked as well. Nothing is run unless both are
    good.

    Attributes:
        program: The sh that runs when everything has arrived.
        id: The push's own name, random: the remote keeps it with the result.
        packed: Whether to compress; not useful for files that are compressed already.
    """

    program: str
    id: str = field(default_factory=lambda: os.urandom(8).hex())
    packed: bool = True
    _members: list[tuple[tarfile.TarInfo, bytes | Path]] = field(default_factory=list)

    def add(self, name: str, data: bytes | Path, executable: bool = False) -> None:
        """Put a file in.

        Args:
            name: Its path in the folder of the files.
            data: Its content, or the file on this machine that has it.
            executable: Whether it can be run.
        """
        self._members.append(_member(name, data, executable))

    def add_link(self, name: str, target: str) -> None:
        """Put a symbolic link in."""
        info = tarfile.TarInfo(name)
        info.type, info.linkname = tarfile.SYMTYPE, target
        self._members.append((info, b""))

    def line(self, slug: str, dry: bool = False) -> str:
        """The line of sh that takes the stream from standard input and runs it.

        Args:
            slug: The project.
            dry: Unpack in a temporary folder: leave no trace.
        """
        if dry:
            own = f'"$HOME"/.{slug}.XXXXXX'  # where /tmp is closed
            folder = f"w=$(mktemp -d 2>/dev/null || mktemp -d {own})"
        else:
            folder = (
                "read -r h </proc/sys/kernel/hostname"
                f' && w="$HOME"/.local/state/remote-lab/{slug}/in.$h.$$.{self.id}'
                ' && mkdir -p "$w"'
            )
        unpack = "gzip -dc | tar -xof -" if self.packed else "tar -xof -"
        return (
            f"for n in {NEEDS}; do command -v $n >/dev/null || set -- $* $n; done;"
            ' [ $# -eq 0 ] || { echo "lacks $*"; exit 1; };'
            # Their content could make tar omit files, and gzip print too much.
            "umask 077; unset TAR_OPTIONS GZIP;"
            f' {folder} && cd "$w" || {{ echo nowrite; exit 1; }};'
            # If gzip fails, tar sees an early end: the mark is missing.
            f" {unpack}; t=$?; read -r e 2>/dev/null <end;"
            f' [ $t -eq 0 ] && [ "$e" = {self.id} ] && {{ . ./run; exit; }};'
            ' cd /; rm -rf "$w"; echo incomplete; exit 1'
        )

    def deliver(
        self,
        connection: Connection,
        on_record: OnRecord,
        *,
        dry: bool = False,
        write: Write | None = None,
    ) -> tuple[int, str]:
        """Send it over a connection, and run its program.

        The program runs in the home, with $work the folder of the files, once all has
        arrived; it must call `begin` (lock.sh) before it changes anything.

        Args:
            connection: The way to the remote.
            on_record: Is called with each record, as it comes.
            dry: Unpack in a temporary folder.
            write: Is used instead of the method `write`.

        Returns:
            Its exit status, and what it wrote to standard error.

        Raises:
            Broken: The connection broke: the program may have finished.
            Unreachable: The remote can't be reached.
            Problem: The program did not run, or did not reach its end.
        """
        line = self.line(connection.project.slug, dry)
        return connection.talk(line, write or self.write, on_record)

    def write(self, stream: IO[bytes]) -> None:
        """Write everything to a stream, the program and the end mark last."""
        prelude = (
            f"id={self.id}\nwork=$w\n"
            "trap 'rm -rf \"$work\"' EXIT\n"  # until `begin` sets a better one
            'cd "$HOME" || exit\n'
        )
        last = [("run", prelude + self.program), ("end", f"{self.id}\n")]
        members = [*self._members, *(_member(n, text.encode()) for n, text in last)]
        if self.packed:
            with gzip.GzipFile(fileobj=stream, mode="wb", mtime=0) as packed:
                _tar(packed, members)
        else:
            _tar(stream, members)


def _member(
    name: str, data: bytes | Path, executable: bool = False
) -> tuple[tarfile.TarInfo, bytes | Path]:
    info = tarfile.TarInfo(name)
    info.size = len(data) if isinstance(data, bytes) else data.stat().st_size
    info.mode = 0o700 if executable else 0o600
    return info, data


def _tar(
    stream: IO[bytes] | gzip.GzipFile,
    members: list[tuple[tarfile.TarInfo, bytes | Path]],
) -> None:
    with tarfile.open(fileobj=stream, mode="w|", format=tarfile.USTAR_FORMAT) as tar:
        for info, data in members:
            if isinstance(data, bytes):
                tar.addfile(info, io.BytesIO(data))
            else:
                with data.open("rb") as file:
                    tar.addfile(info, file)
