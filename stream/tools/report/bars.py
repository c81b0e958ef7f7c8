"""Days as bars of layers, as SVG text: what left to where, or of which model."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING, Final

from stream.tools.report.plot import BOTTOM, COLOURS, HALF, LEFT, RIGHT, TOP

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stream.tools.report.plot import PlotAxis, Size

#: Of layers beyond the colours.
_OPACITIES: Final = ("1", ".5")
_MOST_TICKS: Final = 6


def stacked(
    label: str,
    layers: Sequence[tuple[str, Sequence[float]]],
    line: tuple[str, Sequence[float]],
    days: PlotAxis,
    top: float,
    size: Size = HALF,
) -> str:
    """Return a bar for each day, of layers by name one upon the other, and a line over them.

    ``days`` begins at the first bar's left and ends at the last one's right. ``top`` is the highest
    sum. Empty without any bar.
    """
    count = len(line[1])
    if not count or not top:
        return ""
    right, bottom = size.width - RIGHT, size.height - BOTTOM
    wide = (right - LEFT) / count

    def up(value: float) -> float:
        return bottom - value / top * (bottom - TOP)

    parts = [
        f'<svg viewBox="0 0 {size.width} {size.height}" role="img" aria-label="{escape(label)}">'
    ]
    parts += [
        f'<line class="grid" x1="{LEFT}" x2="{right}" y1="{up(value):.1f}" '
        f'y2="{up(value):.1f}"/><text x="{LEFT - 6}" y="{up(value) + 4:.1f}" '
        f'text-anchor="end">{_rounded(value)}</text>'
        for value in linear_ticks(top)
    ]
    for at, text in days.ticks:
        x = LEFT + days.place(at) * (right - LEFT)
        anchor = "end" if x > right - 12 else "middle"
        parts.append(f'<text x="{x:.1f}" y="{bottom + 17}" text-anchor="{anchor}">{text}</text>')
    below = [0.0] * count
    for number, (name, layer) in enumerate(layers):
        above = [low + value for low, value in zip(below, layer, strict=True)]
        area = "".join(
            f"M{LEFT + wide * i:.1f} {up(low):.1f}h{wide:.1f}V{up(high):.1f}h{-wide:.1f}z"
            for i, (low, high) in enumerate(zip(below, above, strict=True))
            if high > low
        )
        parts.append(
            f'<path fill="{COLOURS[number % len(COLOURS)]}" '
            f'fill-opacity="{_OPACITIES[number // len(COLOURS) % len(_OPACITIES)]}" d="{area}">'
            f"<title>{escape(name)}</title></path>"
        )
        below = above
    steps = "".join(
        f"{'L' if i else 'M'}{LEFT + wide * i:.1f} {up(value):.1f}h{wide:.1f}"
        for i, value in enumerate(line[1])
    )
    parts.append(
        f'<path class="share" fill="none" d="{steps}"><title>{escape(line[0])}</title></path></svg>'
    )
    return "".join(parts) + _keys([name for name, _ in layers], line[0])


def linear_ticks(top: float) -> list[float]:
    """Return about four round values from 0 to ``top``."""
    step = 10.0 ** math.floor(math.log10(top))
    step = next(s for s in (step / 5, step / 2, step, 2 * step) if top / s <= _MOST_TICKS)
    return [step * i for i in range(int(top / step) + 1)]


def _rounded(value: float) -> str:
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"


def _keys(layers: Sequence[str], line: str) -> str:
    items = [
        f'<li><svg class="key" viewBox="0 0 28 8"><rect width="28" height="8" '
        f'fill="{COLOURS[number % len(COLOURS)]}" '
        f'fill-opacity="{_OPACITIES[number // len(COLOURS) % len(_OPACITIES)]}"/></svg>'
        f"{escape(name)}</li>"
        for number, name in enumerate(layers)
    ]
    items.append(
        '<li><svg class="key" viewBox="0 0 28 8"><path class="share" d="M0 4h28"/></svg>'
        f"{escape(line)}</li>"
    )
    return f'<ul class="legend">{"".join(items)}</ul>'
