"""Who plays in a story: people with laptops and accounts, one server, one repository.

How to write a story: a test in tests/stories that takes `stage`, and plays days.

    def test_story(stage: Stage) -> None:
        ada = stage.person("Ada Lovelace")
        ada.starts_project()                   # copier copy, setup, pushes
        grace = stage.person("Grace Hopper")
        grace.clones_project()                 # git clone, ./remote setup
        page = ada.notebook("notebooks/a.ipynb", new=True)
        page.append("6 * 7"); page.run(0); page.save()
        said = ada.remote("save")              # fails the test unless it succeeds
        said = ada.remote("push", code=3)      # exit code 3 is what should be
        ada.advised(said, "remote save")       # runs what the message advises
        assert ada.here.cells("notebooks/a.py") == ada.there.cells("notebooks/a.py")

`here` is a person's clone on the laptop, `there` the one on the server: both have
`text`, `cells`, `outputs`, `commits`, `changes` and `sh`. After each step, look at what
each party should see. Run what messages advise by `advised`, never by hand. For a story
that needs eyes, `browser.open_lab(ada.url())`.
"""

from __future__ import annotations

import itertools
import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from advice import commands_in
from box import Account, Box
from image import cache_folder
from jupyter import Server, text_of
from laptop import Laptop
from loopback import free_port
from page import Notebook
from process import CommandFailed, Completed, run
from project import TEMPLATE, Project

_numbers = itertools.count(1)
# What an environment is built from where there is no internet: the laptop brings it to
# the first account of the run, and to the others it is copied.
ENVIRONMENT = (".cache/remote-lab", ".local/share/remote-lab")
KEPT = "/var/lib/stories"


class Clone:
    """A clone of the project: a laptop's, or the one on the server."""

    def __init__(self, shell: Laptop | Account, folder: str) -> None:
        self._shell, self._folder = shell, folder

    def sh(self, line: str, check: bool = True, timeout: float = 120) -> str:
        """Run a line of sh in the clone, and return all that it prints.

        Raises:
            CommandFailed: It fails, and *check* is set.
        """
        return everything(self.run(line, check, timeout))

    def run(self, line: str, check: bool = True, timeout: float = 120) -> Completed:
        """Run a line of sh in the clone."""
        line = f"cd {shlex.quote(self._folder)} && {line}"
        if isinstance(self._shell, Account):
            return self._shell.sh(line, check, timeout)
        return self._shell.run("bash", "-c", line, check=check, timeout=timeout)

    def text(self, path: str) -> str:
        """Return what a file holds; nothing if there is none."""
        return self.run(f"cat {shlex.quote(path)}", check=False).stdout

    def write(self, path: str, text: str) -> None:
        """Write a file, as an editor does."""
        self.run(f"printf %s {shlex.quote(text)} >{shlex.quote(path)}")

    def edit(self, path: str, old: str, new: str) -> None:
        """Replace a text that stands in a file."""
        text = self.text(path)
        assert old in text, f"no {old!r} in {path}:\n{text}"
        self.write(path, text.replace(old, new))

    def cells(self, path: str) -> list[str]:
        """Return the texts of a notebook's cells, or of a script's."""
        text = self.text(path)
        assert text, f"there is no {path}"
        if path.endswith(".ipynb"):
            cells = json.loads(text)["cells"]
            return ["".join(cell["source"]) for cell in cells]
        body = re.sub(r"\A# ---\n.*?^# ---\n", "", text, flags=re.DOTALL | re.MULTILINE)
        parts = re.split(r"^# %%(.*)\n", body, flags=re.MULTILINE)[1:]
        cells = []
        for head, part in zip(parts[::2], parts[1::2], strict=True):
            if "[markdown]" in head:
                part = re.sub("^# ?", "", part, flags=re.MULTILINE)
            cells.append(part.strip("\n"))
        return cells

    def outputs(self, path: str) -> list[str]:
        """Return the texts of the outputs of a notebook's cells."""
        return [
            text_of(cell.get("outputs", []))
            for cell in json.loads(self.text(path))["cells"]
        ]

    def commits(self) -> list[str]:
        """Return the subjects of the commits on the branch, the last one first."""
        return self.run("git log --format=%s").stdout.splitlines()

    def head(self) -> str:
        """Return the commit that is checked out."""
        return self.run("git rev-parse HEAD").stdout.strip()

    def changes(self) -> list[str]:
        """Return what git status shows, as `git status --porcelain` has it."""
        return self.run("git status --porcelain").stdout.splitlines()


