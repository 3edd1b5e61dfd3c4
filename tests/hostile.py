"""A remote that says what it likes: a stand-in for ssh, on the laptop's PATH."""

from __future__ import annotations

import io
import os
import re
import shutil
import sys
import unicodedata
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any
from unittest import mock

from laptop import Laptop
from process import Completed
from project import Project, snapshot

from remote_lab import cli
from remote_lab.transport.program import END

# `ssh -G` is the laptop's own affair; -O asks a master, there if `up` is. The rest
# is a remote that hears all that it is sent, and answers as the files say; the mark
# that its answer has to begin with is in one of the first lines.
SSH = """\
#!/bin/sh
told={folder}
case " $* " in
*" -G "*) exec {ssh} "$@" ;;
*" -O "*) [ -e "$told/up" ] || exit 255; exit 0 ;;
*" -N "*) {tunnel} ;;
esac
mark=
while [ -z "$mark" ] && IFS= read -r line; do
    case $line in ": ; echo "*) mark=${{line#": ; echo "}} ;; esac
done
[ -e "$told/silent" ] || echo "${{mark%%;*}}"
cat "$told/said"
cat "$told/errors" >&2
[ ! -e "$told/more" ] || sh "$told/more"
cat >/dev/null
exit "$(cat "$told/code")"
"""


class Hostile:
    """A remote that is not to be trusted."""

    def __init__(self, laptop: Laptop, folder: Path) -> None:
        """Put it on the laptop's PATH.

        Args:
            laptop: Whose ssh it plays.
            folder: For its files; empty.
        """
        self.laptop, self.folder = laptop, folder
        real = shutil.which("ssh")
        assert real
        self.bin = folder / "bin"
        self.bin.mkdir()
        self.ssh = SSH.replace("{ssh}", real).replace("{folder}", str(folder))
        self.tunnel("exit 255")
        laptop.env["PATH"] = f"{self.bin}:{laptop.env['PATH']}"
        self.says()

    def tunnel(self, does: str) -> None:
        """What the tunnel's ssh does, in sh."""
        text = self.ssh.replace("{tunnel}", does).replace("{{", "{").replace("}}", "}")
        (self.bin / "ssh").write_text(text)
        (self.bin / "ssh").chmod(0o755)

    def says(
        self,
        *records: str | bytes,
        errors: bytes = b"",
        code: int = 0,
        more: str = "",
        ends: bool = True,
    ) -> None:
        """What it says from now on.

        Args:
            records: Lines of its output, after the mark.
            errors: Its standard error, a banner for example.
            code: ssh's exit status.
            more: What else it does, in sh.
            ends: Whether it says at last that its program reached its end.
        """
        if ends:
            records += (END,)
        lines = [r.encode() if isinstance(r, str) else r for r in records]
        (self.folder / "said").write_bytes(b"".join(line + b"\n" for line in lines))
        (self.folder / "errors").write_bytes(errors)
        (self.folder / "code").write_text(str(code))
        (self.folder / "more").unlink(missing_ok=True)
        if more:
            (self.folder / "more").write_text(more)


def called(project: Project, *words: str) -> Completed:
    """What ./remote says and does, called in this process: many times quicker.

    An exception that it does not tell the user of is raised.
    """
    out, err, code = io.StringIO(), io.StringIO(), 0
    with (
        mock.patch.dict(os.environ, project.laptop.env, clear=True),
        mock.patch.object(sys, "argv", ["remote", *words]),
        mock.patch.object(sys, "stdin", io.StringIO("password\n")),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        try:
            cli.main(str(project.root / "remote"))
        except SystemExit as end:
            code = int(end.code or 0)
    return Completed(list(words), code, out.getvalue(), err.getvalue())


def harmful(text: str) -> list[str]:
    """The characters of a text that a terminal obeys, or that turn it about."""
    return [
        character
        for character in text
        if character not in "\n\t"
        if re.match("C|Zl|Zp", unicodedata.category(character))
    ]


OWN_FOLDERS = {
    *(".local", ".local/state", ".local/state/remote-lab"),
    ".local/state/remote-lab/titanic",
}


def outside(project: Project, *but: str) -> dict[str, tuple[Any, ...]]:
    """All that lies in the laptop's home, less where ./remote may write."""
    own = (".local/state/remote-lab/titanic/laptop", *but)
    return {
        path: what
        for path, what in snapshot(project.laptop.home).items()
        if not path.startswith(own) and "__pycache__" not in path
        if path not in OWN_FOLDERS
    }
