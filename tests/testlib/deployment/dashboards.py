"""The dashboards as Grafana reads them, and their queries as Prometheus does."""

from __future__ import annotations

import json
import re
import runpy
from dataclasses import dataclass
from typing import Any

from testlib.paths import GRAFANA

DASHBOARDS = {path.stem: json.loads(path.read_text()) for path in sorted(GRAFANA.glob("*.json"))}


@dataclass(frozen=True)
class Query:
    """One target of a panel."""

    dashboard: str
    panel: dict[str, Any]
    expr: str

    def __str__(self) -> str:
        """Name the panel."""
        return f"{self.dashboard}: {self.panel['title']}"

    def filled(self, rate_interval: str, job: str = "$job", instance: str = "$instance") -> str:
        """Return the expression with the variables of Grafana filled in."""
        expr = self.expr.replace("$__rate_interval", rate_interval)
        return expr.replace("$job", job).replace("$instance", instance)


def panels(name: str) -> list[dict[str, Any]]:
    """Return the panels of a dashboard that show something."""
    return [panel for panel in DASHBOARDS[name]["panels"] if panel["type"] != "row"]


QUERIES = [
    Query(name, panel, target["expr"])
    for name in DASHBOARDS
    for panel in panels(name)
    for target in panel["targets"]
]


def sections(panel: dict[str, Any]) -> set[str]:
    """Return the sections of the runbook that a panel links to."""
    return {re.sub(r".*#", "", link["url"]) for link in panel["links"]}


def source() -> dict[str, Any]:
    """Return the names of the script that writes the dashboards."""
    return runpy.run_path(str(GRAFANA / "generate.py"))
