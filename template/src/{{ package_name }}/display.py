"""Frames, figures and whatever else a notebook shows, beside one another.

Nothing is imported for it: what shows pandas, polars or matplotlib is in use already.
"""

from __future__ import annotations

import base64
import html
import io
import shutil
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import zip_longest
from numbers import Integral
from typing import Any

# What fits into a page, the best first, and who gives it where there is no IPython.
METHODS = {
    "text/html": "_repr_html_",
    "image/svg+xml": "_repr_svg_",
    "image/png": "_repr_png_",
    "image/jpeg": "_repr_jpeg_",
}
# No colours and no style sheet: a box looks right in any theme, and JupyterLab keeps
# these rules in a notebook that it does not trust.
ROW = '<div style="margin-bottom:0.5em">{}</div>'
BOX = (
    '<div style="display:inline-block;width:{}%;box-sizing:border-box;'
    'padding-right:1.5em;vertical-align:top">{}</div>'
)
TITLE = '<div style="margin-bottom:0.3em"><strong>{}</strong></div>'
CONTENT = '<div style="overflow-x:auto">{}</div>'  # scrolls below its title
TEXT = '<pre style="margin:0;white-space:pre;overflow:visible">{}</pre>'
IMAGE = '<img{} style="max-width:100%" src="data:{};base64,{}">'
GAP = "   "


def side_by_side(
    *objects: object,
    titles: Iterable[object] | None = None,
    per_row: int = 3,
    max_rows: int | None = None,
) -> SideBySide:
    """Show objects beside one another; one that is too wide scrolls in its own box.

        side_by_side(before, after, titles=["before", "after"])

    Args:
        *objects: Anything: frames, styled ones, figures, axes, text.
        titles: One for each object, from the first on; None leaves one out.
        per_row: How many objects stand in a row.
        max_rows: How many rows longer frames show, from their head and tail.

    Returns:
        What a notebook shows as the last line of a cell, or by `display`.

    Raises:
        ValueError, TypeError: A number or the titles make no sense.
    """
    if isinstance(titles, str):
        raise TypeError(f"titles is a list of texts: titles=[{titles!r}]")
    headings = ["" if title is None else str(title) for title in titles or ()]
    if len(headings) > len(objects):
        raise ValueError(f"{len(headings)} titles are too many for {len(objects)}")
    headings += [""] * (len(objects) - len(headings))
    most = 1 if max_rows is None else max_rows
    for name, number in {"per_row": per_row, "max_rows": most}.items():
        if not isinstance(number, Integral):
            raise TypeError(f"{name} is a whole number, not {number!r}")
        if number < 1:
            raise ValueError(f"{name} is 1 or more, not {number}")
    return SideBySide(list(zip(headings, objects, strict=True)), per_row, max_rows)


@dataclass(eq=False, repr=False)
class SideBySide:
    """What side_by_side returns: boxes in a notebook, columns of text in a terminal."""

    boxes: list[tuple[str, object]]
    per_row: int
    max_rows: int | None

    def _repr_html_(self) -> str:
        with _rows_shown(self.max_rows):
            shown = [
                (TITLE.format(html.escape(title)) if title else "")
                + CONTENT.format(_html(thing))
                for title, thing in self.boxes
            ]
        # Rounded down: together they must not be wider than the row.
        width = 10_000 // (min(self.per_row, len(shown)) or 1) / 100
        return "".join(
            ROW.format("".join(BOX.format(width, box) for box in row))
            for row in self._rows(shown)
        )

    def __repr__(self) -> str:
        with _rows_shown(self.max_rows):
            shown = [(title, _text(thing)) for title, thing in self.boxes]
        return "\n\n".join(map(_columns, self._rows(shown)))

    def _rows(self, shown: list[Any]) -> list[list[Any]]:
        starts = range(0, len(shown), self.per_row)
        return [shown[start : start + self.per_row] for start in starts]


