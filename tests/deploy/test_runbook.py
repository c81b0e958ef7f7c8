"""Alerts, runbook and metrics name each other, and what the runbook names exists."""

import re

import pytest

from stream.metrics import catalogue
from stream.pipeline import state_parts
from stream.telemetry.shared import KINDS
from testlib.deployment.promql import parse
from testlib.deployment.rules import ALERTS, RECORDED
from testlib.deployment.runbook import PATH, SECTIONS, TEXT, anchor

FINDINGS = {kind.capitalize() for kind in KINDS}
ALERTED = {
    use.metric
    for rule in [*(rule["expr"] for rule in ALERTS.values()), *RECORDED.values()]
    for use in parse(rule).uses
}
SHOWN = TEXT.partition("## Shown, not alerted on")[2]


def test_every_alert_has_a_section_and_every_section_an_alert():
    with_a_section = {f"Distillwatch{kind}" for kind in FINDINGS} | SECTIONS.keys()
    assert ALERTS.keys() <= with_a_section
    assert SECTIONS.keys() - FINDINGS - ALERTS.keys() == {"Drill", "Is it benign?"}


@pytest.mark.parametrize("kind", KINDS)
def test_the_address_in_an_alert_of_the_detector_leads_to_a_section(kind):
    assert f"#{kind}" == f"#{anchor(kind.capitalize())}"
    assert kind.capitalize() in SECTIONS


@pytest.mark.parametrize("name", sorted(SECTIONS.keys() - {"Is it benign?"}))
def test_sections_tell_meaning_look_remedy_and_silence(name):
    leads = re.findall(r"^\*\*(\w+)\.\*\*", SECTIONS[name], re.MULTILINE)
    assert leads == ["Means", "Look", "Do", "Silence"]


def test_the_triage_has_as_many_twins_as_it_says():
    rows = re.findall(r"^\| (?!twin|-)", SECTIONS["Is it benign?"], re.MULTILINE)
    assert len(rows) == 11
    assert "Eleven kinds of traffic look like extraction" in SECTIONS["Is it benign?"]


@pytest.mark.parametrize("metric", catalogue(), ids=lambda metric: metric.attribute)
def test_every_metric_is_alerted_on_or_said_why_not(metric):
    in_table = metric.name in re.findall(r"^\| `(\w+)` \|", SHOWN, re.MULTILINE)
    alerted = metric.attribute in ALERTED
    assert alerted or in_table, (
        f"{metric.name} is declared, but no rule in deploy/prometheus/rules uses it: add an alert, "
        f"or a row with the reason to the last table of {PATH.name}"
    )
    assert not (alerted and in_table), f"{metric.name} is alerted on: take its row away"


def test_the_last_table_names_declared_metrics():
    rows = re.findall(r"^\| `(\w+)` \|", SHOWN, re.MULTILINE)
    assert set(rows) <= {metric.name for metric in catalogue()}


def test_what_is_missing_until_it_is_learnt_again_is_said_for_every_part_of_state():
    section = SECTIONS["DistillwatchStateRelearned"]
    rows = re.findall(r"^\| (`.*?`) \|", section, re.MULTILINE)
    assert sorted(re.findall(r"`(\w+)`", " ".join(rows))) == sorted(state_parts.NAMES)
