"""Dashboards name only metrics and labels that are declared, and follow the linter's rules."""

import json
import re
from pathlib import Path

import pytest

from stream.metrics import PREFIX, table

DASHBOARDS = sorted((Path(__file__).parents[2] / "grafana").glob("*.json"))
DECLARED = {metric.name: set(metric.declared.labels) for metric in table()}


def targets(path):
    for panel in json.loads(path.read_text())["panels"]:
        for target in panel["targets"]:
            yield panel, target["expr"]


def test_there_are_dashboards():
    assert DASHBOARDS


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_queries_use_declared_metrics_and_labels(path):
    for panel, expr in targets(path):
        names = re.findall(rf"{PREFIX}_\w+", expr)
        assert names, panel["title"]
        for name in names:
            base = re.sub(r"_(bucket|sum|count)$", "", name)
            assert base in DECLARED, (panel["title"], name)
            grouped = re.findall(r"by \(([^)]*)\)", expr)
            labels = {label.strip() for group in grouped for label in group.split(",")} - {"le"}
            assert labels <= DECLARED[base], (panel["title"], labels)


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_panels_follow_the_dashboard_linter(path):
    dashboard = json.loads(path.read_text())
    assert dashboard["editable"] is False
    assert [v["name"] for v in dashboard["templating"]["list"]] == ["datasource", "job", "instance"]
    for panel, expr in targets(path):
        assert panel["title"]
        assert panel["description"]
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert 'job=~"$job", instance=~"$instance"' in expr
        for name in re.findall(rf"{PREFIX}_\w+_total", expr):
            assert re.search(rf"(rate|increase)\({name}", expr), name
