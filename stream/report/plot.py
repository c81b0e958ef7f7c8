"""One plot as SVG text: requests an hour by campaign, with a mark where an alert came."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Scale = Callable[[float], float]

_WIDTH: Final = 960
_HEIGHT: Final = 300
_LEFT: Final = 60
_BOTTOM: Final = 40
_TOP: Final = 12
_COLOURS: Final = ("#8a8f98", "#d1495b", "#edae49", "#00798c", "#6a4c93", "#2e8b57", "#b56576")


@dataclass(frozen=True, slots=True)
class Mark:
    """An alert on the time axis."""

    hour: float
    label: str


def timeline(series: Mapping[str, Mapping[int, int]], marks: Sequence[Mark]) -> str:
    """Return the SVG of hourly requests by name (hour since the epoch -> requests), log scale."""
    hours = [hour for line in series.values() for hour in line]
    if not hours:
        return ""
    first, last = min(hours), max(hours) + 1
    top = max(count for line in series.values() for count in line.values())

    def x(hour: float) -> float:
        return _LEFT + (hour - first) / (last - first) * (_WIDTH - _LEFT - 10)

    def y(count: float) -> float:
        share = math.log10(1 + count) / math.log10(1 + top)
        return _HEIGHT - _BOTTOM - share * (_HEIGHT - _BOTTOM - _TOP)

    parts = [
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="requests an hour">',
        *_axes(first, last, top, x, y),
    ]
    for number, (name, line) in enumerate(series.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        points = " ".join(
            f"{x(hour + 0.5):.1f},{y(line.get(hour, 0)):.1f}" for hour in range(first, last)
        )
        parts.append(
            f'<polyline fill="none" stroke="{colour}" stroke-width="1.6" points="{points}">'
            f"<title>{escape(name)}</title></polyline>"
        )
    parts += [
        f'<line class="mark" x1="{x(mark.hour):.1f}" x2="{x(mark.hour):.1f}" '
        f'y1="{_TOP}" y2="{_HEIGHT - _BOTTOM}"><title>{escape(mark.label)}</title></line>'
        for mark in marks
    ]
    parts.append("</svg>")
    return "".join(parts) + _legend(series)


def _axes(first: int, last: int, top: int, x: Scale, y: Scale) -> list[str]:
    parts = []
    for power in range(int(math.log10(max(top, 1))) + 1):
        at = y(10**power)
        parts.append(
            f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - 10}" y1="{at:.1f}" y2="{at:.1f}"/>'
            f'<text x="{_LEFT - 6}" y="{at + 4:.1f}" text-anchor="end">{10**power:,}</text>'
        )
    every = max(1, math.ceil((last - first) / 8))
    for hour in range(first, last, every):
        label = datetime.fromtimestamp(hour * 3600, UTC).strftime("%d %b %H:%M")
        parts.append(f'<text x="{x(hour):.1f}" y="{_HEIGHT - 18}">{label}</text>')
    return parts


def _legend(series: Mapping[str, Mapping[int, int]]) -> str:
    colours = [_COLOURS[number % len(_COLOURS)] for number in range(len(series))]
    items = [
        f'<li><span style="background:{colour}"></span>{escape(name)}</li>'
        for name, colour in zip(series, colours, strict=True)
    ]
    items.append('<li><span class="mark"></span>first alert of an incident</li>')
    return f'<ul class="legend">{"".join(items)}</ul>'
