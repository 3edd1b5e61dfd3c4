"""The sh programs that run on a remote, put together from the files in sh/."""

import re
import shlex
from collections.abc import Mapping
from pathlib import Path

SH = Path(__file__).parents[1] / "sh"
# The last record of a program that did all its work. A program that was lost or cut off
# can end with status 0 too, but without this record.
END = "\tend"
# Reads one line and runs it, if the line arrived whole; a first line that is our
# preamble (Session.begin) is skipped. The line must look like one of ours, since a
# .bashrc that reads standard input may leave only a part of it. `set` undoes what
# SHELLOPTS in the environment may have set.
LISTEN = (
    "set +efuC; IFS= read -r l || l=;"
    ' case "$l" in exec*) IFS= read -r l || l=;; esac;'
    ' case "$l" in ": "*) eval "$l";; *) echo eaten; exit 1;; esac'
)


def program(*files: str, values: Mapping[str, str], main: str = "") -> str:
    """Put one sh program together.

    Args:
        *files: Names in sh/, without the suffix, in order.
        values: Variables to set before; any text is quoted safely.
        main: The last lines: what to run. If they succeed, the record END follows.
    """
    lines = [f"{name}={shlex.quote(value)}" for name, value in values.items()]
    for name in files:
        text = (SH / f"{name}.sh").read_text(encoding="utf-8")
        # Without the comments: fewer bytes need fewer round trips.
        lines.append(re.sub(r"(?m)^ *#.*\n", "", text))
    end = f"status=$?; [ $status -ne 0 ] || echo '{END}'; exit $status"
    return "\n".join([*lines, main, end, ""])
