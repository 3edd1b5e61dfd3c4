"""Many remotes at once: push --all beside as many logins, all through one sshd.

Each remote has an address and a home of its own. The sshd is one, with its default
MaxStartups, like a shared host that everybody logs in through.
"""

from __future__ import annotations

from dataclasses import dataclass

from contender import LOGIN, PUSHES, Contender, Ours
from measure import Command
from scene import Scene, empty

WIDTH = 8
COUNTS = (1, 4, 16, 64)


@dataclass
class Logins(Contender):
    """`ssh host true` for each remote, so many at once as push --all has."""

    variants: tuple[str, ...] = (LOGIN,)

    def command(self, variant: str) -> Command:
        hosts = " ".join(f"bare{n}" for n in range(len(self.scene.addresses)))
        line = f"printf '%s\\n' {hosts} | xargs -P {WIDTH} -I HOST ssh HOST true"
        return self.scene.command("sh", "-c", line)


@dataclass
class All(Ours):
    """`./remote push --all --only home`."""

    variants: tuple[str, ...] = PUSHES[:2]

    def prepare(self, variant: str) -> None:
        super().prepare(variant)
        if variant == "first":
            for home in self.scene.server.homes:
                empty(home)

    def command(self, variant: str) -> Command:
        words = ("./remote", "push", "--all", "--only", "home")
        return self.scene.command(*words, cwd=self.scene.project.root)

    def check(self, variant: str) -> None:
        for home in self.scene.server.homes:
            self.holds(home)


def many(scene: Scene) -> list[Contender]:
    """The floor and the push, at this scene's number of remotes."""
    return [
        Logins("ssh host true, each", f"{WIDTH} at once", scene),
        All("./remote push --all", "--only home", scene),
    ]


def dropped(scene: Scene) -> int:
    """How many connections sshd has dropped, there being too many at once."""
    return scene.server.logs().count("drop connection #")
