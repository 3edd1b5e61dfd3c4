"""The laptop: a person's home in a temporary folder, to type commands in.

What runs here sees that home, however it asks ($HOME or passwd), a git identity,
and nothing of the real user's settings; only the caches of uv, pip and pre-commit
are not its own, so that nothing is downloaded twice.
"""

from __future__ import annotations

import functools
import os
import re
import shlex
import shutil
import signal
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from homes import Home
from image import cache_folder
from process import Completed, run, run_in_terminal, wait_until

# What the machine needs to reach the network at all; the rest stays outside.
PASSED_ON = re.compile(
    r"PATH|TMPDIR|PIP_\w+|(http|https|no|all)_proxy|SSL_\w+|REQUESTS_CA_BUNDLE"
    r"|UV_(\w*INDEX\w*|FIND_LINKS|\w*TLS|\w*TIMEOUT|OFFLINE|LINK_MODE)",
    re.IGNORECASE,
)

GIT_IDENTITY = """\
[user]
    name = Ada Lovelace
    email = ada@example.org
[init]
    defaultBranch = main
"""


@functools.cache
def uv_folder(uv: str, what: str) -> str:
    """Return where this user's uv keeps its "cache", or each "python" it installs."""
    return run([uv, what, "dir"]).stdout.strip()


class Laptop:
    """A laptop with a user who has a git identity, and no key before `key` is read."""

    def __init__(self) -> None:
        self._home = Home("laptop")
        self.home = self._home.path
        (self.home / ".gitconfig").write_text(GIT_IDENTITY)
        self.env = self._environment()
        self._lent: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End what was started here and still runs, and delete the home."""
        self._home.remove()
        for folder in self._lent:
            shutil.rmtree(folder, ignore_errors=True)

    def lend_environment(self, script: Path, made: Path) -> None:
        """Give a script the environment that `uv run --script` would build for it.

        Where it belongs, uv tells. If it does not, the first start builds one.

        Args:
            script: The script, which is here.
            made: Such an environment of another script with the same head.
        """
        uv = ("uv", "sync", "--offline", "--dry-run", "--script", script)
        told = self.run(*uv, check=False).stderr
        if found := re.search(r"Would create script environment at: (.+)", told):
            shutil.copytree(made, found[1], symlinks=True, copy_function=os.link)
            self._lent.append(found[1])

    def sleep(self) -> None:
        """Close the lid: nothing here runs on, and nobody is told."""
        assert self._home.send(signal.SIGSTOP)

    def wake(self) -> None:
        """Open it again."""
        self._home.send(signal.SIGCONT)

    def kill(self, words: str) -> None:
        """Kill, at once, what runs here with these words in its command line."""
        assert self._home.send(signal.SIGKILL, words), f"nothing runs {words}"

    def run(
        self,
        *argv: str | Path,
        cwd: Path | None = None,
        input: str | None = None,
        check: bool = True,
        tty: bool = False,
        env: Mapping[str, str] | None = None,
        timeout: float = 120,
    ) -> Completed:
        """Run a command as the laptop's user.

        Args:
            argv: The command and its arguments.
            cwd: Where; the home by default.
            input: Text for its stdin; with *tty*, what is typed.
            check: Whether a status other than 0 raises.
            tty: Give it a terminal; stdout then holds all that it shows.
            env: Variables on top of the laptop's own.
            timeout: Seconds after which it is killed.

        Raises:
            CommandFailed: The status was not 0, and *check* is set.
            subprocess.TimeoutExpired: It took longer than *timeout*.
        """
        return (run_in_terminal if tty else run)(
            [str(word) for word in argv],
            cwd=cwd or self.home,
            env={**self.env, **(env or {})},
            input=input,
            check=check,
            timeout=timeout,
        )

    @functools.cached_property
    def key(self) -> str:
        """The public half of the user's ed25519 key, which is made at first use."""
        file = self.home / ".ssh" / "id_ed25519"
        file.parent.mkdir(mode=0o700, exist_ok=True)
        self.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", file)
        return file.with_suffix(".pub").read_text()

    def _environment(self) -> dict[str, str]:
        env = {
            name: value
            for name, value in os.environ.items()
            if PASSED_ON.fullmatch(name)
        }
        # The tests' own environment first: that is where copier and the like are.
        folders = [str(Path(sys.executable).parent), env["PATH"]]
        if uv := shutil.which("uv"):
            folders.insert(1, str(Path(uv).parent))
            env["UV_CACHE_DIR"] = uv_folder(uv, "cache")
            env["UV_PYTHON_INSTALL_DIR"] = uv_folder(uv, "python")
        env.setdefault("PIP_CACHE_DIR", str(Path.home() / ".cache" / "pip"))
        env["PRE_COMMIT_HOME"] = str(cache_folder() / "pre-commit")
        return {
            **env,
            **self._home.environment,
            "PATH": os.pathsep.join(folders),
            "UV_PYTHON_DOWNLOADS": "never",
            "GIT_CONFIG_NOSYSTEM": "1",
            "LANG": "C.UTF-8",
            "SHELL": "/bin/bash",
            "TERM": "xterm-256color",
        }


class Terminal:
    """A screen of the laptop's that a test types at and reads, by tmux."""

    def __init__(
        self, laptop: Laptop, *argv: str, cwd: Path | None = None, size: str = "120x40"
    ) -> None:
        """Open it.

        Args:
            laptop: Whose.
            argv: What runs in it; bash without its start files by default.
            cwd: Where; the home by default.
            size: Columns, an x, rows.
        """
        self._laptop = laptop
        self._folder = Path(tempfile.mkdtemp(prefix="screen-"))
        # A tmux of the program's own must not think that it is inside of ours.
        command = ["env", "-u", "TMUX", "-u", "TMUX_PANE"]
        command += argv or ["bash", "--norc", "--noprofile"]
        columns, rows = size.split("x")
        sized = ["-x", columns, "-y", rows, "-c", str(cwd or laptop.home)]
        self._tmux("new-session", "-d", *sized, shlex.join(command))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def send_keys(self, *keys: str) -> None:
        """Press keys, named as tmux does ("Enter", "C-c"); other words are typed."""
        self._tmux("send-keys", "--", *keys)

    def type(self, line: str) -> None:
        """Type a line just as it stands, then Enter."""
        self._tmux("send-keys", "-l", "--", line)
        self.send_keys("Enter")

    def capture(self, colours: bool = False) -> str:
        """Return what the screen shows; a wrapped line comes as one.

        Args:
            colours: With the escapes that make its colours.
        """
        escapes = ["-e"] if colours else []
        return self._tmux("capture-pane", "-p", "-J", *escapes).stdout

    def wait_for(self, awaited: str | re.Pattern[str], timeout: float = 60) -> str:
        """Wait until the screen shows a text, or what a pattern matches.

        Returns:
            The whole screen.

        Raises:
            TimeoutError: It never did; the message holds the screen.
        """
        pattern = (
            re.compile(re.escape(awaited)) if isinstance(awaited, str) else awaited
        )
        shown = ""

        def found() -> bool:
            nonlocal shown
            shown = self.capture()
            return pattern.search(shown) is not None

        wait_until(found, lambda: f"{pattern.pattern!r} in:\n{shown}", timeout)
        return shown

    def close(self) -> None:
        """Close the screen, and hang up what runs in it."""
        self._tmux("kill-server", check=False)
        shutil.rmtree(self._folder)

    def _tmux(self, *words: str, check: bool = True) -> Completed:
        server = ["tmux", "-S", str(self._folder / "socket"), "-f", "/dev/null"]
        return self._laptop.run(*server, *words, check=check)