@contextmanager
def _rows_shown(most: int | None) -> Iterator[None]:
    """Let pandas and polars, where they are in use, show no more rows than that."""
    pandas, polars = sys.modules.get("pandas"), sys.modules.get("polars")
    names = ("display.max_rows", "display.min_rows", "styler.render.max_rows")
    with ExitStack() as settings:
        if most and pandas:
            options = [word for name in names for word in (name, most)]
            settings.enter_context(pandas.option_context(*options))
        if most and polars:
            settings.enter_context(polars.Config(tbl_rows=most))
        yield


def _html(thing: Any) -> str:
    """Something as a piece of a page: by itself, as a picture, or as its text."""
    figure = _figure(thing)
    mime, data, about = _best(thing if figure is None else figure)
    if figure is not None:
        if not mime:
            file = io.BytesIO()
            figure.savefig(file, format="png", bbox_inches="tight")
            mime, data = "image/png", file.getvalue()
        _not_again(figure)
    if not mime:
        return TEXT.format(html.escape(_text(thing)))
    return str(data) if mime == "text/html" else _image(mime, data, about)


def _best(thing: Any) -> tuple[str, Any, dict[str, Any]]:
    """The best that something gives for a page: its kind, it, and what goes with it."""
    bundle, _ = _ask(thing, "bundle", "_repr_mimebundle_", include=None, exclude=None)
    for mime, method in METHODS.items():
        if data := (bundle or {}).get(mime):
            return mime, data, {}
        data, about = _ask(thing, mime, method)
        if data:
            return mime, data, about
    return "", None, {}


def _ask(thing: Any, mime: str, method: str, **options: Any) -> tuple[Any, Any]:
    """What something gives of a kind, or None, by IPython's formatters or by itself."""
    if shell := _shell():
        formatter = shell.display_formatter
        kinds = {"bundle": formatter.mimebundle_formatter, **formatter.formatters}
        given = kinds[mime](thing, **options)
    else:
        # Of its type: an object may answer to any name, and a class shows itself.
        known = getattr(type(thing), method, None)
        given = known(thing, **options) if known else None
    return given if isinstance(given, tuple) else (given, {})


def _shell() -> Any:
    """The IPython that this runs in, or None."""
    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython else None


def _figure(thing: Any) -> Any:
    """The figure of what matplotlib drew, such as axes; None for anything else."""
    matplotlib = sys.modules.get("matplotlib.figure")
    figure = getattr(thing, "figure", None) if matplotlib else None
    return figure if matplotlib and isinstance(figure, matplotlib.Figure) else None


def _not_again(figure: Any) -> None:
    """Keep a notebook from showing a figure once more at the end of its cell."""
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot and "inline" in pyplot.get_backend():
        pyplot.close(figure)


def _image(mime: str, data: str | bytes, about: dict[str, Any]) -> str:
    """A picture by its data: so nothing in it can meet a name in the page."""
    if isinstance(data, str) and mime == "image/svg+xml":
        data = data.encode()
    text = base64.b64encode(data).decode() if isinstance(data, bytes) else data
    width = f' width="{about["width"]}"' if "width" in about else ""
    return IMAGE.format(width, mime, text.replace("\n", ""))


def _text(thing: Any) -> str:
    """Something as the console shows it."""
    shell = _shell()
    plain = shell.display_formatter.formatters["text/plain"] if shell else repr
    return str(plain(thing) or "")


def _columns(row: list[tuple[str, str]]) -> str:
    """Texts under their titles, side by side if the terminal is wide enough."""
    titled = any(title for title, _ in row)
    blocks = [[title] * titled + text.expandtabs().split("\n") for title, text in row]
    widths = [max(map(len, block)) for block in blocks]
    if sum(widths) + len(GAP) * (len(row) - 1) > shutil.get_terminal_size().columns:
        return "\n\n".join("\n".join(block).lstrip("\n") for block in blocks)
    return "\n".join(
        GAP.join(map(str.ljust, line, widths)).rstrip()
        for line in zip_longest(*blocks, fillvalue="")
    )