class Person:
    """Somebody with a laptop and an account on the server, at work on a project."""

    def __init__(
        self,
        stage: Stage,
        name: str,
        laptop: Laptop,
        account: Account,
        slug: str = "titanic",
    ) -> None:
        self.stage, self.name, self.slug = stage, name, slug
        self.laptop, self.account = laptop, account
        self.project = Project(laptop, laptop.home / slug)
        self.here = Clone(laptop, str(self.project.root))
        self.there = Clone(account, slug)
        self.lab_port = free_port()

    def another_project(self, slug: str) -> Person:
        """The same person, at work on another project; start it."""
        return Person(self.stage, self.name, self.laptop, self.account, slug)

    # Setting up

    def starts_project(
        self, source: Path | str = TEMPLATE, ref: str = "HEAD", **answers: Any
    ) -> str:
        """Make the project by `copier copy`, which pushes it; push to git's server.

        Args:
            source: The template.
            ref: Its version.
            answers: Other answers than those that lead to the account.

        Returns:
            What was said.
        """
        self.stage.lend(self)
        own = {
            "project_name": self.slug.capitalize(),
            "remote_host": self.stage.box.address,
            "remote_user": self.account.name,
            "lab_port": self.lab_port,
        }
        _, said = Project.copied(
            *(self.laptop, {**own, **answers}, source, ref, self.slug), timeout=240
        )
        self.stage.keep(self)
        self.here.sh(f"git remote add origin {self.stage.repository(self.slug)}")
        self.here.sh("git push -q -u origin main")
        return said

    def clones_project(self, options: str = "", code: int = 0) -> str:
        """Clone the project from git's server, and set it up.

        Args:
            options: For ./remote setup; without any, it asks for the login.
            code: With options: the exit code that setup should end with.

        Returns:
            What setup said.
        """
        repository = self.stage.repository(self.slug)
        self.laptop.run("git", "clone", "-q", repository, self.slug)
        self.stage.lend(self)
        # All laptops of a story are one machine, on which a port is taken once.
        port = f"[remotes.{self.slug}]\nlab_port = {self.lab_port}\n"
        (self.project.root / "remote.local.toml").write_text(port)
        if options:
            return self.remote(f"setup {options}", code, timeout=240)
        typed = f"{self.account.name}\n"
        done = self.project.remote("setup", input=typed, tty=True, timeout=240)
        assert "Your login on" in done.stdout
        return done.stdout

    # Commands

    def remote(self, words: str, code: int = 0, timeout: float = 120) -> str:
        """Type ./remote on the laptop, and return all that it prints.

        Args:
            words: Its command line.
            code: The exit code that it should end with.
            timeout: Seconds that it may take.
        """
        done = self.here.run(f"./remote {words}", check=False, timeout=timeout)
        if done.returncode != code:
            raise CommandFailed(done)
        assert "Traceback" not in done.stderr, done.stderr
        return everything(done)

    def commit(self, message: str) -> str:
        """Commit everything; what the hook changes is looked at, added, tried again.

        Returns:
            What git and its hooks said, at each try.
        """
        line = f"git add -A && git commit -m {shlex.quote(message)}"
        done = self.here.run(line, check=False)
        again = self.here.sh(line) if done.returncode else ""
        return everything(done) + again

    def advised(
        self, text: str, *which: str, code: int = 0, timeout: float = 120
    ) -> str:
        """Run what a message advises, literally, on the laptop.

        Args:
            text: What a command said.
            which: Of the commands, those that are one of these, or else contain one:
                where a message names several ways out, a user takes one.
            code: The exit code that each has to end with.
            timeout: Seconds that each may take.

        Returns:
            What they said.
        """
        commands = commands_in(text)
        chosen = [c for c in commands if not which or c in which] or [
            c for c in commands if any(word in c for word in which)
        ]
        assert chosen, f"none of {which} among the advice {commands} in:\n{text}"
        said = ""
        for command in chosen:
            done = self.here.run(command, check=False, timeout=timeout)
            if done.returncode != code:
                raise CommandFailed(done)
            said += everything(done)
        return said

    # The lab

    def url(self) -> str:
        """Open the lab, and return the URL that leads there."""
        said = self.remote("open --no-browser").splitlines()
        return next(line for line in said if line.startswith("http"))

    def notebook(self, path: str, new: bool = False, kernel: str = "") -> Notebook:
        """Open a notebook in the lab, as a page does.

        Args:
            path: Its path in the project.
            new: Whether to make it.
            kernel: For a new one, another kernel than the launcher's first.
        """
        server = Server(self.url())
        if new:
            return Notebook.create(server, path, kernel)
        return Notebook(server, path)


