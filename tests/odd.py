"""Odd remotes: an account whose login shell, start files and limits a test chooses.

The login shell of the account is a script of ours, written anew for each oddness: it
sets the stage (a umask, limits, mounts) and then becomes the shell that is meant. So
one sshd and one login serve a whole table of oddities, as a ControlMaster does.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Mapping
from typing import Any, Self

import pytest
from checks import STAND_IN, reaches, told
from hostile import called
from laptop import Laptop
from loopback import Loopback
from needs import require
from process import Completed, finish
from project import Project, sees, snapshot
from pushing import TMUX, after_push

SHELL = """\
#!/bin/dash
{stage}
exec {shell} "$@"
"""


class OddRemote:
    """A laptop, its project, and the account that it pushes to.

    Use it as a context manager.
    """

    def __init__(self, *config: str, home: str = "home", **answers: Any) -> None:
        """Start the server.

        Args:
            config: Lines for sshd_config.
            home: What the account's home is called.
            answers: For the project, other than the defaults.
        """
        self.laptop = Laptop()
        self._shell = self.laptop.home.parent / "login-shell"
        self.be()
        self.server = Loopback(
            self.laptop.key, shell=str(self._shell), config=config, home=home
        )
        self.home = self.server.home
        self.project = Project.rendered(
            self.laptop, {**reaches(self.server), **answers}
        )
        self._edits = 0

    def __enter__(self) -> Self:
        try:
            self.server.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.server.stop()
        self.laptop.close()

    def logs(self) -> str:
        """Return what sshd wrote, to read in a failure."""
        return self.server.logs()

    def be(self, shell: str = "/bin/bash", stage: str = "") -> None:
        """Become odd, from the next session on.

        Args:
            shell: The login shell, and words before its arguments.
            stage: Lines of sh before that.
        """
        self._shell.unlink(missing_ok=True)
        self._shell.write_text(SHELL.format(shell=shell, stage=stage))
        self._shell.chmod(0o755)

    def anew(self, files: Mapping[str, str]) -> None:
        """An empty home, but for these files."""
        for path in self.home.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
        for name, text in files.items():
            path = self.home / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def remote(self, *words: str, check: bool = True) -> Completed:
        """What ./remote does, in this process."""
        return finish(called(self.project, *words), check)

    def push(self, *more: str, check: bool = True) -> Completed:
        """Push the dotfiles."""
        return self.remote("push", "--only", "home", *more, check=check)

    def stand_in(self) -> None:
        """Give the account an environment whose JupyterLab only listens."""
        subprocess.run(["sh", "-c", STAND_IN], cwd=self.home, check=True)

    def edit(self) -> None:
        """Change a piece on the laptop."""
        self._edits += 1
        self.project.edit(TMUX, f"# {self._edits}")

    def seen(self, times: bool = False) -> dict[str, tuple[Any, ...]]:
        """A snapshot of the home, less what fish keeps there for itself."""
        taken = snapshot(self.home, times=times)
        own = (".local", ".local/share", ".cache", ".config")
        return {
            p: what for p, what in taken.items() if "fish" not in p and p not in own
        }

    def lives(self, only: str = "home") -> None:
        """Push, push a change, push nothing new, look, undo, and remove.

        The home is looked at after each.

        Args:
            only: What to push.
        """
        before = self.seen()
        self.remote("push", "--only", only)
        first = after_push(self.project)
        assert sees(self.home) == first
        self.edit()
        said = self.push("--dry-run").stdout
        assert f"\n+# {self._edits}\n" in said
        assert sees(self.home) == first
        self.push()
        assert sees(self.home) == after_push(self.project) != first
        seen = self.seen(times=True)
        assert "nothing to do" in self.remote("push", "--only", only).stderr
        assert self.seen(times=True) == seen
        self.remote("undo")
        assert sees(self.home) == first
        self.remote("remove")
        after = self.seen()
        # What it leaves: folders that stand empty, and the project's code.
        left = {path for path in after if path.split("/")[0] != "titanic"}
        assert left - before.keys() <= {".local", ".local/state"}
        assert {path: after[path] for path in before} == before

    def refuses(self, *words: str, code: int = 1, verb: str = "push") -> None:
        """A verb fails, says why in these words, and changes nothing."""
        before = self.seen(times=True)
        more = ["--only", "home"] if verb.startswith("push") else []
        told(self.remote(*verb.split(), *more, check=False), code, *words)
        assert self.seen(times=True) == before


@pytest.fixture(scope="module")
def account() -> Iterator[OddRemote]:
    """One account, one login, for all that a session can be."""
    require("ssh", "sshd", "nss_wrapper", "uv", "dash")
    with OddRemote() as account:
        yield account
