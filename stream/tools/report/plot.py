"""Line plots as SVG text, for a page that needs no script: any lines, scores, trade-off, leaks.

Lines differ by dashes as well as by colour, for print and for those who see few colours.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LEFT: Final = 60
RIGHT: Final = 10
BOTTOM: Final = 40
TOP: Final = 12
#: The same for a plot whose marks have texts, in rows above it.
_TOP_MARKED: Final = 34
_MARK_ROWS: Final = 2
COLOURS: Final = ("#8a8f98", "#d1495b", "#00798c", "#b7791f", "#6a4c93", "#2e8b57", "#b56576")
_DASHES: Final = ("", "", "7 3", "2 3", "9 3 2 3", "4 2", "12 4")
#: Distances of ticks of a time axis, in hours.
_STEPS_H: Final = (1, 2, 3, 6, 12, 24, 48, 96, 168, 336, 672)


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment on the time axis; ``text`` stands beside its line, ``label`` is its tooltip."""

    hour: float
    label: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Level:
    """A value that matters, as a horizontal line."""

    value: float
    text: str


@dataclass(frozen=True, slots=True)
class Size:
    """Sizes of a plot, in its own units; letters are 11 high."""

    width: int
    height: int


WIDE: Final = Size(960, 300)
HALF: Final = Size(520, 220)


@dataclass(frozen=True, slots=True)
class PlotAxis:
    """A scale with its ticks (value, label).

    ``log``: 0 for a linear one, else the value up to which it is nearly linear, as 0 has no log.
    """

    low: float
    high: float
    ticks: Sequence[tuple[float, str]]
    log: float = 0.0

    def place(self, value: float) -> float:
        """Return the position of a value, 0 to 1."""
        low, high = self.low, self.high
        if self.log:
            value, low, high = (math.log1p(x / self.log) for x in (value, low, high))
        return (value - low) / ((high - low) or 1)


def scores(series: Mapping[str, Mapping[int, float]], marks: Sequence[Mark]) -> str:
    """Return the SVG of the highest score of each hour by name (hour since the epoch -> score)."""
    hours = [hour for line in series.values() for hour in line]
    if not hours:
        return ""
    first, last = min(hours), max(hours) + 1
    lines = {
        name: [(hour + 0.5, line.get(hour, 0.0)) for hour in range(first, last)]
        for name, line in series.items()
    }
    return chart("highest score of the hour", lines, times(first, last), shares(), marks)


def precision_recall(series: Mapping[str, Sequence[tuple[float, float]]], size: Size = WIDE) -> str:
    """Return the SVG of (recall, precision) points by name."""
    return chart("precision over recall", series, shares(), shares(), (), size=size)


def leaks(
    series: Mapping[str, Sequence[tuple[float, float]]], marks: Sequence[Mark], size: Size = WIDE
) -> str:
    """Return the SVG of (hours since a campaign began, share of its tokens that has left)."""
    last = max((hour for line in series.values() for hour, _ in line), default=0.0)
    every = max(1, math.ceil(last / 8))
    hours = PlotAxis(0, last, [(hour, f"{hour} h") for hour in range(0, int(last) + 1, every)])
    return chart(
        "share of the output tokens that has left", series, hours, shares(), marks, size=size
    )


