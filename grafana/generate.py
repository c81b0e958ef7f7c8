"""Writes the dashboards (`make dashboards`) from their panels, for Grafana to load as they are.

The panels are in ``*_panels.py``; what all panels have in common is here.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from detection_panels import DETECTION
from overview_panels import OVERVIEW
from pipeline_panels import PIPELINE
from stream import __version__

if TYPE_CHECKING:
    from panel import Panel

HERE = Path(__file__).parent
#: As in the rules: that of this version. deploy/README.md shows how to set your own.
RUNBOOK = f"https://distillwatch.invalid/v{__version__}/runbook"
DATASOURCE = {"type": "prometheus", "uid": "$datasource"}
WIDTH = 24

DASHBOARDS = {
    "overview": ("Health of the workers, and firing alerts.", OVERVIEW),
    "detection": ("Incidents, scores, extracted tokens, and the state of the model.", DETECTION),
    "pipeline": ("From the gateway's log to the receivers, stage by stage.", PIPELINE),
}


def expand(expr: str) -> str:
    """Write the matchers of ``<...>`` out."""

    def matchers(found: re.Match[str]) -> str:
        own = f"{found[1]}, " if found[1] else ""
        return f'{{{own}job=~"$job", instance=~"$instance"}}'

    return re.sub(r"(?<=[a-zA-Z])<([^<>]*)>", matchers, expr)


def target(number: int, legend: str, expr: str, panel_type: str) -> dict[str, Any]:
    """Return one query of a panel."""
    made: dict[str, Any] = {
        "refId": chr(ord("A") + number),
        "datasource": DATASOURCE,
        "expr": expand(expr),
        "legendFormat": legend,
    }
    if panel_type == "heatmap":
        made["format"] = "heatmap"
    if panel_type == "table":
        made |= {"format": "table", "instant": True}
    return made


def section(alert: str) -> str:
    """Return the address of an alert's section of the runbook; findings have short ones."""
    name = alert.lower()
    short = name.removeprefix("distillwatch")
    return f"{RUNBOOK}#{short if short in {'campaign', 'account'} else name}"


def panel(number: int, what: Panel, x: int, y: int) -> dict[str, Any]:
    """Return a panel at its place."""
    defaults: dict[str, Any] = {"unit": what.unit, "min": 0, "custom": what.custom}
    if what.limits:
        first, *others = what.limits.items()
        steps: list[dict[str, Any]] = [{"color": first[0], "value": None}]
        steps += [{"color": color, "value": value} for color, value in others]
        defaults["thresholds"] = {"mode": "absolute", "steps": steps}
    made = {
        "id": number,
        "type": what.type,
        "title": what.title,
        "description": what.description,
        "datasource": DATASOURCE,
        "gridPos": {"x": x, "y": y, "w": what.width, "h": what.height},
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": what.options,
        "links": [
            {"title": f"Runbook: {alert}", "url": section(alert), "targetBlank": True}
            for alert in what.alerts
        ],
        "targets": [
            target(i, legend, expr, what.type)
            for i, (legend, expr) in enumerate(what.queries.items())
        ],
    }
    if what.type == "table":
        hidden = {"Time": True}
        made["transformations"] = [{"id": "organize", "options": {"excludeByName": hidden}}]
    return made


def row(number: int, title: str, y: int) -> dict[str, Any]:
    """Return the head of a row of panels."""
    place = {"x": 0, "y": y, "w": WIDTH, "h": 1}
    return {"id": number, "type": "row", "title": title, "gridPos": place, "panels": []}


def panels(rows: dict[str, list[Panel]]) -> list[dict[str, Any]]:
    """Lay the panels out, from left to right and from top to bottom."""
    placed: list[dict[str, Any]] = []
    y = 0
    for title, members in rows.items():
        placed.append(row(len(placed) + 1, title, y))
        x, y, below = 0, y + 1, 0
        for what in members:
            if x + what.width > WIDTH:
                x, y, below = 0, y + below, 0
            placed.append(panel(len(placed) + 1, what, x, y))
            x, below = x + what.width, max(below, what.height)
        y += below
    return placed


def variable(name: str, query: str) -> dict[str, Any]:
    """Return a variable with the values of a label, all of them at first."""
    return {
        "name": name,
        "label": name,
        "type": "query",
        "datasource": DATASOURCE,
        "query": query,
        "refresh": 2,
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "allValue": ".+",
        "current": {"text": "All", "value": "$__all"},
    }


VARIABLES = [
    {
        "name": "datasource",
        "label": "Data source",
        "type": "datasource",
        "query": "prometheus",
        "current": {},
    },
    variable("job", "label_values(distillwatch_build_info, job)"),
    variable("instance", 'label_values(distillwatch_build_info{job=~"$job"}, instance)'),
]
ANNOTATIONS = [
    {
        "name": "Findings",
        "datasource": DATASOURCE,
        "enable": True,
        "iconColor": "red",
        "expr": "sum by (alertname, severity) (ALERTS"
        '{alertname=~"Distillwatch(Campaign|Account)", alertstate="firing", job=~"$job"})',
        "titleFormat": "{{alertname}} {{severity}}",
        "step": "60s",
    },
    {
        "name": "Workers started",
        "datasource": DATASOURCE,
        "enable": True,
        "iconColor": "blue",
        "expr": "1000 * max by (instance, version) (process_start_time_seconds"
        '{job=~"$job", instance=~"$instance"} * on (job, instance) group_left (version) '
        'distillwatch_build_info{job=~"$job", instance=~"$instance"})',
        "titleFormat": "{{instance}} started",
        "tagKeys": "version",
        "useValueForTime": "on",
        "step": "60s",
    },
]
LINKS = [
    {
        "title": "distillwatch",
        "type": "dashboards",
        "tags": ["distillwatch"],
        "asDropdown": False,
        "includeVars": True,
        "keepTime": True,
    },
    {"title": "Runbook", "type": "link", "url": RUNBOOK, "icon": "doc", "targetBlank": True},
]


def dashboard(name: str) -> dict[str, Any]:
    """Return a dashboard as Grafana reads it."""
    description, rows = DASHBOARDS[name]
    return {
        "uid": f"distillwatch-{name}",
        "title": f"distillwatch / {name.capitalize()}",
        "description": description,
        "tags": ["distillwatch"],
        "editable": False,
        "graphTooltip": 1,
        "schemaVersion": 39,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "links": LINKS,
        "annotations": {"list": ANNOTATIONS},
        "templating": {"list": VARIABLES},
        "panels": panels(rows),
    }


def text(name: str) -> str:
    """Return the file of a dashboard."""
    return json.dumps(dashboard(name), indent=2) + "\n"


if __name__ == "__main__":
    for name in DASHBOARDS:
        (HERE / f"{name}.json").write_text(text(name))
