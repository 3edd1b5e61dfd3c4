"""Many remotes behind one sshd, as behind a jump host: a port and a home each."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from loopback import Loopback, free_port


class Fleet(Loopback):
    """A server whose ports lead to homes of their own.

    Logins through it count together, for sshd's MaxStartups; the homes are apart.
    """

    def __init__(self, pubkey: str, size: int, *, config: Sequence[str] = ()) -> None:
        """Make the homes and the configuration; nothing runs before `start`.

        Args:
            pubkey: Who may log in.
            size: How many remotes; an sshd can listen at 16 ports.
            config: More lines for sshd_config, such as "MaxStartups 2".
        """
        ports: set[int] = set()
        while len(ports) < size:
            ports.add(free_port())
        self.ports = sorted(ports)
        self.names = ["titanic", *(f"n{number}" for number in range(2, size + 1))]
        super().__init__(pubkey, config=config)
        self.homes = {name: self.home / name for name in self.names}
        for name, home in self.homes.items():
            home.mkdir()
            self.lets_in(name, pubkey)

    def answers(self, **more: Any) -> dict[str, Any]:
        """The answers of the project Titanic whose remotes these are, and more."""
        hosts = [
            {"name": name, "host": self.address, "user": self.user, "port": port}
            for name, port in zip(self.names, self.ports, strict=True)
        ]
        return {
            "remote_host": self.address,
            "remote_port": self.ports[0],
            "remote_user": self.user,
            "more_remotes": json.dumps(hosts[1:]),
            **more,
        }

    def lets_in(self, name: str, pubkey: str) -> None:
        """Have one of the remotes let in this key alone."""
        self._keys(name).write_text(pubkey)

    def _keys(self, name: str) -> Path:
        return self.home.parent / f"keys.{name}"

    def _settings(self) -> list[str]:
        self.port = self.ports[0]
        lines = super()._settings()
        environment = next(line for line in lines if line.startswith("SetEnv "))
        own = f"HOME={self.home}"
        ports = [f"Port {port}" for port in self.ports[1:]]
        homes = [
            line
            for name, port in zip(self.names, self.ports, strict=True)
            for line in (
                f"Match LocalPort {port}",
                environment.replace(own, f"{own}/{name}", 1),
                f"AuthorizedKeysFile {self._keys(name)}",
            )
        ]
        return [*lines, *ports, *homes]
