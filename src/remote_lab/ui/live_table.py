"""How pushes to several remotes are shown while they run, at a terminal."""

from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table as Rows
from rich.text import Text

from remote_lab.ui import show
from remote_lab.ui.table import Table


class LiveTable(Table):
    """A line for each remote whose push runs; below, how many are done."""

    def __init__(self, total: int) -> None:
        """Begin with no line.

        Args:
            total: How many remotes there will be.
        """
        super().__init__()
        self._total, self._done = total, 0
        self._rows: dict[str, str] = {}
        self._console = Console(stderr=True, highlight=False)

    def __enter__(self) -> Self:
        # A new one each time: an old one would begin by clearing what it drew last.
        self._live = Live(
            get_renderable=self._drawn, console=self._console, transient=True
        )
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def pause(self) -> None:
        super().pause()
        self._live.stop()

    def resume(self) -> None:
        if self._waiting is not None:
            self.__enter__()
        super().resume()

    def _begin(self, name: str) -> None:
        self._rows[name] = "connecting"

    def _show(self, name: str, sign: str, text: str) -> None:
        self._rows[name] = text.removeprefix(f"{name}: ")
        if sign == "!":
            self._console.print(show.plain(f"! {text}"), markup=False)

    def _end(self, name: str, result: str) -> None:
        self._rows.pop(name, None)
        self._done += 1

    def _drawn(self) -> RenderableType:
        rows = Rows.grid(padding=(0, 2))
        rows.add_column(no_wrap=True)
        rows.add_column(no_wrap=True, overflow="ellipsis")
        # A copy, and no lock: who prints holds ours, and waits for rich's.
        for name, text in self._rows.copy().items():
            rows.add_row(name, Text(show.plain(text)))
        return Group(rows, f"{self._done} of {self._total} are done")
