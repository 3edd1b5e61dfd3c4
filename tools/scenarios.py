"""Write the table of docs/notebooks.md from the tests that show each of its rows.

tools/scenarios.py [--check]: with --check nothing is written; it ends with 1 where a
table is not what the tests say.
"""

import importlib
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "notebooks.md"
BEGIN, END = "<!-- `make scenarios` writes these tables -->\n", "<!-- scenarios end -->"
MODULES = ("edits", "files", "cells", "precommit", "git")
MODES = ("scripts", "both-stripped", "both")
WORDS = {"at once": "1st try", "second try": "2nd try", "refused": "**refused**"}


def tables() -> str:
    """A table for each file of tests, under what the file says of itself."""
    sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "template")]
    text = ""
    for name in MODULES:
        module = importlib.import_module(f"test_pairs_{name}")
        head, *_ = str(module.__doc__).strip().split("\n\n")
        text += f"\n{' '.join(head.split())}\n\n| | {' | '.join(MODES)} | |\n"
        text += "|---|---|---|---|---|\n"
        for test in vars(module).values():
            if hasattr(test, "scenario"):
                title, endings = test.scenario
                told = " | ".join(WORDS.get(endings.get(mode), "") for mode in MODES)
                text += f"| {title} | {told} | {' '.join(test.__doc__.split())} |\n"
    return text + "\n"


def main() -> int:
    """Write the tables, or compare.

    Returns:
        1 if they were to be compared, and differ.
    """
    page = PAGE.read_text(encoding="utf-8")
    before, _, rest = page.partition(BEGIN)
    assert rest, f"{PAGE} does not say where the tables go"
    fresh = before + BEGIN + tables() + END + rest.partition(END)[2]
    if sys.argv[1:] == ["--check"]:
        if fresh != page:
            print("docs/notebooks.md is not what the tests say: make scenarios")
        return int(fresh != page)
    PAGE.write_text(fresh, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
