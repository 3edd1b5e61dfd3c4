"""What is measured: the floor, our push, and what a peer of it has to be able to do."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from measure import BenchmarkFailed, Command
from scene import HOST, Scene, contents, empty

LOGIN, START = "login", "start"
PUSHES = ("first", "no-op", "one file")
# What is edited for a push of one file.
EDITED = ".config/remote-lab/titanic/tmux.conf"


@dataclass
class Contender:
    """One way to do the job; each push of it is prepared, timed, checked.

    Attributes:
        name: As the table names it.
        how: One line on what is run.
        scene: Where.
        variants: What of LOGIN, START and PUSHES it does.
        peer: Whether the push has to be faster than it. Others are for reference.
        missing: Why it can't be measured here; empty if it can.
        edits: How often its file was edited.
    """

    name: str
    how: str
    scene: Scene
    variants: tuple[str, ...] = PUSHES
    peer: bool = False
    missing: str = ""
    edits: int = field(default=0, init=False)

    def prepare(self, variant: str) -> None:
        """Bring everything into the state in which this push is to begin."""
        self.scene.settle()

    def command(self, variant: str) -> Command:
        """What is timed."""
        raise NotImplementedError

    def check(self, variant: str) -> None:
        """See that it did the job.

        Raises:
            BenchmarkFailed: It did not.
        """


@dataclass
class Login(Contender):
    """`ssh host true`, the floor; or with the master that the user has open."""

    host: str = "bare"
    variants: tuple[str, ...] = (LOGIN,)

    def prepare(self, variant: str) -> None:
        super().prepare(variant)
        if self.host == "live":
            self.scene.run("ssh", self.host, "true")

    def command(self, variant: str) -> Command:
        return self.scene.command("ssh", self.host, "true")


@dataclass
class Start(Contender):
    """The start of ./remote alone, with what a push needs of its command line."""

    variants: tuple[str, ...] = (START,)

    def command(self, variant: str) -> Command:
        root = self.scene.project.root
        return self.scene.command("./remote", "push", "--help", cwd=root)


@dataclass
class Ours(Contender):
    """`./remote push --only home`, cold or over the project's own live master."""

    live: bool = False

    def prepare(self, variant: str) -> None:
        super().prepare(variant)
        if variant == "first":
            empty(self.scene.server.home)
        elif variant == "one file":
            self.edits += 1
            self.scene.project.edit(EDITED, f"# {self.name}, edit {self.edits}")
        if self.live:
            self.scene.run(*self.scene.ours(), HOST, "true")

    def command(self, variant: str) -> Command:
        words = ("./remote", "push", "--only", "home")
        return self.scene.command(*words, cwd=self.scene.project.root)

    def check(self, variant: str) -> None:
        self.holds(self.scene.server.home)

    def holds(self, home: Path) -> None:
        """See that a home holds the pieces: by their paths, which lead over a link."""
        for path, wanted in contents(self.scene.project.pieces).items():
            if not (home / path).exists() or (home / path).read_bytes() != wanted:
                raise BenchmarkFailed(f"{home} does not hold {path} as it should")


def own(scene: Scene) -> list[Contender]:
    """The floor, and what is ours."""
    found: list[Contender] = [
        Login("ssh host true", "the floor: no master", scene),
        Login("ssh, live master", "over a master that is open", scene, host="live"),
        Login("ssh, new master", "leaves a master behind", scene, host="shared"),
        Ours("./remote push", "--only home; leaves a master behind", scene),
        Ours("./remote push, live", "the same over that master", scene, live=True),
    ]
    if not scene.rtt:
        found.append(Start("./remote push --help", "the start of the program", scene))
    return found
