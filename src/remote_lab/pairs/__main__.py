# /// script
# requires-python = ">=3.11"
# dependencies = ["black==26.10.1", "jupytext==1.19.6", "tokenize-rt==6.2.0"]
# ///
"""Starts the program that keeps each notebook and its script in sync.

`python -I FOLDER/remote_lab/pairs COMMAND...`; installed packages call `run`.
"""

import os
import sys

if not __package__:  # Python was started with this folder, and not with the package
    _here = os.path.dirname(os.path.abspath(__file__))
    # Without this folder, so that its modules do not hide others of the same name.
    sys.path[:] = [
        os.path.dirname(os.path.dirname(_here)),
        *(path for path in sys.path if os.path.abspath(path) != _here),
    ]

from remote_lab.pairs.command_line import main, run

__all__ = ["main", "run"]

if __name__ == "__main__":
    sys.exit(run())
