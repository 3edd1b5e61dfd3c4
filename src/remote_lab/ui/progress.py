"""A progress bar on standard error, where that is a terminal that nobody else uses."""

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def progress_bar(text: str, total: int) -> Iterator[Callable[[int], object]]:
    """Show the progress of a transfer.

    Args:
        text: What is transferred.
        total: How many bytes there are.

    Yields:
        A function to call with the number of bytes since the last call.
    """
    # Several remotes at once, each in a thread, would draw over each other.
    alone = threading.current_thread() is threading.main_thread()
    if not (total and alone and sys.stderr.isatty()):
        yield lambda size: None
        return
    # Imported here, since most commands show no bar: rich takes 60 ms to load.
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
