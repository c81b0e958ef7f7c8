"""The kinds of panels of the dashboards.

In expressions ``<...>`` stands for the matchers of a selector; the generator adds job and instance.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

#: Stands in expressions for Grafana's interval of a rate.
RATE = "[$__rate_interval]"


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One panel; ``queries`` is legend -> expression, ``alerts`` are sections of the runbook."""

    title: str
    description: str
    queries: dict[str, str]
    unit: str = "short"
    type: str = "timeseries"
    width: int = 8
    height: int = 8
    alerts: tuple[str, ...] = ()
    limits: dict[str, float] = field(default_factory=dict)  # color -> from this value on
    options: dict[str, Any] = field(default_factory=dict)
    custom: dict[str, Any] = field(default_factory=dict)


def stat(title: str, description: str, query: str, **rest: Any) -> Panel:  # noqa: ANN401
    """Return one number of now."""
    reduce = {"reduceOptions": {"calcs": ["lastNotNull"]}, "graphMode": "area"}
    options = {**reduce, "colorMode": "background" if "limits" in rest else "value"}
    return Panel(
        title=title,
        description=description,
        queries={"": query},
        type="stat",
        options=options,
        **({"width": 4, "height": 4} | rest),
    )


def stacked(title: str, description: str, queries: dict[str, str], **rest: Any) -> Panel:  # noqa: ANN401
    """Return lines that add up."""
    custom = {"stacking": {"mode": "normal"}, "fillOpacity": 30}
    return Panel(title=title, description=description, queries=queries, custom=custom, **rest)


def heatmap(title: str, description: str, buckets: str, **rest: Any) -> Panel:  # noqa: ANN401
    """Return a histogram over time; ``buckets`` has the label le."""
    options = {
        "calculate": False,
        "yAxis": {"unit": rest.get("unit", "short")},
        "color": {"mode": "scheme", "scheme": "Oranges", "scale": "exponential", "exponent": 0.5},
        "tooltip": {"mode": "single", "yHistogram": True},
    }
    return Panel(
        title=title,
        description=description,
        queries={"{{le}}": buckets},
        type="heatmap",
        options=options,
        **rest,
    )


def table(title: str, description: str, query: str, **rest: Any) -> Panel:  # noqa: ANN401
    """Return the series of now as rows, their labels as columns."""
    return Panel(
        title=title,
        description=description,
        queries={"": query},
        type="table",
        options={"showHeader": True},
        **rest,
    )
