"""side_by_side of a project: what it makes of titles, objects and numbers.

What stands in for pandas and the like here is there itself in the last test.
"""

from __future__ import annotations

import base64
import contextlib
import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

FILE = Path(__file__).parents[1] / "template/src/{{ package_name }}/display.py"
# What could be taken for a piece of a page, and anything else that is printed.
PAGE = st.text(st.sampled_from("<>/&;#!-?='\"bp38 "), max_size=20)
LINE = PAGE | st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20)
# A page has no NUL and but one kind of line end.
TEXT = PAGE | st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0\r")
)


def load() -> ModuleType:
    """The module, as it stands in the template."""
    spec = importlib.util.spec_from_file_location("display", FILE)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["display"] = module
    spec.loader.exec_module(module)
    return module


display = load()
side_by_side = display.side_by_side


class Shown:
    """Something that shows itself as it is told: Shown(html="<b>1</b>")."""

    def __init__(self, text: str = "", **kinds: Any) -> None:
        self.text = text
        methods = {f"_repr_{kind}_": self.giving(data) for kind, data in kinds.items()}
        self.__class__ = type("Shown", (Shown,), methods)

    @staticmethod
    def giving(data: Any) -> Any:
        return lambda self, include=None, exclude=None: data

    def __repr__(self) -> str:
        return self.text


class Page(HTMLParser):
    """The rows of a page; each box as its title and its content's text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.rows: list[list[list[str]]] = []
        self.widths: list[float] = []
        self.open: list[str] = []
        self.feed(page)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in ("div", "strong", "pre")
        self.open.append(tag)
        if len(self.open) == 1:
            self.rows.append([])
        if len(self.open) == 2:
            self.rows[-1].append(["", ""])
            rules = dict(rule.split(":") for rule in (attrs[0][1] or "").split(";"))
            self.widths.append(float(rules["width"].removesuffix("%")))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.rows[-1][-1]["pre" in self.open] += data


@given(st.lists(st.tuples(LINE, TEXT), max_size=9), st.integers(1, 12))
def test_no_text_escapes_its_box(boxes: list[tuple[str, str]], per_row: int) -> None:
    titles, texts = [title for title, _ in boxes], [text for _, text in boxes]
    shown = side_by_side(*map(Shown, texts), titles=titles, per_row=per_row)
    page = Page(shown._repr_html_())
    assert [tuple(box) for row in page.rows for box in row] == boxes
    assert all(len(row) == per_row for row in page.rows[:-1])
    assert all(0 < len(row) <= per_row for row in page.rows)
    columns = min(per_row, len(boxes))
    assert all(99 < width * columns <= 100 for width in page.widths)


@given(
    st.lists(st.tuples(LINE, TEXT.filter(lambda text: "\t" not in text)), max_size=9),
    st.integers(1, 4),
)
def test_a_terminal_shows_every_line(
    boxes: list[tuple[str, str]], per_row: int
) -> None:
    titles, texts = [title for title, _ in boxes], [text for _, text in boxes]
    shown = repr(side_by_side(*map(Shown, texts), titles=titles, per_row=per_row))
    for line in [line for text in [*titles, *texts] for line in text.split("\n")]:
        assert line.rstrip() in shown


def test_a_narrow_terminal_shows_one_below_the_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shown = side_by_side(
        Shown("1\n2"), Shown("three"), Shown("4"), titles=["a", "b"], per_row=2
    )
    monkeypatch.setenv("COLUMNS", "9")
    assert repr(shown) == "a   b\n1   three\n2\n\n4"
    monkeypatch.setenv("COLUMNS", "8")
    assert repr(shown) == "a\n1\n2\n\nb\nthree\n\n4"


def test_titles_may_be_anything_and_be_missing() -> None:
    titles = (title for title in [2024, None])
    page = Page(side_by_side(*map(Shown, "abc"), titles=titles)._repr_html_())
    assert page.rows == [[["2024", "a"], ["", "b"], ["", "c"]]]


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"per_row": 0}, ValueError, "per_row is 1 or more, not 0"),
        ({"per_row": 1.5}, TypeError, "per_row is a whole number, not 1.5"),
        ({"max_rows": -1}, ValueError, "max_rows is 1 or more, not -1"),
        ({"titles": "ab"}, TypeError, r"a list of texts: titles=\['ab'\]"),
        ({"titles": ["a", "b", "c"]}, ValueError, "3 titles are too many for 2"),
    ],
)
def test_what_can_not_be_meant_is_told(
    options: dict[str, Any], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        side_by_side(1, 2, **options)


# --- What objects show ----------------------------------------------------------------


def box_of(thing: object) -> str:
    """The content of the one box."""
    page: str = side_by_side(thing)._repr_html_()
    before, _, rest = page.partition('<div style="overflow-x:auto">')
    assert before.count("<div") == 2
    return rest.removesuffix("</div></div></div>")


def test_html_is_left_as_it_is() -> None:
    styled = '<style>#T_1a td {}</style><table id="T_1a"><td>a table</td></table>'
    assert box_of(Shown(html=styled)) == styled
    assert box_of(Shown(html=styled, png=b"1", svg="<svg/>")) == styled
    assert box_of(Shown(mimebundle={"text/html": styled}, html="no")) == styled
    assert box_of(Shown(mimebundle=({"text/html": styled}, {}))) == styled


@pytest.mark.parametrize(
    ("shown", "mime", "data"),
    [
        (Shown(svg="<svg id='x'/>"), "image/svg+xml", b"<svg id='x'/>"),
        (Shown(png=b"\x89PNG"), "image/png", b"\x89PNG"),
        (
            Shown(png=base64.encodebytes(b"\x89" * 90).decode()),
            "image/png",
            b"\x89" * 90,
        ),
        (Shown(html=None, jpeg=b"\xff"), "image/jpeg", b"\xff"),
        (Shown(mimebundle={"image/png": "/w==", "x/y": "?"}), "image/png", b"\xff"),
    ],
)
def test_a_picture_comes_with_its_data(shown: Shown, mime: str, data: bytes) -> None:
    box = box_of(shown)
    assert f'src="data:{mime};base64,{base64.b64encode(data).decode()}"' in box
    assert "max-width:100%" in box


def test_a_picture_for_fine_screens_keeps_its_size() -> None:
    assert '<img width="300" ' in box_of(Shown(png=(b"1", {"width": 300, "height": 9})))


def test_what_answers_to_any_name_and_a_class_are_shown_as_text() -> None:
    for thing in (Mock(), Mock, Shown, "<b>", None):
        assert box_of(thing).startswith("<pre")


def test_ipython_is_asked_where_it_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    silent = {mime: lambda thing: None for mime in display.METHODS}
    formatter = SimpleNamespace(
        mimebundle_formatter=lambda thing, include, exclude: None,
        formatters={
            **silent,
            "text/html": lambda thing: "<i>1</i>" if thing == 1 else None,
            "text/plain": lambda thing: f"pretty {thing}",
        },
    )
    shell = SimpleNamespace(display_formatter=formatter)
    ipython = SimpleNamespace(get_ipython=lambda: shell)
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    assert box_of(1) == "<i>1</i>"
    assert "pretty 2" in box_of(2)
    assert repr(side_by_side(1)) == "pretty 1"
    ipython.get_ipython = lambda: None
    assert ">1<" in box_of(1)


class Figure:
    """What matplotlib's is to us."""

    @property
    def figure(self) -> Figure:
        return self

    def savefig(self, file: Any, **options: str) -> None:
        file.write(b"drawn")


