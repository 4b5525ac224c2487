"""Rows as bars in an SVG: the median, a line from least to most, and a mark at the goal. One scale for each unit,
logarithmic, because peers differ by orders of magnitude."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from rows import Row

LINE, NAME, BARS, AFTER = 18, 420, 420, 160
STYLE = "text{font:12px sans-serif}.m{fill:#888}.o{fill:#2a6}.s{stroke:#000}.g{stroke:#c22;stroke-width:3}"


def plotted(title: str, rows: Sequence[Row]) -> str:
    """The text of an SVG file. What misses its goal is grey."""
    height = LINE * (len(rows) + 3)
    drawn = [_drawn(row, rows, LINE * (number + 2)) for number, row in enumerate(rows)]
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{NAME + BARS + AFTER}" height="{height}">',
            f"<style>{STYLE}</style>",
            f'<rect width="100%" height="100%" fill="#fff"/><text x="8" y="{LINE}">{escape(title)}</text>',
            *drawn,
            "</svg>\n",
        )
    )


def _drawn(row: Row, rows: Sequence[Row], top: int) -> str:
    name = f'<text x="8" y="{top + 13}">{escape(row.name)}</text>'
    numbers = row.numbers()
    if row.skipped or numbers["min"] <= 0:
        return f'{name}<text x="{NAME}" y="{top + 13}">{escape(row.skipped or "below 0")}</text>'
    scale = [_place(value, row.unit, rows) for value in (numbers["median"], numbers["min"], numbers["max"])]
    middle, least, most = scale
    marks = "".join(_mark("g", _place(goal, row.unit, rows), top + 2, top + 15) for goal in row.goals.values())
    kind = "m" if row.verdict() == "missed" else "o"
    return (
        f'{name}<rect class="{kind}" x="{NAME}" y="{top + 3}" width="{middle - NAME:.0f}" height="11"/>'
        f'<path class="s" d="M{least:.0f} {top + 8}H{most:.0f}"/>{marks}'
        f'<text x="{NAME + BARS + 8}" y="{top + 13}">{numbers["median"]:,.4g} {escape(row.unit)}</text>'
    )


def _mark(kind: str, at: float, top: int, bottom: int) -> str:
    return f'<path class="{kind}" d="M{at:.0f} {top}V{bottom}"/>'


def _place(value: float, unit: str, rows: Sequence[Row]) -> float:
    same = [row for row in rows if row.unit == unit and row.samples and min(row.samples) > 0]
    values = [each for row in same for each in (*row.samples, *row.goals.values())]
    low, high = math.log10(min(values)) - 0.3, math.log10(max(values))
    return NAME + BARS * (math.log10(value) - low) / (high - low)
