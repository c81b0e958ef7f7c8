"""Draws a dashboard's data as SVG, each panel where Grafana would put it: for where none can run.

It does not look like Grafana, and knows only the kinds of panels that are here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape
from typing import Any

#: Of one unit of a panel's position (24 make the width), pixels.
ACROSS, DOWN = 50, 26
MARGIN, TITLE, FOOT = 8, 22, 16
LINES = ("#2563a8", "#c2410c", "#15803d", "#7c3aed", "#b45309", "#0f766e", "#be185d", "#475569")
LIMITS = {"green": "#d5efdc", "orange": "#fde6c4", "red": "#f8d0d0"}
STYLE = (
    "text{font:11px sans-serif;fill:#1f2933}.row{font-weight:bold;font-size:13px}"
    ".title{font-weight:bold}.small{font-size:9px;fill:#52606d}.value{font-size:26px}"
)


#: From how many seconds on, in which unit, of how many seconds.
SECONDS: tuple[tuple[float, str, float], ...] = (
    (172_800, "d", 86_400),
    (7200, "h", 3600),
    (120, "min", 60),
    (1, "s", 1),
    (0, "ms", 1e-3),
)
BYTES, SHORT = ("B", "KiB", "MiB", "GiB"), ("", "k", "M", "G")


@dataclass(frozen=True)
class Line:
    """One series: what it is called, its labels and its (time, value) points, epoch seconds."""

    name: str
    labels: dict[str, str]
    points: list[tuple[float, float]]


@dataclass(frozen=True)
class Box:
    """Where a panel draws: x, y, width and height, pixels."""

    x: float
    y: float
    width: float
    height: float


def draw(dashboard: dict[str, Any], data: dict[int, list[Line]], caption: str) -> str:
    """Return the picture; ``data`` is the series of each panel, by its id."""
    width = 24 * ACROSS
    bottom = max(p["gridPos"]["y"] + p["gridPos"]["h"] for p in dashboard["panels"])
    height = bottom * DOWN + 28
    times = [at for lines in data.values() for line in lines for at, _ in line.points]
    span = (min(times), max(times)) if times else (0.0, 1.0)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">',
        f"<title>{escape(caption)}</title><style>{STYLE}</style>",
        f'<rect width="{width}" height="{height}" fill="#f5f7fa"/>',
        _text(MARGIN, height - 10, caption, "small"),
    ]
    parts += [_panel(panel, data.get(panel["id"], []), span) for panel in dashboard["panels"]]
    return "\n".join([*parts, "</svg>\n"])


def _panel(panel: dict[str, Any], lines: list[Line], span: tuple[float, float]) -> str:
    at = panel["gridPos"]
    x, y, w, h = at["x"] * ACROSS, at["y"] * DOWN, at["w"] * ACROSS, at["h"] * DOWN
    if panel["type"] == "row":
        return _text(x + MARGIN, y + 18, panel["title"], "row")
    defaults = panel["fieldConfig"]["defaults"]
    fill = "#ffffff"
    if panel["type"] == "stat" and lines:
        fill = _limit(defaults, lines[0].points[-1][1])
    inside = Box(x + MARGIN, y + TITLE, w - 2 * MARGIN, h - TITLE - MARGIN)
    frame = (
        f'<rect x="{x + 2}" y="{y + 2}" width="{w - 4}" height="{h - 4}" fill="{fill}" '
        'stroke="#cbd2d9"/>'
    )
    return "\n".join(
        [
            f"<g>{frame}",
            _text(x + MARGIN, y + 16, panel["title"], "title"),
            DRAWN[panel["type"]](panel, lines, inside, span) if lines else "",
            "</g>",
        ]
    )


def _stat(panel: dict[str, Any], lines: list[Line], box: Box, _: tuple[float, float]) -> str:
    shown = number(lines[0].points[-1][1], panel["fieldConfig"]["defaults"]["unit"])
    return _text(box.x, box.y + box.height / 2 + 9, shown, "value")


def _series(panel: dict[str, Any], lines: list[Line], box: Box, span: tuple[float, float]) -> str:
    defaults = panel["fieldConfig"]["defaults"]
    if "stacking" in defaults["custom"]:
        lines = _stacked(lines)
    legend = TITLE / 2
    plot = Box(box.x + 44, box.y + 4, box.width - 44, box.height - FOOT - legend)
    top = max(value for line in lines for _, value in line.points) or 1.0
    parts = []
    for share in (0.0, 0.5, 1.0):
        y = plot.y + plot.height * (1 - share)
        parts += [
            f'<path d="M{plot.x:.0f} {y:.1f}h{plot.width:.0f}" stroke="#e4e7eb"/>',
            _text(plot.x - 4, y + 3, number(share * top, defaults["unit"]), "small", "end"),
        ]
    parts += [
        f'<path fill="none" stroke="{LINES[order % len(LINES)]}" stroke-width="1.5" '
        f'd="{_path(line.points, plot, span, top)}"/>'
        for order, line in enumerate(lines)
    ]
    seconds = span[1] - span[0]
    parts += [
        _text(plot.x, plot.y + plot.height + 11, "0 s", "small"),
        _text(plot.x + plot.width, plot.y + plot.height + 11, f"{seconds:.0f} s", "small", "end"),
        _legend(lines, box),
    ]
    return "\n".join(parts)


def _heatmap(_: dict[str, Any], lines: list[Line], box: Box, span: tuple[float, float]) -> str:
    """Draw what came in between one bound of a bucket and the next, the darker the more."""
    buckets = sorted(lines, key=lambda line: float(line.labels["le"]))
    plot = Box(box.x + 44, box.y + 4, box.width - 44, box.height - FOOT)
    below: dict[float, float] = {}
    cells = []
    for order, line in enumerate(buckets):
        cells += [(order, at, max(0.0, value - below.get(at, 0.0))) for at, value in line.points]
        below = dict(line.points)
    most = max(value for _, _, value in cells) or 1.0
    tall = plot.height / len(buckets)
    wide = plot.width / max(len(line.points) for line in buckets)
    parts = [
        f'<rect x="{plot.x + _share(at, span) * (plot.width - wide):.1f}" '
        f'y="{plot.y + plot.height - (order + 1) * tall:.1f}" width="{wide:.1f}" '
        f'height="{tall:.1f}" fill="#c2410c" fill-opacity="{math.sqrt(value / most):.2f}"/>'
        for order, at, value in cells
        if value > 0
    ]
    parts += [
        _text(
            plot.x - 4, plot.y + plot.height - order * tall - 2, line.labels["le"], "small", "end"
        )
        for order, line in enumerate(buckets)
        if order % 3 == 0
    ]
    return "\n".join(parts)


def _table(_: dict[str, Any], lines: list[Line], box: Box, __: tuple[float, float]) -> str:
    rows = [
        f"{', '.join(line.labels.values())}: {number(line.points[-1][1], 'short')}"
        for line in lines
    ]
    return "\n".join(_text(box.x, box.y + 16 + 18 * n, row) for n, row in enumerate(rows))


DRAWN = {"stat": _stat, "timeseries": _series, "heatmap": _heatmap, "table": _table}


def number(value: float, unit: str) -> str:
    """Return a value as people read it: 1.2k, 340 ms, 45%, 210 MiB."""
    if unit == "percentunit":
        return f"{100 * value:.3g}%"
    if unit == "s":
        name, size = next((name, size) for least, name, size in SECONDS if abs(value) >= least)
        return f"{value / size:.3g} {name}" if value else "0 s"
    scale, names = (1024.0, BYTES) if unit == "bytes" else (1000.0, SHORT)
    power = 0
    while abs(value) >= scale and power < len(names) - 1:
        value, power = value / scale, power + 1
    space = " " if unit == "bytes" else ""
    return f"{value:.3g}{space}{names[power]}{'/s' if unit == 'cps' else ''}"


def _stacked(lines: list[Line]) -> list[Line]:
    below: dict[float, float] = {}
    found = []
    for line in lines:
        points = [(at, value + below.get(at, 0.0)) for at, value in line.points]
        below |= dict(points)
        found.append(Line(line.name, line.labels, points))
    return found


def _path(
    points: list[tuple[float, float]], plot: Box, span: tuple[float, float], top: float
) -> str:
    places = [
        f"{plot.x + _share(at, span) * plot.width:.1f} "
        f"{plot.y + plot.height * (1 - value / top):.1f}"
        for at, value in points
    ]
    return f"M{'L'.join(places)}"


def _share(at: float, span: tuple[float, float]) -> float:
    return (at - span[0]) / ((span[1] - span[0]) or 1.0)


def _limit(defaults: dict[str, Any], value: float) -> str:
    steps = defaults.get("thresholds", {}).get("steps", [])
    reached = [step for step in steps if step["value"] is None or value >= step["value"]]
    return LIMITS[reached[-1]["color"]] if reached else "#ffffff"


def _legend(lines: list[Line], box: Box) -> str:
    parts, x, y = [], box.x, box.y + box.height
    for order, line in enumerate(lines):
        wide = 14 + 5.2 * len(line.name)
        if x + wide > box.x + box.width:
            parts.append(_text(x, y, "…", "small"))
            break
        colour = LINES[order % len(LINES)]
        parts.append(f'<rect x="{x:.0f}" y="{y - 7:.0f}" width="7" height="7" fill="{colour}"/>')
        parts.append(_text(x + 10, y, line.name, "small"))
        x += wide
    return "\n".join(parts)


def _text(x: float, y: float, text: str, kind: str = "", anchor: str = "start") -> str:
    return (
        f'<text x="{x:.0f}" y="{y:.0f}" class="{kind}" text-anchor="{anchor}">{escape(text)}</text>'
    )
