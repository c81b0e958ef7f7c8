"""What became of each record, as JSON: its outcome, its reason, its events, each call once."""

from __future__ import annotations

import json

import pytest

from stream.intake.codec.explanation import Explainer
from stream.intake.codec.settings import IntakeSettings
from stream.tools.report.record_results import RecordResults
from stream.tools.report.repeats import Repeats

EVENT = {"timestamp": 1.76e9, "account_id": "a", "model": "m", "request_id": "r"}
SPAN = {"startTimeUnixNano": "1760000000500000000", "attributes": []}
OTHER = {"resourceSpans": [{"scopeSpans": [{"spans": [SPAN, SPAN]}]}]}


def readings(*records):
    explainer, found = Explainer(IntakeSettings()), RecordResults(Repeats(3600.0, window_s=60.0))
    values = [r if isinstance(r, bytes) else json.dumps(r).encode() for r in records]
    return [found.of(explainer.explain(value, latest=2e9)) for value in values]


@pytest.mark.parametrize(
    ("record", "outcome", "events", "skipped", "rejected"),
    [
        (EVENT, "event", 1, 0, 0),
        ([EVENT, EVENT | {"request_id": "s"}], "event", 2, 0, 0),
        ([EVENT, EVENT], "event", 1, 1, 0),
        ([EVENT, 5, {"x": 1}], "event", 1, 0, 2),
        ([5, {"x": 1}], "rejected", 0, 0, 2),
        ([5, OTHER], "rejected", 0, 2, 1),
        (OTHER, "skipped", 0, 2, 0),
        ([], "skipped", 0, 1, 0),
        (b"", "rejected", 0, 0, 1),
        (b"{", "rejected", 0, 0, 1),
        (EVENT | {"timestamp": 0}, "rejected", 0, 0, 1),
    ],
)
def test_a_record_has_one_outcome_and_the_counts_of_its_objects(
    record, outcome, events, skipped, rejected
):
    [found] = readings(record)
    assert (found.outcome, len(found.events)) == (outcome, events)
    assert (found.skipped, found.rejected) == (skipped, rejected)
    assert (found.reason is None) == (not skipped and not rejected)


def test_the_same_call_of_an_account_is_one_and_a_retry_with_another_id_is_another():
    rows = [
        EVENT,
        EVENT,
        EVENT | {"request_id": "s"},
        EVENT | {"account_id": "b"},
        EVENT | {"request_id": None},
        EVENT | {"request_id": None},
    ]
    found = readings(*rows)
    assert [one.reason for one in found] == [None, "duplicate", *[None] * 4]
    assert [one.record for one in found] == [1, 2, 3, 4, 5, 6]


def test_events_have_every_field_and_null_where_nothing_is_said():
    [found] = readings(EVENT | {"messages": [{"role": "user", "content": "Name a river."}]})
    [event] = found.events
    assert event["prompt"] == "Name a river."
    assert event["output_tokens"] is None
    assert "messages" not in event
