"""How pushes to several remotes are shown while they run: as plain lines."""

from collections.abc import Callable
from threading import RLock
from typing import Self

from remote_lab.ui import show


class Table:
    """Plain lines, as they come: for a log, which nobody watches."""

    def __init__(self) -> None:
        self._lock = RLock()
        # What to show at the end of a pause; None outside of one.
        self._waiting: list[Callable[[], object]] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def begin(self, name: str) -> Callable[[str, str], object]:
        """A remote's push begins.

        Args:
            name: The remote's.

        Returns:
            The listener for its messages: see show.redirected.
        """
        self._apply(lambda: self._begin(name))
        return lambda sign, text: self._apply(lambda: self._show(name, sign, text))

    def end(self, name: str, result: str) -> None:
        """A remote's push has ended.

        Args:
            name: The remote's.
            result: How, in a word or two.
        """
        self._apply(lambda: self._end(name, result))

    def pause(self) -> None:
        """Show nothing from now on: ssh asks for a password."""
        with self._lock:
            self._waiting = []

    def resume(self) -> None:
        """Show what came during the pause, and all that follows."""
        with self._lock:
            waiting, self._waiting = self._waiting or [], None
            for update in waiting:
                update()

    def _apply(self, update: Callable[[], object]) -> None:
        with self._lock:
            if self._waiting is None:
                update()
            else:
                self._waiting.append(update)

    def _begin(self, name: str) -> None:
        pass

    def _show(self, name: str, sign: str, text: str) -> None:
        if sign:  # a step is only for people who watch
            show.line(sign, text)

    def _end(self, name: str, result: str) -> None:
        show.line("-", f"{name}: {result}")
