"""The tables of scenarios in docs/notebooks.md are what the tests say."""

import sys
from pathlib import Path

from process import run

ROOT = Path(__file__).resolve().parent.parent


def test_tables() -> None:
    done = run(
        [sys.executable, str(ROOT / "tools/scenarios.py"), "--check"], check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
