"""A terminal of the lab is ready: environment, git, uv; %pip points to uv add."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from browser import Browser
from live import Live

pytestmark = [pytest.mark.xdist_group("box"), pytest.mark.timeout(300)]

TERMINAL = "~/.config/remote-lab/titanic/terminal"
# What a login file on many a server does.
RESET = "PATH=/usr/local/bin:/usr/bin:/bin"
FILES = (".profile", ".bashrc", ".zshrc", ".zprofile")
LOOK = """\
python -c 'import sys; print("prefix", sys.prefix)'
echo "venv $VIRTUAL_ENV"
uv --version
git config user.email
"""


@pytest.fixture
def reset(live: Live) -> Iterator[None]:
    """The account's own files set PATH anew, as their last word."""
    for name in FILES:
        live.account.sh(
            f"touch {name}; cp -p {name} {name}.was; echo '{RESET}' >>{name}"
        )
    yield
    for name in FILES:
        live.account.sh(f"mv {name}.was {name}; [ -s {name} ] || rm {name}")


def test_a_terminal_of_the_lab_is_ready_for_work(live: Live, reset: None) -> None:
    with live.server().terminal() as terminal:
        terminal.type(LOOK.replace("\n", "\r") + "echo do''ne\r")
        shown = terminal.wait_for("done")
    see(live, shown)
    assert "ada@example.org" in shown


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "dash"])
def test_each_login_shell_has_the_environment(
    live: Live, reset: None, shell: str
) -> None:
    line = (
        f"cd titanic; TERM=dumb SHELL=/usr/bin/{shell} script -qc {TERMINAL} /dev/null"
    )
    see(live, live.box.sh(line, user="ada", input=f"{LOOK}exit\n").stdout)


def see(live: Live, shown: str) -> None:
    venv = f"{live.account.home}/titanic/.venv"
    assert f"prefix {venv}" in shown, shown
    assert f"venv {venv}" in shown, shown
    assert re.search(r"uv \d+\.\d+\.\d+ \(", shown), shown


def test_a_commit_in_a_terminal_has_the_users_name(live: Live) -> None:
    clone = "git -C titanic -c core.hooksPath=/dev/null"
    live.account.sh(f"{clone} commit -q --allow-empty -m Try")
    said = live.account.sh(f"{clone} log -1 --format='%an <%ae>'").stdout
    live.account.sh(f"{clone} reset -q --soft HEAD~1")
    assert said == "Ada Lovelace <ada@example.org>\n"


def test_pip_points_to_the_way_that_lasts(live: Live) -> None:
    with live.server().kernel() as kernel:
        said = kernel.run("%pip install tomli_w")
        assert "Nothing was installed" in said
        assert "    uv add tomli_w\n" in said
        # Who insists has uv; whether it finds the package is the network's affair.
        insist = said.rstrip().splitlines()[-1].strip()
        assert insist.startswith("!uv pip install --python ")
        assert "tomli-w" in kernel.run(insist)
        assert kernel.run("[n for n in dir() if 'pip' in n or n == 'Path']") == "[]"


def test_the_tab_says_which_lab_it_is(live: Live, browser: Browser) -> None:
    lab = browser.open_lab(f"{live.url()}&reset")
    lab.page.wait_for_function("document.title.includes('titanic@box')")
    lab.new_notebook()
    lab.page.wait_for_function("document.title.includes('- titanic@box')")
    live.account.sh("rm -f titanic/notebooks/Untitled*")
