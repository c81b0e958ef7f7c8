"""What a drill's report says is broken: the first link of the chain that is."""

from __future__ import annotations

import msgspec
import pytest

from stream.cli.drill import _enforcers, _table
from stream.http.enforcer.settings import EnforcerSettings
from stream.settings import Settings
from stream.tools.drill.report import DrillReport, LinkReport, SinkReport, as_json

WELL = DrillReport(
    drill_id="a1",
    accounts=24,
    requests=240,
    seconds=70.0,
    read=240,
    others=1000,
    dead_letters={},
    alert_id="inc_1",
    alert_after_s=65.0,
    members=24,
    sinks=[
        SinkReport(name="log", result="delivered", after_s=0.5),
        SinkReport(name="webhook", result="skipped", after_s=0.5),
    ],
)
NO_ALERT = msgspec.structs.replace(WELL, alert_id=None, alert_after_s=None, sinks=[])


def but(report: DrillReport, **changes: object) -> DrillReport:
    return msgspec.structs.replace(report, **changes)


def test_a_drill_whose_receivers_have_all_handled_it_is_well() -> None:
    assert WELL.broken is None
    assert msgspec.json.decode(as_json(WELL))["ok"] is True


@pytest.mark.parametrize(
    ("report", "said"),
    [
        (but(NO_ALERT, read=0), "no worker has read"),
        (but(NO_ALERT, read=0, dead_letters={"bad_signature": 24}), "intake.salt"),
        (but(NO_ALERT, dead_letters={"out_of_range": 24}), "of this version"),
        (but(NO_ALERT, read=100), "100 of 240"),
        (but(NO_ALERT, others=0), "without traffic event time stands still"),
        (NO_ALERT, "watermark_timestamp_seconds"),
        (but(WELL, sinks=[SinkReport(name="ocsf", result="waiting")]), "ocsf has not handled"),
        (
            but(WELL, sinks=[SinkReport(name="slack", result="rejected", after_s=1.0)]),
            "slack could not deliver the alert: rejected",
        ),
        (
            but(
                WELL,
                links=[
                    LinkReport(name="proposal", result="throttle", after_s=0.4),
                    LinkReport(name="approval", result="none", after_s=30.1, broken="no room"),
                ],
            ),
            "no room",
        ),
    ],
)
def test_the_first_broken_link_is_named_in_one_line(report: DrillReport, said: str) -> None:
    assert report.broken is not None
    assert said in report.broken
    assert "\n" not in report.broken
    assert msgspec.json.decode(as_json(report))["ok"] is False


def test_the_table_has_a_row_for_each_link() -> None:
    links = [str(cell) for cell in _table(WELL).columns[0].cells]
    assert links == ["planted", "read by workers", "dead letters", "alert", "log", "webhook"]


@pytest.mark.parametrize(
    ("host", "named", "expected"),
    [
        ("127.0.0.1", [], ("http://127.0.0.1:6070",)),
        ("::1", [], ("http://[::1]:6070",)),
        ("127.0.0.1", ["http://a:1", "https://b"], ("http://a:1", "https://b")),
    ],
)
def test_enforcers_are_those_that_are_named_or_the_one_of_the_settings(
    host: str, named: list[str], expected: tuple[str, ...]
) -> None:
    settings = Settings(enforcer=EnforcerSettings(host=host))
    assert _enforcers(settings, named) == expected
