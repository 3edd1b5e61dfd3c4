"""A progress bar on standard error, where that is a terminal that is ours alone."""

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def bar(text: str, total: int) -> Iterator[Callable[[int], object]]:
    """Show how far something has come.

    Args:
        text: What is under way.
        total: How many bytes it will be.

    Yields:
        To be called with the bytes that were done since the last call.
    """
    # Several remotes at once, a thread each, would draw over each other.
    alone = threading.current_thread() is threading.main_thread()
    if not (total and alone and sys.stderr.isatty()):
        yield lambda size: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(text, total=total)
        yield lambda size: progress.advance(task, size)