def chart(
    label: str,
    series: Mapping[str, Sequence[tuple[float, float]]],
    x: PlotAxis,
    y: PlotAxis,
    marks: Sequence[Mark],
    *,
    levels: Sequence[Level] = (),
    size: Size = WIDE,
) -> str:
    """Return lines by name over two axes, with a legend; empty without any point."""
    if not any(series.values()):
        return ""
    right, bottom = size.width - RIGHT, size.height - BOTTOM
    top = _TOP_MARKED if any(mark.text for mark in marks) else TOP

    def across(value: float) -> float:
        return LEFT + x.place(value) * (right - LEFT)

    def up(value: float) -> float:
        return bottom - y.place(value) * (bottom - top)

    parts = [
        f'<svg viewBox="0 0 {size.width} {size.height}" role="img" aria-label="{escape(label)}">'
    ]
    for value, text in y.ticks:
        parts.append(
            f'<line class="grid" x1="{LEFT}" x2="{right}" y1="{up(value):.1f}" '
            f'y2="{up(value):.1f}"/><text x="{LEFT - 6}" y="{up(value) + 4:.1f}" '
            f'text-anchor="end">{text}</text>'
        )
    for value, text in x.ticks:
        parts.append(
            f'<line class="grid" x1="{across(value):.1f}" x2="{across(value):.1f}" '
            f'y1="{bottom}" y2="{bottom + 4}"/><text x="{across(value):.1f}" y="{bottom + 17}" '
            f'text-anchor="{"end" if across(value) > right - 12 else "middle"}">{text}</text>'
        )
    parts += [
        f'<line class="level" x1="{LEFT}" x2="{right}" y1="{up(level.value):.1f}" '
        f'y2="{up(level.value):.1f}"/>'
        for level in levels
    ]
    for number, (name, line) in enumerate(series.items()):
        points = " ".join(f"{across(a):.1f},{up(b):.1f}" for a, b in line)
        parts.append(
            f'<polyline fill="none" {_stroke(number)} points="{points}">'
            f"<title>{escape(name)}</title></polyline>"
        )
    for number, mark in enumerate(marks):
        at, row = across(mark.hour), 10 + 13 * (number % _MARK_ROWS)
        side = "end" if at > right - (right - LEFT) / 4 else "start"
        parts.append(
            f'<line class="mark" x1="{at:.1f}" x2="{at:.1f}" y1="{row - 8}" y2="{bottom}">'
            f"<title>{escape(mark.label)}</title></line>"
        )
        if mark.text:
            parts.append(
                f'<text class="mark" x="{at + (4 if side == "start" else -4):.1f}" y="{row}" '
                f'text-anchor="{side}">{escape(mark.text)}</text>'
            )
    parts += [
        f'<text class="level" x="{LEFT + 6}" y="{up(level.value) - 4:.1f}">'
        f"{escape(level.text)}</text>"
        for level in levels
    ]
    parts.append("</svg>")
    return "".join(parts) + _legend(series, marks)


def times(first: float, last: float, ticks: int = 8) -> PlotAxis:
    """Return an axis of hours since the epoch with about ``ticks`` ticks, at whole hours of UTC."""
    every = next((step for step in _STEPS_H if step * ticks >= last - first), _STEPS_H[-1])
    hours = range(math.ceil(first / every) * every, math.floor(last) + 1, every)
    return PlotAxis(first, last, [(float(hour), _moment(hour)) for hour in hours])


def counts(top: float) -> PlotAxis:
    """Return a logarithmic axis from 0 to ``top``, of four decades or fewer."""
    highest = int(math.log10(max(top, 1)))
    lowest = max(highest - 4, 0)
    powers = [10**power for power in range(lowest + 1, highest + 1)]
    ticks = [(0, "0"), *((power, _short(power)) for power in powers)]
    return PlotAxis(0, max(top, 1), ticks, log=10.0**lowest)


def shares() -> PlotAxis:
    """Return an axis from 0 to 1."""
    return PlotAxis(0, 1, [(tenths / 10, f"{tenths / 10:.1f}") for tenths in range(0, 11, 2)])


def _moment(hour: int) -> str:
    moment = datetime.fromtimestamp(hour * 3600, UTC)
    return moment.strftime("%H:%M" if hour % 24 else "%d %b")


def _short(number: int) -> str:
    for size, letter in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if number >= size:
            return f"{number // size}{letter}"
    return str(number)


def _stroke(number: int) -> str:
    dash = _DASHES[number % len(_DASHES)]
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    return f'stroke="{COLOURS[number % len(COLOURS)]}" stroke-width="1.8"{dashed}'


def _legend(series: Mapping[str, object], marks: Sequence[Mark]) -> str:
    items = [
        f'<li><svg class="key" viewBox="0 0 28 8"><line x1="0" x2="28" y1="4" y2="4" '
        f"{_stroke(number)}/></svg>{escape(name)}</li>"
        for number, name in enumerate(series)
    ]
    if any(not mark.text for mark in marks):
        items.append(
            '<li><svg class="key" viewBox="0 0 28 8"><line class="mark" x1="14" x2="14" y1="0" '
            'y2="8"/></svg>first alert of an incident</li>'
        )
    return f'<ul class="legend">{"".join(items)}</ul>'
