"""The table: each cell as a multiple of the floor, beside its bar."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

PUSH, LIVE, ALL = "./remote push", "./remote push, live", "./remote push --all"
START = "./remote push --help"
# By round trip in ms, row and cell: at most so many times the floor.
BARS = {
    ("0", PUSH, "first"): 1.6,
    ("0", PUSH, "no-op"): 1.35,
    ("50", PUSH, "first"): 1.35,
    ("50", PUSH, "no-op"): 1.3,
    ("50", PUSH, "one file"): 1.35,
    ("50", LIVE, "no-op"): 0.3,
    ("50", ALL, "first"): 1.35,
    ("50", ALL, "no-op"): 1.2,
}
START_BAR = 0.150  # seconds
HEAD = (
    *("", "", "x floor", "quartiles", "bar", "ms", "quartiles"),
    *("MB", "largest", "proc.", "turns", "bytes"),
)
WATCHED = ("memory", "largest", "processes")
LATEST = "## The latest table\n"

Bar = tuple[str, float, float]  # what, the figure, at most


def report(figures: dict[str, Any]) -> str:
    """All tables as text, the last line being the count of bars that are met."""
    lines = [f"{name}: {value}" for name, value in figures["machine"].items()]
    loads = ["/".join(f"{part:.1f}" for part in load) for load in figures["load"]]
    lines += [f"load: {loads[0]} at the start, {loads[-1]} at the end"]
    for told in figures["parts"]:
        lines += ["", *_table(told)]
    bars = [bar for told in figures["parts"] for bar in _bars(told)]
    missed = [bar for bar in bars if bar[1] > bar[2]]
    lines += [""]
    lines += [f"missed: {what}: {is_:.3g}, bar {bar:.3g}" for what, is_, bar in missed]
    lines += [f"bars met: {len(bars) - len(missed)} of {len(bars)}"]
    figures["bars"] = [
        {"what": what, "is": is_, "at most": bar, "met": is_ <= bar}
        for what, is_, bar in bars
    ]
    return "\n".join(lines)


def _table(told: dict[str, Any]) -> Iterator[str]:
    floor = _floor(told)
    yield f"{told['title']}; the floor is {floor * 1000:.0f} ms"
    for key in ("key exchange", "dropped by sshd"):
        if key in told:
            yield f"{key}: {told[key]}"
    rows: list[tuple[str, ...]] = [HEAD]
    for name, row in told["rows"].items():
        if row["missing"]:
            why = row["missing"].splitlines()[0]
            rows.append((name, "", f"not measured: {why}"))
            continue
        for variant, cell in row["cells"].items():
            rows.append((name, *_cells(told, name, variant, cell, floor)))
            name = ""
    columns = zip(*(row for row in rows if len(row) == len(HEAD)), strict=True)
    widths = [max(map(len, column)) for column in columns]
    widths[0] = max(len(row[0]) for row in rows)
    for row in rows:
        words = [word.rjust(width) for word, width in zip(row, widths, strict=False)]
        words[:2] = [word.strip().ljust(len(word)) for word in words[:2]]
        yield "  ".join(words).rstrip()


def _cells(
    told: dict[str, Any], name: str, variant: str, cell: dict[str, Any], floor: float
) -> tuple[str, ...]:
    def ms(key: str) -> str:
        return f"{cell[key] * 1000:.0f}"

    def ratio(key: str) -> str:
        return f"{cell[key] / floor:.2f}"

    is_, bar = cell["median"] / floor, BARS.get((_rtt(told), name, variant))
    mark = ""
    if name == START:
        is_, bar = cell["median"], START_BAR
    if bar is not None:
        limit = "150 ms" if name == START else f"{bar:g}"
        mark = f"<= {limit} {'met' if is_ <= bar else 'MISSED'}"
    crossed = cell["crossed"][-1]
    return (
        *(variant, ratio("median"), f"{ratio('q1')}-{ratio('q3')}", mark),
        *(ms("median"), f"{ms('q1')}-{ms('q3')}"),
        *(f"{cell[k]:.0f}" if k in cell else "" for k in WATCHED),
        *(str(crossed.get("turns", "")), str(crossed.get("sent", ""))),
    )


def _rtt(told: dict[str, Any]) -> str:
    return str(told["title"]).split()[0]


def _floor(told: dict[str, Any]) -> float:
    return float(told["rows"][told["floor"]]["cells"]["login"]["median"])


def _bars(told: dict[str, Any]) -> Iterator[Bar]:
    floor, rows, rtt = _floor(told), told["rows"], _rtt(told)
    ours = rows.get(PUSH, {"cells": {}})["cells"]
    for name, row in rows.items():
        for variant, cell in row["cells"].items():
            what = f"{told['title']}: {name}, {variant}"
            if "median" not in cell:
                continue
            if bar := BARS.get((rtt, name, variant)):
                yield what, cell["median"] / floor, bar
            if name == START:
                yield f"{what}, in seconds", cell["median"], START_BAR
            if row["peer"] and "median" in ours.get(variant, {}):
                yield f"{what}: ours, in seconds", ours[variant]["median"], cell[
                    "median"
                ]


def latest(figures: dict[str, Any]) -> str:
    """The table for the README: what follows upon its title."""
    told, parts = figures["machine"], figures["parts"]
    lines = [
        "",
        f"{told['date']}, {told['processors']}, Linux {told['kernel'].split('-')[0]},",
        f"{told['ssh'].split(',')[0]}, {figures['runs']} runs of each. Load:",
        f"{figures['load'][0][0]:.1f} at the start, {figures['load'][-1][0]:.1f} at the"
        " end. First / no-op / one file, as multiples",
        "of the floor; memory (MB) and processes of the first.",
        "",
        "| | " + " | ".join(part["title"] for part in parts) + " | MB | processes |",
        "|---" * (len(parts) + 3) + "|",
    ]
    names = list(dict.fromkeys(name for part in parts for name in part["rows"]))
    for name in names:
        found = [part["rows"].get(name, {"cells": {}})["cells"] for part in parts]
        cells = [
            " / ".join(
                f"{cell['median'] / _floor(part):.2f}"
                for cell in each.values()
                if "median" in cell
            )
            for part, each in zip(parts, found, strict=True)
        ]
        watched: dict[str, Any] = next(
            (cell for each in found for cell in each.values()), {}
        )
        cells += [f"{watched[k]:.0f}" if k in watched else "" for k in WATCHED[::2]]
        lines.append(f"| {name.replace('|', chr(92) + '|')} | {' | '.join(cells)} |")
    floors = ", ".join(f"{_floor(p) * 1000:.0f} ms ({p['title']})" for p in parts)
    return "\n".join([*lines, "", f"The floor: {floors}.", ""])
