"""What the tests of the laptop's side and of faults ask again and again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from box import Account
from laptop import Laptop
from loopback import Loopback
from process import Completed
from project import Project, snapshot


def told(done: Completed, code: int, *words: str) -> None:
    """Check that a failure was told as the contract has it."""
    said = done.stdout + done.stderr
    assert done.returncode == code, said
    assert "Traceback" not in said
    assert "Next: " in said
    for word in words:
        assert word in said


def reaches(server: Loopback | Account) -> dict[str, object]:
    """The answers by which a project's remote is this server's account.

    Args:
        server: The loopback server, or an account on the box.
    """
    if isinstance(server, Loopback):
        name, port, address = server.user, server.port, server.address
    else:
        name, port, address = server.name, server.box.port, server.box.address
    return {"remote_host": address, "remote_port": port, "remote_user": name}


def push(project: Project, only: str = "home,code", check: bool = False) -> Completed:
    """Push, but for the environment, which takes long."""
    return project.remote("push", "--only", only, check=check)


def home_of(laptop: Laptop) -> dict[str, tuple[Any, ...]]:
    """All that is in the home, but the project itself."""
    seen = snapshot(laptop.home).items()
    return {path: what for path, what in seen if path.split("/")[0] != "titanic"}


def asked(laptop: Laptop, host: str) -> dict[str, list[str]]:
    """What plain ssh, with the laptop's own ~/.ssh/config, would use for a host."""
    options: dict[str, list[str]] = {}
    for line in laptop.run("ssh", "-G", host).stdout.splitlines():
        key, _, value = line.partition(" ")
        options.setdefault(key, []).append(value)
    return options


def wrote(path: str, content: bytes, mode: int = 0o644) -> Callable[[Path], None]:
    """What puts a file into a home."""

    def prepare(home: Path) -> None:
        at = home / path
        at.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        at.write_bytes(content)
        at.chmod(mode)

    return prepare


# Run in an account's home: an environment whose jupyterlab only listens. Enough where
# the question is what runs the lab.
STAND_IN = """\
mkdir -p titanic/.venv/bin && cd titanic/.venv/bin
cat >python <<'END'
#!/bin/sh
case $* in *jupyterlab*) exec python3 "$0.lab" ;; esac
exec python3 "$@"
END
chmod +x python
cat >python.lab <<'END'
import os, socket, time
lab = socket.socket(socket.AF_UNIX)
lab.bind(os.environ["JUPYTER_RUNTIME_DIR"] + "/lab.sock")
lab.listen()
time.sleep(1000)
END
"""