@pytest.mark.parametrize(("backend", "closed"), [("inline", 1), ("widget", 0)])
def test_a_figure_is_shown_once(
    monkeypatch: pytest.MonkeyPatch, backend: str, closed: int
) -> None:
    pyplot = Mock(get_backend=lambda: f"module://{backend}")
    monkeypatch.setitem(sys.modules, "matplotlib.figure", Mock(Figure=Figure))
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", pyplot)
    figure = Figure()
    shown = side_by_side(SimpleNamespace(figure=figure))
    repr(shown)
    assert not pyplot.close.called
    assert base64.b64encode(b"drawn").decode() in shown._repr_html_()
    assert pyplot.close.call_args_list == [((figure,),)] * closed


def test_max_rows_is_a_matter_of_this_box_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now: dict[str, int] = {}

    @contextlib.contextmanager
    def option_context(*words: Any) -> Iterator[None]:
        now.update(zip(words[::2], words[1::2], strict=True))
        yield
        now.clear()

    class Frame:
        def __repr__(self) -> str:
            return f"{sorted(set(now.values()))} rows"

    monkeypatch.setitem(sys.modules, "pandas", Mock(option_context=option_context))
    assert repr(side_by_side(Frame(), max_rows=4)) == "[4] rows"
    assert "[4] rows" in side_by_side(Frame(), max_rows=4)._repr_html_()
    assert repr(side_by_side(Frame())) == "[] rows"
    assert now == {}


# --- The real ones --------------------------------------------------------------------


def run(*command: str | Path, code: str) -> None:
    done = subprocess.run(
        [*command, "-"],
        input=f"import sys; sys.path.insert(0, {str(FILE.parent)!r})\n{code}",
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_it_imports_nothing_but_pythons_own() -> None:
    code = """
from display import side_by_side
side_by_side(1, "a", max_rows=3)._repr_html_()
others = {name.partition(".")[0] for name in sys.modules} - sys.stdlib_module_names
assert others <= {"display", "__main__"}, others
"""
    run(sys.executable, "-IS", code=code)


REAL = """
import pandas, polars, re
import matplotlib.pyplot as plt
from IPython.core.interactiveshell import InteractiveShell
from display import side_by_side
numbers = {"n": range(100), "text": ["<b>table</b>"] * 100}
frame, arrow = pandas.DataFrame(numbers), polars.DataFrame(numbers)
axes = frame.plot()
alone = frame._repr_html_(), arrow._repr_html_()

def check():
    things = frame, arrow, frame.n, frame.style.highlight_min(), axes
    html = side_by_side(*things, max_rows=6)
    text, page = repr(html), html._repr_html_()
    assert "100 rows \\u00d7 2 columns" in page and "shape: (100, 2)" in page
    assert "Length: 100" in page and page.count("..") == 2 + 2 + 1 + 2, page
    # pandas: 6 rows, dots, heads; polars: 6, dots, heads, types; styled: 6, dots, heads
    assert page.count("<tr") == 8 + 9 + 8, page.count("<tr")
    assert "<td>94</td>" not in page and "<td>97</td>" in page
    (styled,) = set(re.findall(r'<table id="(T_\\w+)"', page))
    assert f"#{styled}_row0_col0" in page and f'id="{styled}_row0_col0"' in page
    assert page.count("data:image/png") == 1 and "[100 rows x 2 columns]" in text
    assert (frame._repr_html_(), arrow._repr_html_()) == alone

check()
InteractiveShell.instance()
check()
"""


@pytest.mark.needs("uv", "network")
def test_real_frames_and_figures() -> None:
    packages = ("pandas", "polars", "matplotlib", "ipython", "jinja2")
    words = [word for name in packages for word in ("--with", name)]
    uv = ("uv", "run", "-q", "--no-project", "--python", sys.executable, *words)
    run(*uv, "python", code=REAL)
