"""Alerts are CloudEvents for those who want them, as the project's own library reads."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING
from unittest import mock

import msgspec
import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary_event

from stream.alerting.cloudevent import headers
from stream.alerting.egress_ledger import EgressLedger
from stream.core.alerts import Alert
from stream.core.findings import AccountFinding, Observed
from stream.core.thresholds import DEFAULT_THRESHOLDS
from stream.metrics import Metrics
from stream.pipeline.account_scores import AccountScores
from stream.pipeline.alerting import AlertingStage, Findings
from stream.pipeline.build import alerting_task
from stream.pipeline.drill_incidents import DrillIncidents
from stream.pipeline.incident_flow import IncidentFlow
from stream.pipeline.topic_groups import TopicGroups
from stream.settings import Settings

if TYPE_CHECKING:
    from stream.core.records import Emission

START = 1_772_409_600.0
DAY_S = 86_400.0


def states(source: str) -> list[Emission]:
    """Return what an incident is told with, from its beginning to its end."""
    settings, metrics = Settings(), Metrics()
    incidents = IncidentFlow(settings.alerting, settings.campaigns, metrics=metrics)
    drills = DrillIncidents(
        settings.alerting, settings.campaigns, baseline=incidents.baseline, metrics=metrics
    )
    scores = AccountScores(
        settings.stages.detection, max_accounts=9, thresholds=DEFAULT_THRESHOLDS, metrics=metrics
    )
    topics = TopicGroups(max_accounts=9, metrics=metrics)
    ledger = EgressLedger(800, metrics=metrics)
    stage = AlertingStage(scores, topics, incidents, drills, ledger, tasks=1, source=source)
    verdict = AccountFinding(
        account_id="a",
        time=START,
        since=START - 60,
        score=0.99,
        evidence=[],
        observed=Observed(requests=3),
        model_version="1",
    )
    with mock.patch.object(scores, "detect", return_value=[verdict]):
        stage.process_window(START, [Findings([])])
    return [*stage.emit(START), *stage.emit(START + DAY_S)]


def test_each_state_is_an_event_with_the_alert_in_it() -> None:
    emissions = states("/gateways/eu")
    events = [from_binary_event(KafkaMessage(dict(e.headers), e.key, e.value)) for e in emissions]
    alerts = [msgspec.json.decode(emission.value, type=Alert) for emission in emissions]
    assert [event.get_type() for event in events] == [
        "distillwatch.alert.firing",
        "distillwatch.alert.resolved",
    ]
    assert len({event.get_id() for event in events}) == 2
    for event, alert in zip(events, alerts, strict=True):
        assert event.get_specversion() == "1.0"
        assert event.get_source() == "/gateways/eu"
        assert event.get_subject() == alert.alert_id
        time = event.get_time()
        assert time is not None
        assert time.isoformat() == alert.updated_at.replace("Z", "+00:00")
        assert event.get_datacontenttype() == "application/json"
        assert msgspec.convert(event.get_data(), Alert) == alert


def test_newest_figures_are_events_of_their_own_type() -> None:
    alert = msgspec.json.decode(states("")[0].value, type=Alert)
    said = dict(headers(msgspec.structs.replace(alert, refresh=True), "/gateways/eu"))
    assert said["ce_type"] == b"distillwatch.alert.refreshed"


def test_without_a_source_there_are_no_headers() -> None:
    plain, described = states(""), states("/gateways/eu")
    assert [emission.headers for emission in plain] == [(), ()]
    assert [dataclasses.replace(emission, headers=()) for emission in described] == plain


@pytest.mark.parametrize("source", ["", "/gateways/eu"])
def test_the_setting_reaches_the_stage(source: str) -> None:
    alerting = msgspec.structs.replace(Settings().alerting, cloudevents_source=source)
    stages = msgspec.structs.replace(Settings(), alerting=alerting).stages
    task = alerting_task(stages, Metrics())
    assert task._stage._source == source  # type: ignore[attr-defined]
