"""Make the README's pictures from what the tests saw: run the suite first.

The dialogue is a screen of tests/test_dialogue.py, the terminal the end of a newcomer's
`copier copy` (tests/test_newcomer.py), the lab a page of the real JupyterLab on the box
(tests/test_on_box.py), and so are frames side by side (tests/test_first_notebook.py).
"""

import io
import shutil
from pathlib import Path

from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).resolve().parent.parent
SEEN = ROOT / "tests" / "artefacts"
DOCS = ROOT / "docs"


def dialogue() -> None:
    """The questions, answered up to the last one."""
    screen = (SEEN / "dialogue.ansi").read_text(encoding="utf-8")
    picture("dialogue.svg", "$ copier copy --trust SOURCE titanic\n", screen.strip())


def terminal() -> None:
    """The end of the screen, from the first step of the setup on."""
    lines = (SEEN / "copy.ansi").read_text(encoding="utf-8").splitlines()
    first = next(n for n, line in enumerate(lines) if "git repository: " in line)
    command = "$ copier copy --trust SOURCE titanic\n  ...\n"
    picture("terminal.svg", command, "\n".join(lines[first:]))


def picture(name: str, command: str, screen: str) -> None:
    """Draw a screen.

    Args:
        name: The picture's file.
        command: What was typed before.
        screen: What the terminal showed, with its escapes.
    """
    console = Console(record=True, width=86, file=io.StringIO())
    console.print(Text(command))
    console.print(Text.from_ansi(screen), soft_wrap=True)
    console.save_svg(str(DOCS / name), title="A laptop")


def lab() -> None:
    """The lab, as the browser showed it; and frames in its light and dark theme."""
    for name in ("lab.png", "side-by-side.png", "side-by-side-dark.png"):
        shutil.copy(SEEN / name, DOCS / name)


if __name__ == "__main__":
    DOCS.mkdir(exist_ok=True)
    dialogue()
    terminal()
    lab()
