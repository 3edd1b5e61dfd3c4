"""Renew the line numbers in the links of docs/ to lines of this repository.

Such a link names the line by a part of its text: [all](../hooks/x.py#L12 "def go()").
The number is that of the one line which has it. With --check nothing is written; it
ends with 1 where a number is wrong.
"""

import re
import sys
from pathlib import Path

DOCS = Path(__file__).resolve().parent.parent / "docs"
LINK = re.compile(r'\]\((?P<path>[^()\s#]+)#L\d+ "(?P<text>(?:\\"|[^"])+)"\)')


def line_of(path: Path, text: str) -> int:
    """The number of the line that has a text.

    Args:
        path: A file.
        text: A part of one of its lines.

    Raises:
        SystemExit: No line has it, or several have.
    """
    lines = path.read_text(encoding="utf-8").splitlines()
    found = [number for number, line in enumerate(lines, 1) if text in line]
    if len(found) != 1:
        raise SystemExit(f"{path}: {len(found)} lines have {text!r}, and not one.")
    return found[0]


def renewed(page: Path, before: str) -> str:
    """The text of a document with the right numbers.

    Args:
        page: The document.
        before: Its text.
    """

    def link(found: re.Match[str]) -> str:
        path, text = found["path"], found["text"]
        number = line_of((page.parent / path).resolve(), text.replace('\\"', '"'))
        return f']({path}#L{number} "{text}")'

    return LINK.sub(link, before)


def main() -> int:
    """Renew the numbers, or compare them.

    Returns:
        1 if they were to be compared, and differ.
    """
    check = sys.argv[1:] == ["--check"]
    stale = False
    for page in sorted(DOCS.rglob("*.md")):
        before = page.read_text(encoding="utf-8")
        after = renewed(page, before)
        if before == after:
            continue
        stale = True
        if check:
            print(f"Lines that {page} links to have moved. Type: make links")
        else:
            page.write_text(after, encoding="utf-8")
    return int(check and stale)


if __name__ == "__main__":
    sys.exit(main())