class Stage:
    """The server with a git repository on it, and who has come."""

    def __init__(self, box: Box) -> None:
        """Have git's server there.

        Args:
            box: The server.
        """
        self.box = box
        self._number = next(_numbers)
        self._people: list[Person] = []
        self._accounts: list[Account] = []
        if box.sh("id git", check=False).returncode:
            box.add_user("git", "# who may read and write the repositories\n")

    def person(self, name: str) -> Person:
        """Let somebody come, with a new laptop and a new account on the server."""
        login = f"{name.split()[0].lower()}{next(_numbers)}"
        account = self.box.add_user(login, "# own keys\n")
        self._accounts.append(account)
        return self._with_laptop(name, account)

    def another_laptop(self, person: Person) -> Person:
        """Give somebody a second laptop with a key of its own, for the same account."""
        return self._with_laptop(person.name, person.account)

    def repository(self, slug: str) -> str:
        """Where the project's repository is; it is made at first need."""
        path = f"/home/git/{self._number}/{slug}.git"
        made = f"[ -d {path} ] || git init -q --bare -b main {path}"
        self.box.sh(made, user="git")
        return f"ssh://git@{self.box.address}{path}"

    def close(self) -> None:
        """Take the laptops away, and end what runs on the accounts."""
        for person in self._people:
            person.laptop.close()
        for account in self._accounts:
            self.box.retire_user(account)

    def logs(self) -> str:
        """The end of each lab's log, to read in a failure."""
        line = "tail -n 30 .local/state/remote-lab/*/lab.log"
        return "\n".join(
            f"{account.name}: {account.sh(line, check=False).stdout}"
            for account in self._accounts
        )

    def lend(self, person: Person) -> None:
        """Spare a project the packages that an earlier one has brought."""
        home, slug, name = person.account.home, person.slug, person.account.name
        for number, folder in enumerate(ENVIRONMENT):
            self.box.sh(
                f"[ ! -e {KEPT}/{number} ] || [ -e {home}/{folder}/{slug} ] || {{"
                f" su {name} -c 'umask 077; mkdir -p {home}/{folder}' &&"
                f" cp -a {KEPT}/{number} {home}/{folder}/{slug} &&"
                f" chown -R {name}: {home}/{folder}; }}"
            )

    def keep(self, person: Person) -> None:
        """Keep these, if they are the first."""
        for number, folder in enumerate(ENVIRONMENT):
            self.box.sh(
                f"mkdir -p {KEPT} && cd {person.account.home}/{folder} &&"
                f" [ -e {KEPT}/{number} ] || cp -a {person.slug} {KEPT}/{number}"
            )

    def _with_laptop(self, name: str, account: Account) -> Person:
        laptop = Laptop()
        person = Person(self, name, laptop, account)
        self._people.append(person)
        email = f"{name.split()[0].lower()}@example.org"
        laptop.run("git", "config", "--global", "user.name", name)
        laptop.run("git", "config", "--global", "user.email", email)
        # Who has no terminal has no editor; packages are fetched once for all.
        laptop.env["GIT_EDITOR"] = "true"
        laptop.env["PRE_COMMIT_HOME"] = str(cache_folder() / "pre-commit")
        wheels = laptop.home / ".cache/remote-lab/_wheels"
        wheels.parent.mkdir(parents=True)
        (shared := cache_folder() / "wheels").mkdir(exist_ok=True)
        wheels.symlink_to(shared)
        for login in ("git", account.name):
            keys = f"/home/{login}/.ssh/authorized_keys"
            self.box.sh(f"cat >>{keys}", input=laptop.key)
        host = run(["ssh-keyscan", "-t", "ed25519", self.box.address]).stdout
        (laptop.home / ".ssh/known_hosts").write_text(host)
        return person


def everything(done: Completed) -> str:
    """Return all that a command has printed."""
    return done.stdout + done.stderr


@pytest.fixture
def stage(box: Box) -> Iterator[Stage]:
    """A stage with nobody on it."""
    stage = Stage(box)
    yield stage
    stage.close()
