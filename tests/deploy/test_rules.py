"""The rules name what is declared, say what on-call needs, and are tested both ways."""

import re

import pytest

from stream import __version__
from stream.settings import Settings
from stream.telemetry.shared import SEVERITIES
from testlib.deployment.promql import problems
from testlib.deployment.rules import ALERTS, RECORDED, TESTS
from testlib.deployment.runbook import anchor

SETTINGS = Settings()
DASHBOARDS = ("overview", "detection", "pipeline")
EXPRESSIONS = {name: rule["expr"] for name, rule in ALERTS.items()} | RECORDED


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_rules_use_declared_metrics_and_labels(name):
    assert problems(EXPRESSIONS[name], RECORDED) == []


@pytest.mark.parametrize("name", ALERTS)
def test_alerts_say_what_on_call_needs(name):
    rule = ALERTS[name]
    said = rule["annotations"]
    assert re.fullmatch(r"Distillwatch([A-Z][a-z]+)+", name)
    assert rule["labels"].keys() == {"severity"}
    assert rule["labels"]["severity"] in {*SEVERITIES, "{{ $labels.severity }}"}
    assert said.keys() == {"summary", "description", "runbook_url", "dashboard_url"}
    assert re.fullmatch(r"[A-Z][^{}.]+\.", said["summary"]), "one static sentence"
    assert said["description"].endswith(".")
    uid = re.match(r"http://localhost:3000/d/distillwatch-(\w+)", said["dashboard_url"])
    assert uid is not None
    assert uid[1] in DASHBOARDS


@pytest.mark.parametrize("name", ALERTS)
def test_alerts_link_to_their_section_of_the_runbook(name):
    section = {"DistillwatchCampaign": "Campaign", "DistillwatchAccount": "Account"}.get(name, name)
    runbook = SETTINGS.alerting.runbook_url.replace("{version}", __version__)
    expected = f"{runbook}#{anchor(section)}"
    assert ALERTS[name]["annotations"]["runbook_url"] == expected


@pytest.mark.parametrize("name", RECORDED)
def test_recorded_figures_are_named_by_the_convention_and_used(name):
    level, metric, operation = name.split(":")
    assert level.split("_")[0] == "job"
    assert metric.startswith("distillwatch_")
    assert not metric.endswith("_total")
    assert re.fullmatch(r"(rate|increase|max|min|sum)(\d+[mhd])?", operation)
    rest = {key: expr for key, expr in EXPRESSIONS.items() if key != name}
    assert any(name in expr for expr in rest.values()), "no rule uses it"


@pytest.mark.parametrize("name", ALERTS)
def test_alerts_have_a_case_that_fires_and_one_that_does_not(name):
    cases = [
        check for test in TESTS for check in test["alert_rule_test"] if check["alertname"] == name
    ]
    assert any(check["exp_alerts"] for check in cases), f"add a case in which {name} fires"
    assert any(not check["exp_alerts"] for check in cases), f"add a case in which {name} is silent"


def test_the_healthy_installation_is_asked_about_every_alert():
    healthy = next(test for test in TESTS if test["name"].startswith("A healthy installation"))
    assert {check["alertname"] for check in healthy["alert_rule_test"]} == ALERTS.keys()
    assert not any(check["exp_alerts"] for check in healthy["alert_rule_test"])


def test_limits_follow_the_defaults_of_the_settings():
    """Where a rule repeats a default, changing the default has to change the rule."""
    assert f'le="{SETTINGS.alerting.clear_score}"' in EXPRESSIONS["DistillwatchModelStale"]
    assert SETTINGS.detection.alerts_budget == 1.0  # DistillwatchBudgetExceeded: 10 in 10,000
    assert "accounts_tracked:sum / 1000" in EXPRESSIONS["DistillwatchBudgetExceeded"]
    assert SETTINGS.intake.invalid_share == 0.5  # DistillwatchInvalidShare fires before the stop
    assert "> 0.3" in EXPRESSIONS["DistillwatchInvalidShare"]
    assert SETTINGS.topics.internal_retention_s >= 4 * 43_200  # DistillwatchRetentionNear
    assert SETTINGS.kafka.commit_interval_s <= 300 / 10  # DistillwatchStateNotFlushed
