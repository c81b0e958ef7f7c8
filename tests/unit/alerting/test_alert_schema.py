"""The published schema is generated from the type, and alerts of every kind validate against it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from stream.campaigns.settings import CampaignSettings
from stream.core.alert_schema import alert_schema, text
from stream.core.feedback import Verdict
from stream.metrics import Metrics
from stream.pipeline.incident_flow import IncidentFlow
from testlib.builders import ALERTING, START_S, finding, pool, step

if TYPE_CHECKING:
    from stream.core.alerts import Alert

PUBLISHED = Path(__file__).parents[3] / "deploy/alert.schema.json"


@pytest.fixture(scope="module")
def alerts() -> list[Alert]:
    """An account and a campaign that fire, grow, get a verdict, and are over."""
    incidents = IncidentFlow(ALERTING, CampaignSettings(), metrics=Metrics())
    found = step(incidents, 1, [finding("a", 1)], pool(1))
    found += step(incidents, 10, [finding("a", 10)], pool(10, 48))
    for alert in list(found):
        verdict = Verdict(
            alert_id=alert.alert_id, label="true_positive", author="ana", time=START_S + 660
        )
        found += incidents.record_feedback(START_S + 660, [verdict], [])[0]
    return found + step(incidents, 300)


def test_the_published_schema_is_that_of_the_type() -> None:
    assert PUBLISHED.read_text() == text(), "run `make schema`"


def test_the_schema_is_valid_and_describes_every_field() -> None:
    Draft202012Validator.check_schema(alert_schema())
    fields: dict[str, Any] = alert_schema()["$defs"]["Alert"]["properties"]
    assert [name for name, field in fields.items() if not field.get("description")] == []


def test_alerts_of_every_kind_validate(alerts: list[Alert]) -> None:
    assert {(a.kind, a.status) for a in alerts} == {
        ("account", "firing"),
        ("account", "resolved"),
        ("campaign", "firing"),
        ("campaign", "resolved"),
    }
    assert any(a.verdict for a in alerts)
    assert any(a.links for a in alerts)
    validator = Draft202012Validator(alert_schema())
    for alert in alerts:
        validator.validate(msgspec.json.decode(msgspec.json.encode(alert)))


def test_a_wrong_alert_does_not_validate(alerts: list[Alert]) -> None:
    wrong = msgspec.json.decode(msgspec.json.encode(alerts[0])) | {"status": "open"}
    with pytest.raises(ValidationError):
        Draft202012Validator(alert_schema()).validate(wrong)
