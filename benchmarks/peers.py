"""The peers: other ways to bring the same files to the same home, with a restart.

Each has its own copy of the pieces, its own folder on the remote and its own mark, a
file that grows by a line with each restart. Each runs as its documentation recommends.
"""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from contender import EDITED, Contender
from measure import BenchmarkFailed, Command
from scene import Scene, contents, empty

HOST, LIVE, SHARED = "bare", "live", "shared"
MISE = "@jdxcode/mise-linux-x64@2026.9.15"
CACHE = Path.home() / ".cache/remote-lab-benchmarks"


@dataclass
class Peer(Contender):
    """A contender with its own source, target and mark."""

    peer: bool = True
    # Some restart whether or not there is news: they do not know.
    always: bool = False
    master: bool = False  # over a live master

    def __post_init__(self) -> None:
        folder = "".join(c if c.isalnum() else "-" for c in self.name)
        self.work = self.scene.laptop.home / "peers" / folder
        self.source = self.work / "pieces"
        shutil.copytree(self.scene.project.pieces, self.source)
        self.target = self.scene.server.folder / "peers" / folder
        self.target.mkdir(parents=True)
        self.mark = self.target.with_name(f"{folder}.restarts")
        self.restart = f"echo restarted >>{self.mark}"
        self._restarts = 0
        self.write()

    def write(self) -> None:
        """Write what it reads beside the pieces."""

    def prepare(self, variant: str) -> None:
        super().prepare(variant)
        if variant == "first":
            empty(self.target)
        elif variant == "one file":
            self.edits += 1
            with (self.source / EDITED).open("a") as file:
                file.write(f"# edit {self.edits}\n")
        if self.master:
            self.scene.run("ssh", LIVE, "true")
        self._restarts = self._count()

    def check(self, variant: str) -> None:
        if contents(self.target) != contents(self.source):
            raise BenchmarkFailed("the target does not hold the pieces")
        if self._count() - self._restarts != (variant != "no-op" or self.always):
            raise BenchmarkFailed(f"restarts: {self._count() - self._restarts}")

    def _count(self) -> int:
        return len(self.mark.read_text().splitlines()) if self.mark.exists() else 0


@dataclass
class Script(Peer):
    """A line of sh, with $from, $to, $host and $restart."""

    line: str = ""
    host: str = HOST

    def command(self, variant: str) -> Command:
        given = {"from": self.source, "to": self.target, "host": self.host}
        lines = [f"{name}={shlex.quote(str(value))}" for name, value in given.items()]
        lines += [f"restart={shlex.quote(self.restart)}", self.line]
        return self.scene.command("sh", "-c", "\n".join(lines))


RSYNC = (
    'news=$(rsync -ac --out-format=%n "$from/" "$host:$to/") || exit\n'
    'if [ -n "$news" ]; then ssh "$host" "$restart"; fi'
)
TAR = 'tar -C "$from" -cf - . | ssh "$host" "tar -C $to -xf - && $restart"'
SCP = 'scp -qr "$from/." "$host:$to/" && ssh "$host" "$restart"'


@dataclass
class Mise(Peer):
    """mise bootstrap remote; its own program is on the remote already."""

    always: bool = True

    def write(self) -> None:
        if not program().exists():
            self.missing = f"mise is not here: npm has no {MISE} for this machine"
        (self.work / "mise.toml").write_text(
            f'[dotfiles]\n"{self.target}" = {{ source = "pieces", mode = "copy" }}\n'
            f'[bootstrap.hooks.post-dotfiles]\nrun = "{self.restart}"\n'
        )

    def command(self, variant: str) -> Command:
        there = ("--remote-mise", str(program()), "--only", "dotfiles", "--yes")
        where = ("--host", HOST, "--source", str(self.work))
        words = (str(program()), "bootstrap", "remote", *where, *there)
        return self.scene.command(*words, cwd=self.work)


@dataclass
class Pyinfra(Peer):
    """pyinfra: a files.put for each file, and a server.shell if any of them changed."""

    def write(self) -> None:
        (self.work / "deploy.py").write_text(
            "from pyinfra.operations import files, server\n"
            f"def put(path):\n    target = '{self.target}/' + path\n"
            "    return files.put(src='pieces/' + path, dest=target, mode=True)\n"
            f"done = [put(path) for path in {sorted(contents(self.source))!r}]\n"
            f"server.shell(name='restart', commands=['{self.restart}'],\n"
            "    _if=lambda: any(each.did_change() for each in done))\n"
        )

    def command(self, variant: str) -> Command:
        return self.scene.command("pyinfra", "-y", HOST, "deploy.py", cwd=self.work)


@dataclass
class Ansible(Peer):
    """ansible-playbook with one task and a handler; pipelining is on.

    Attributes:
        task: The module and its arguments, less source and target.
        defaults: More lines for ansible.cfg.
    """

    task: str = "ansible.builtin.copy"
    arguments: str = "mode: preserve"
    defaults: str = ""

    def write(self) -> None:
        (self.work / "ansible.cfg").write_text(
            f"[defaults]\ninventory = hosts\ninterpreter_python = /usr/bin/python3\n"
            f"{self.defaults}\n[ssh_connection]\npipelining = true\n"
        )
        (self.work / "hosts").write_text(f"{HOST}\n")
        (self.work / "playbook.yml").write_text(f"""\
- hosts: all
  gather_facts: false
  tasks:
    - {self.task}:
        src: {self.source}/
        dest: {self.target}/
        {self.arguments}
      notify: restart
  handlers:
    - name: restart
      ansible.builtin.shell: {self.restart}
""")

    def command(self, variant: str) -> Command:
        return self.scene.command("ansible-playbook", "playbook.yml", cwd=self.work)


def program() -> Path:
    """Where mise is, once `fetch` has got it."""
    return CACHE / "node_modules/.bin/mise"


def fetch() -> None:
    """Get what no Python package has: mise, from the npm registry."""
    if not program().exists() and shutil.which("npm"):
        CACHE.mkdir(parents=True, exist_ok=True)
        words = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", MISE]
        subprocess.run(words, cwd=CACHE, check=False, capture_output=True)


def peers(scene: Scene) -> list[Contender]:
    """All of them."""
    strategy = Path(sys.prefix).glob("lib/*/site-packages/ansible_mitogen/plugins")
    mitogen = f"strategy = mitogen_linear\nstrategy_plugins = {next(strategy)}/strategy"
    return [
        Script(
            "rsync -c, then ssh", "-a -c; ssh where files changed", scene, line=RSYNC
        ),
        Script(
            *("rsync -c, then ssh, sharing", "the same; ssh by rsync's master", scene),
            line=RSYNC,
            host=SHARED,
        ),
        Script(
            *("rsync -c, then ssh, live", "the same, over an open master", scene),
            line=RSYNC,
            host=LIVE,
            master=True,
            peer=False,
        ),
        Script(
            *("tar | ssh tar x", "compares nothing, promises nothing", scene),
            line=TAR,
            always=True,
            peer=False,
        ),
        Script("scp -r, then ssh", "compares nothing", scene, line=SCP, always=True),
        Mise("mise bootstrap remote", "dotfiles, mode copy; mise is there", scene),
        Pyinfra("pyinfra files.put", "one for each file", scene),
        Ansible("ansible copy", "one task for the folder; pipelining", scene),
        Ansible("ansible copy, Mitogen", "the same", scene, defaults=mitogen),
        Ansible(
            *("ansible synchronize", "checksum; use_ssh_args", scene),
            task="ansible.posix.synchronize",
            arguments="checksum: true\n        use_ssh_args: true",
        ),
    ]
