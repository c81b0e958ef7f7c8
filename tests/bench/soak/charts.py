"""Time series as SVG text: lines, marks of faults, bands of campaigns; no script, no other file."""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence

WIDTH: Final = 980
LEFT: Final = 64
RIGHT: Final = 150
HEIGHT: Final = 170
TOP: Final = 24
BOTTOM: Final = 20
#: Points of a line at most: more than there are pixels between them.
_MOST: Final = 700
COLOURS: Final = ("#00798c", "#d1495b", "#6a4c93", "#b7791f", "#2e8b57", "#8a8f98", "#b56576")
MARK_COLOURS: Final = {
    "kill": "#d1495b",
    "crash_broker": "#7a1020",
    "roll_workers": "#00798c",
    "roll_brokers": "#b7791f",
    "upgrade": "#6a4c93",
    "trouble": "#000000",
}
Points: TypeAlias = "Sequence[tuple[float, float]]"


@dataclass(frozen=True)
class Line:
    """A line; its pieces are not joined. ``parts``: (x, y) each."""

    name: str
    parts: list
    colour: str = ""


@dataclass(frozen=True)
class Band:
    """A span of the time axis, and a moment in it that matters."""

    name: str
    start: float
    end: float
    moment: float | None = None


@dataclass(frozen=True)
class Panel:
    """One chart; ``unit`` stands behind the numbers of its axis."""

    title: str
    lines: list[Line]
    unit: str
    floor: float = 0.0
    bands: list[Band] = field(default_factory=list)


def picture(
    panels: Sequence[Panel], days: float, marks: Sequence[tuple[float, str, str]], title: str
) -> str:
    """Return all panels below each other over one axis of days; ``marks``: (day, kind, text)."""
    height = HEIGHT * len(panels) + 46
    opened = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-label="{escape(title)}" font-family="sans-serif" font-size="11">'
    )
    parts = [
        opened,
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
    ]
    for number, panel in enumerate(panels):
        parts += _panel(panel, number * HEIGHT, days, marks)
    parts += _axis(len(panels) * HEIGHT, days)
    parts += _legend(len(panels) * HEIGHT + 36, {kind for _, kind, _ in marks})
    return "".join([*parts, "</svg>"])


def _across(day: float, days: float) -> float:
    return LEFT + day / days * (WIDTH - LEFT - RIGHT)


def _panel(
    panel: Panel, y: float, days: float, marks: Sequence[tuple[float, str, str]]
) -> list[str]:
    top, bottom = y + TOP, y + HEIGHT - BOTTOM
    values = [value for line in panel.lines for part in line.parts for _, value in part]
    high = max([*values, panel.floor + 1e-9])
    step = _step((high - panel.floor) / 4)
    high = panel.floor + step * max(1, -(-(high - panel.floor) // step))

    def up(value: float) -> float:
        return bottom - (value - panel.floor) / (high - panel.floor) * (bottom - top)

    right = WIDTH - RIGHT
    parts = [f'<text x="{LEFT}" y="{y + 15}" font-weight="bold">{escape(panel.title)}</text>']
    for band in panel.bands:
        x, end = _across(band.start, days), _across(band.end, days)
        parts.append(
            f'<rect x="{x:.1f}" y="{top}" width="{end - x:.1f}" height="{bottom - top}" '
            f'fill="#fbe3c0"><title>{escape(band.name)}</title></rect>'
            f'<text x="{x + 3:.1f}" y="{top + 11}" fill="#8a5a00">{escape(band.name)}</text>'
        )
        if band.moment is not None:
            at = _across(band.moment, days)
            parts.append(
                f'<path d="M{at:.1f} {top + 16} l5 9 h-10 z" fill="#8a5a00">'
                f"<title>{escape(band.name)} found</title></path>"
            )
    value = panel.floor
    while value <= high + step / 2:
        parts.append(
            f'<line x1="{LEFT}" x2="{right}" y1="{up(value):.1f}" y2="{up(value):.1f}" '
            f'stroke="#e3e5e8"/><text x="{LEFT - 6}" y="{up(value) + 4:.1f}" text-anchor="end">'
            f"{value:,.0f}{panel.unit}</text>"
        )
        value += step
    for day, kind, text in marks:
        parts.append(
            f'<line x1="{_across(day, days):.1f}" x2="{_across(day, days):.1f}" y1="{top}" '
            f'y2="{bottom}" stroke="{MARK_COLOURS.get(kind, "#888888")}" stroke-opacity="0.55">'
            f"<title>{escape(text)}</title></line>"
        )
    for number, line in enumerate(panel.lines):
        colour = line.colour or COLOURS[number % len(COLOURS)]
        for part in line.parts:
            points = " ".join(f"{_across(x, days):.1f},{up(v):.1f}" for x, v in thin(part))
            parts.append(
                f'<polyline fill="none" stroke="{colour}" stroke-width="1.3" points="{points}"/>'
            )
        parts.append(
            f'<text x="{right + 8}" y="{top + 11 + 14 * number}" fill="{colour}">'
            f"{escape(line.name)}</text>"
        )
    return parts


def thin(points: Points) -> list[tuple[float, float]]:
    """Return few enough points; of those that fall together the largest value, so peaks stay."""
    each = -(-len(points) // _MOST) or 1
    return [max(points[i : i + each], key=lambda p: p[1]) for i in range(0, len(points), each)]


def _step(about: float) -> float:
    """Return a round number of about this size, 1 at least where numbers are whole."""
    power = 1.0
    while power * 10 <= about:
        power *= 10
    return next((power * f for f in (1, 2, 5) if power * f >= about), power * 10)


def _axis(y: float, days: float) -> list[str]:
    every = _step(days / 15)
    parts, day = [], 0.0
    while day <= days:
        parts.append(
            f'<text x="{_across(day, days):.1f}" y="{y - 4}" text-anchor="middle">{day:g}</text>'
        )
        day += every
    parts.append(f'<text x="{WIDTH - RIGHT + 8}" y="{y - 4}">days of traffic</text>')
    return parts


def _legend(y: float, kinds: set[str]) -> list[str]:
    words = {
        "kill": "worker killed",
        "crash_broker": "broker killed",
        "roll_workers": "workers restarted",
        "roll_brokers": "brokers restarted",
        "upgrade": "upgrade",
        "trouble": "trouble",
    }
    parts, x = [], float(LEFT)
    for kind, text in words.items():
        if kind in kinds:
            parts.append(
                f'<line x1="{x}" x2="{x}" y1="{y - 11}" y2="{y + 1}" '
                f'stroke="{MARK_COLOURS[kind]}" stroke-width="2"/>'
                f'<text x="{x + 6}" y="{y - 1}">{text}</text>'
            )
            x += 130
    return parts
