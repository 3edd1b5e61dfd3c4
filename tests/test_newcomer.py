"""A newcomer's path, in a real terminal and a real browser, from the first command on.

The screens stay in tests/artefacts, as text with its colours: the README's pictures
are made from them (tools/pictures.py).
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from box import Account, Box
from browser import Browser
from laptop import Laptop, Terminal
from project import TEMPLATE, Project, snapshot
from test_readme_commands import OVER_SSH, commands

pytestmark = [pytest.mark.xdist_group("box-2"), pytest.mark.timeout(400)]

ARTEFACTS = Path(__file__).parent / "artefacts"
PROMPT = "$ "
TMUX = ".config/remote-lab/titanic/tmux.conf"


class Screen:
    """A terminal at a prompt, where each command is waited for."""

    def __init__(self, terminal: Terminal) -> None:
        self.terminal = terminal
        self.terminal.type("PS1='$ '; clear")
        self.terminal.wait_for(PROMPT)

    def run(self, line: str, timeout: float = 60) -> str:
        """Type a line on a clear screen; the screen once the prompt is back."""
        self.terminal.type("clear")
        self.terminal.type(f"{line}; echo \"exit=$?\" | tr = ' '")
        return self.terminal.wait_for("exit ", timeout)

    def keep(self, name: str) -> None:
        """Keep the screen as an artefact."""
        ARTEFACTS.mkdir(exist_ok=True)
        (ARTEFACTS / f"{name}.ansi").write_text(self.terminal.capture(colours=True))


@pytest.fixture
def account(box: Box, laptop: Laptop) -> Iterator[Account]:
    account = box.add_user("grace", laptop.key)
    yield account
    box.remove_user(account)


def answer(terminal: Terminal, question: str, *keys: str) -> None:
    """Wait for a question of Copier's, and answer it."""
    terminal.wait_for(question)
    terminal.send_keys(*keys)


def test_from_copy_to_uninstall(
    box: Box, laptop: Laptop, account: Account, browser: Browser
) -> None:
    before = snapshot(laptop.home)
    with Terminal(laptop, size="100x44") as terminal:
        screen = Screen(terminal)
        terminal.type(f"copier copy --trust --vcs-ref HEAD {TEMPLATE} titanic")
        answer(terminal, "project called", "C-u", "Titanic", "Enter")
        answer(terminal, "Answer all questions", "n")
        answer(terminal, "Which machine", "C-u", box.address, "Enter")
        answer(terminal, "login name", account.name, "Enter")
        answer(terminal, "Set up this laptop", "y")
        answer(terminal, "push to the remote", "y")
        said = terminal.wait_for("./remote --help", timeout=240)
        assert "push: titanic is ready" in said
        screen.keep("copy")

        project = Project(laptop, laptop.home / "titanic")
        screen.run("cd titanic")
        assert "grace" in screen.run("ssh titanic id -un")
        assert "?token=" in screen.run("./remote open --no-browser")
        screen.keep("open")
        lab = browser.open_lab(project.remote("open", "--no-browser").stdout.strip())
        lab.new_notebook()
        assert lab.run_cell("1+1") == "2"

        assert "nothing to do" in screen.run("./remote push")
        before_push = account.sh(f"cat {TMUX}").stdout
        screen.run(f"echo '# mine' >>home/remote/{TMUX}")
        said = screen.run("./remote push")
        assert f"put ~/{TMUX}" in said
        assert said.count("titanic: put") == 1
        screen.keep("push")
        screen.run("./remote undo")
        assert account.sh(f"cat {TMUX}").stdout == before_push
        assert "exit 0" in screen.run("./remote status")
        screen.keep("status")
        account.sh("tmux -L titanic new-session -d")
        there = [line for line in commands(project.root) if line in OVER_SSH]
        for line in sorted(there):
            assert "exit 0" in screen.run(line), line
        assert len(there) == len(OVER_SSH)
        assert "as it was before install" in screen.run("./remote uninstall")
    # The project itself stays, and what other programs keep of their own accord.
    caches = (".cache/pre-commit", ".cache/virtualenv")
    others = ("titanic", ".bash_history", *caches, ".rustup")
    after = {
        path: what
        for path, what in snapshot(laptop.home).items()
        if not path.startswith(others) and path != ".cache"
    }
    assert after == before
