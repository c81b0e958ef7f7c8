"""Line plots as SVG text, for a page that needs no script: requests, scores, trade-off, leaks."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_WIDTH: Final = 960
_HEIGHT: Final = 300
_LEFT: Final = 60
_RIGHT: Final = 10
_BOTTOM: Final = 40
_TOP: Final = 12
_COLOURS: Final = ("#8a8f98", "#d1495b", "#edae49", "#00798c", "#6a4c93", "#2e8b57", "#b56576")


@dataclass(frozen=True, slots=True)
class Mark:
    """An alert on the time axis."""

    hour: float
    label: str


@dataclass(frozen=True, slots=True)
class Axis:
    """A scale with its ticks (value, label); ``log`` is log10 of one more than the value."""

    low: float
    high: float
    ticks: Sequence[tuple[float, str]]
    log: bool = False

    def place(self, value: float) -> float:
        """Return the position of a value, 0 to 1."""
        low, high = self.low, self.high
        if self.log:
            value, low, high = (math.log10(1 + x) for x in (value, low, high))
        return (value - low) / ((high - low) or 1)


def timeline(series: Mapping[str, Mapping[int, int]], marks: Sequence[Mark]) -> str:
    """Return the SVG of hourly requests by name (hour since the epoch -> requests), log scale."""
    hours = [hour for line in series.values() for hour in line]
    if not hours:
        return ""
    first, last = min(hours), max(hours) + 1
    top = max(count for line in series.values() for count in line.values())
    powers = [10**power for power in range(int(math.log10(max(top, 1))) + 1)]
    lines = {
        name: [(hour + 0.5, float(line.get(hour, 0))) for hour in range(first, last)]
        for name, line in series.items()
    }
    counts = Axis(0, top, [(power, f"{power:,}") for power in powers], log=True)
    return chart("requests an hour", lines, _days(first, last), counts, marks)


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
    return chart("highest score of the hour", lines, _days(first, last), _shares(), marks)


def precision_recall(series: Mapping[str, Sequence[tuple[float, float]]]) -> str:
    """Return the SVG of (recall, precision) points by name."""
    return chart("precision over recall", series, _shares(), _shares(), ())


def leaks(series: Mapping[str, Sequence[tuple[float, float]]], marks: Sequence[Mark]) -> str:
    """Return the SVG of (hours since a campaign began, share of its tokens that has left)."""
    last = max((hour for line in series.values() for hour, _ in line), default=0.0)
    every = max(1, math.ceil(last / 8))
    hours = Axis(0, last, [(hour, f"{hour} h") for hour in range(0, int(last) + 1, every)])
    return chart("share of the output tokens that has left", series, hours, _shares(), marks)


def chart(
    label: str,
    series: Mapping[str, Sequence[tuple[float, float]]],
    x: Axis,
    y: Axis,
    marks: Sequence[Mark],
) -> str:
    """Return lines by name over two axes, with a legend; empty without any point."""
    if not any(series.values()):
        return ""

    def across(value: float) -> float:
        return _LEFT + x.place(value) * (_WIDTH - _LEFT - _RIGHT)

    def up(value: float) -> float:
        return _HEIGHT - _BOTTOM - y.place(value) * (_HEIGHT - _BOTTOM - _TOP)

    parts = [f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(label)}">']
    for value, text in y.ticks:
        parts.append(
            f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{up(value):.1f}" '
            f'y2="{up(value):.1f}"/><text x="{_LEFT - 6}" y="{up(value) + 4:.1f}" '
            f'text-anchor="end">{text}</text>'
        )
    parts += [f'<text x="{across(v):.1f}" y="{_HEIGHT - 18}">{text}</text>' for v, text in x.ticks]
    for number, (name, line) in enumerate(series.items()):
        points = " ".join(f"{across(a):.1f},{up(b):.1f}" for a, b in line)
        parts.append(
            f'<polyline fill="none" stroke="{_colour(number)}" stroke-width="1.6" '
            f'points="{points}"><title>{escape(name)}</title></polyline>'
        )
    parts += [
        f'<line class="mark" x1="{across(mark.hour):.1f}" x2="{across(mark.hour):.1f}" '
        f'y1="{_TOP}" y2="{_HEIGHT - _BOTTOM}"><title>{escape(mark.label)}</title></line>'
        for mark in marks
    ]
    parts.append("</svg>")
    return "".join(parts) + _legend(series, marks)


def _days(first: int, last: int) -> Axis:
    every = max(1, math.ceil((last - first) / 8))
    ticks = [
        (float(hour), datetime.fromtimestamp(hour * 3600, UTC).strftime("%d %b %H:%M"))
        for hour in range(first, last, every)
    ]
    return Axis(first, last, ticks)


def _shares() -> Axis:
    return Axis(0, 1, [(tenths / 10, f"{tenths / 10:.1f}") for tenths in range(0, 11, 2)])


def _colour(number: int) -> str:
    return _COLOURS[number % len(_COLOURS)]


def _legend(series: Mapping[str, object], marks: Sequence[Mark]) -> str:
    items = [
        f'<li><span style="background:{_colour(number)}"></span>{escape(name)}</li>'
        for number, name in enumerate(series)
    ]
    if marks:
        items.append('<li><span class="mark"></span>first alert of an incident</li>')
    return f'<ul class="legend">{"".join(items)}</ul>'
