"""Dashboards show every declared metric, and follow the rules of Grafana's dashboard linter.

The linter itself (github.com/grafana/dashboard-linter) cannot be had from the module proxy, so its
rules that concern dashboards like these are kept here; the exceptions are in grafana/.lint.
"""

import re
from collections import Counter

import pytest
import yaml
from promql_parser import MatchOp

from stream import __version__
from stream.metrics import catalogue
from stream.settings import Settings
from testlib.deployment.dashboards import DASHBOARDS, QUERIES, panels, sections, source
from testlib.deployment.promql import parse, problems
from testlib.deployment.rules import ALERTS, RECORDED
from testlib.paths import GRAFANA

#: Of Grafana's units (packages/grafana-data/src/valueFormats/categories.ts) those we use.
UNITS = {"none", "short", "percentunit", "s", "bytes", "cps"}
LINT = yaml.safe_load((GRAFANA / ".lint").read_text())["exclusions"]
every_dashboard = pytest.mark.parametrize("name", DASHBOARDS)
every_query = pytest.mark.parametrize("query", QUERIES, ids=str)
every_panel = pytest.mark.parametrize(
    "panel",
    [panel for name in DASHBOARDS for panel in panels(name)],
    ids=lambda panel: panel["title"],
)


def excepted(rule, query):
    entry = {"dashboard": DASHBOARDS[query.dashboard]["title"], "panel": query.panel["title"]}
    return entry in LINT.get(rule, {}).get("entries", [])


@every_dashboard
def test_the_file_is_what_its_source_says(name):
    made = source()
    assert DASHBOARDS.keys() == made["DASHBOARDS"].keys()
    assert (GRAFANA / f"{name}.json").read_text() == made["text"](name), "run: make dashboards"


# -- what is shown ----------------------------------------------------------------------------


@every_query
def test_queries_use_declared_metrics_and_labels(query):
    assert problems(query.filled("5m"), RECORDED) == []


@pytest.mark.parametrize("metric", catalogue(), ids=lambda metric: metric.attribute)
def test_every_metric_is_shown(metric):
    shown = {use.metric for query in QUERIES for use in parse(query.filled("5m")).uses}
    assert metric.attribute in shown, (
        f"{metric.name} is declared, but no dashboard shows it: add a panel to grafana/*_panels.py "
        "and run make dashboards"
    )


@every_query
def test_legends_name_labels_that_are_left(query):
    legends = [t["legendFormat"] for t in query.panel["targets"] if t["expr"] == query.expr]
    named = set(re.findall(r"{{(\w+)}}", legends[0]))
    assert named <= parse(query.filled("5m")).labels


@pytest.mark.parametrize("alert", ALERTS)
def test_the_dashboard_of_an_alert_has_a_panel_that_links_to_its_section(alert):
    said = ALERTS[alert]["annotations"]
    name = re.findall(r"/d/distillwatch-(\w+)", said["dashboard_url"])[0]
    section = said["runbook_url"].partition("#")[2]
    assert any(section in sections(panel) for panel in panels(name)), (
        f"no panel of {name} has {alert} among its alerts"
    )


@every_panel
def test_panels_link_to_sections_of_alerts(panel):
    known = {rule["annotations"]["runbook_url"] for rule in ALERTS.values()}
    assert {link["url"] for link in panel["links"]} <= known


@every_dashboard
def test_dashboards_link_to_the_runbook_and_mark_what_happened(name):
    dashboard = DASHBOARDS[name]
    assert dashboard["uid"] == f"distillwatch-{name}"
    runbook = [link["url"] for link in dashboard["links"] if link["type"] == "link"]
    assert runbook == [Settings().alerting.runbook_url.replace("{version}", __version__)]
    marks = dashboard["annotations"]["list"]
    assert [mark["name"] for mark in marks] == ["Findings", "Workers started"]
    assert [line for mark in marks for line in problems(mark["expr"])] == []


# -- the linter's rules -----------------------------------------------------------------------


@every_dashboard
def test_variables(name):
    """template-datasource, -job, -instance, -label-promql, -on-time-change-reload, -uneditable."""
    dashboard = DASHBOARDS[name]
    datasource, *labels = dashboard["templating"]["list"]
    assert (datasource["name"], datasource["type"]) == ("datasource", "datasource")
    assert (datasource["label"], datasource["query"]) == ("Data source", "prometheus")
    assert [variable["name"] for variable in labels] == ["job", "instance"]
    for variable in labels:
        assert variable["label"] == variable["name"]
        assert variable["datasource"]["uid"] == "$datasource"
        assert (variable["multi"], variable["allValue"], variable["refresh"]) == (True, ".+", 2)
        selector = re.fullmatch(r"label_values\((.*), (\w+)\)", variable["query"])
        assert selector is not None
        assert selector[2] == variable["name"]
        assert problems(selector[1]) == []
    assert dashboard["editable"] is False


@every_panel
def test_panel(panel):
    """panel-datasource, -title-description, -units, -no-targets."""
    assert panel["datasource"]["uid"] == "$datasource"
    assert panel["title"]
    assert re.fullmatch(r"[A-Z0-9].*\.", panel["description"])
    assert panel["fieldConfig"]["defaults"]["unit"] in UNITS
    assert panel["targets"]
    assert {target["datasource"]["uid"] for target in panel["targets"]} == {"$datasource"}


@every_query
def test_query(query):
    """target-job, -instance, -rate-interval, -counter-agg; that it is PromQL holds by parsing."""
    for use in parse(query.filled("1234s")).uses:
        for label in ("job", "instance"):
            if not excepted(f"target-{label}-rule", query):
                assert (label, MatchOp.Re, f"${label}") in use.matchers
        over = use.functions[-1] if use.functions else ""
        if use.series.endswith("_total"):
            assert over in {"rate", "increase"}
        if over == "rate":
            assert "[$__rate_interval]" in query.expr
            assert not re.search(r"rate\([^][]*\[(?!\$__rate_interval)", query.expr)
        if use.series.endswith("_bucket") and query.panel["type"] != "heatmap":
            assert "histogram_quantile" in use.functions or 'le="' in query.expr


# -- the layout -------------------------------------------------------------------------------


@every_dashboard
def test_panels_have_a_place_of_their_own(name):
    taken = Counter()
    for panel in DASHBOARDS[name]["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        taken.update(
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        )
    assert max(taken.values()) == 1
    ids = [panel["id"] for panel in DASHBOARDS[name]["panels"]]
    assert len(set(ids)) == len(ids)
    titles = [panel["title"] for panel in panels(name)]
    assert len(set(titles)) == len(titles)


def test_provisioning_names_what_the_dashboards_and_compose_use():
    (datasources,) = (GRAFANA / "provisioning" / "datasources").iterdir()
    sources = yaml.safe_load(datasources.read_text())["datasources"]
    assert [source["type"] for source in sources if source.get("isDefault")] == ["prometheus"]
    (provider,) = (GRAFANA / "provisioning" / "dashboards").iterdir()
    (found,) = yaml.safe_load(provider.read_text())["providers"]
    assert found["allowUiUpdates"] is False
