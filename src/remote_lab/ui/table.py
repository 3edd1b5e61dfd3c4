"""How pushes to many remotes are shown while they are under way."""

from collections.abc import Callable
from threading import RLock
from typing import TYPE_CHECKING, Self

from remote_lab.ui import show

if TYPE_CHECKING:
    from rich.console import RenderableType


class Board:
    """Plain lines, as they come: for a log, where nobody watches."""

    def __init__(self) -> None:
        self._lock = RLock()
        self._kept: list[Callable[[], object]] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def ear(self, name: str) -> Callable[[str, str], object]:
        """A remote's push begins; what is told of it goes there: see show.heard_by."""
        self._do(lambda: self._begin(name))
        return lambda sign, text: self._do(lambda: self._tell(name, sign, text))

    def end(self, name: str, fate: str) -> None:
        """A remote's push is over."""
        self._do(lambda: self._end(name, fate))

    def hush(self) -> None:
        """Say nothing from now on: somebody is asked for a password."""
        with self._lock:
            self._kept = []

    def speak(self) -> None:
        """Say what was kept back, and all that comes."""
        with self._lock:
            kept, self._kept = self._kept or [], None
            for act in kept:
                act()

    def _do(self, act: Callable[[], object]) -> None:
        with self._lock:
            if self._kept is None:
                act()
            else:
                self._kept.append(act)

    def _begin(self, name: str) -> None:
        pass

    def _tell(self, name: str, sign: str, text: str) -> None:
        if sign:  # a step is for who watches
            show.line(sign, text)

    def _end(self, name: str, fate: str) -> None:
        show.line("-", f"{name}: {fate}")


class LiveBoard(Board):
    """One line a remote that is under way; how many are through, below."""

    def __init__(self, total: int) -> None:
        super().__init__()
        self._total, self._through = total, 0
        from rich.console import Console

        self._rows: dict[str, str] = {}
        self._console = Console(stderr=True, highlight=False)

    def __enter__(self) -> Self:
        from rich.live import Live

        # A new one each time: an old one would begin by clearing what it drew last.
        self._live = Live(
            get_renderable=self._drawn, console=self._console, transient=True
        )
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def hush(self) -> None:
        super().hush()
        self._live.stop()

    def speak(self) -> None:
        if self._kept is not None:
            self.__enter__()
        super().speak()

    def _begin(self, name: str) -> None:
        self._rows[name] = "connecting"

    def _tell(self, name: str, sign: str, text: str) -> None:
        self._rows[name] = text.removeprefix(f"{name}: ")
        if sign == "!":
            self._console.print(show.plain(f"! {text}"), markup=False)

    def _end(self, name: str, fate: str) -> None:
        self._rows.pop(name, None)
        self._through += 1

    def _drawn(self) -> "RenderableType":
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        table = Table.grid(padding=(0, 2))
        table.add_column(no_wrap=True)
        table.add_column(no_wrap=True, overflow="ellipsis")
        # A copy, and no lock: who prints holds ours, and waits for rich's.
        for name, text in self._rows.copy().items():
            table.add_row(name, Text(show.plain(text)))
        return Group(table, f"{self._through} of {self._total} are through")
