"""Feedback is untrusted input: an invalid record gets a reason, whatever it contains."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.alerting.feedback_settings import FeedbackSettings
from stream.core.events import MAX_ACCOUNT_BYTES
from stream.core.packets import unpack
from stream.core.records import Emission, Record
from stream.intake.metrics import REJECT_REASONS
from stream.metrics import Metrics
from stream.pipeline.feedback_reader import MOST_BYTES, FeedbackReader, suppression, verdict
from stream.pipeline.routing import account_tasks

NOW_S = 1_772_409_600.0
VERDICT: dict[str, Any] = {
    "alert_id": "inc_" + 20 * "0",
    "verdict": "benign",
    "author": "ana",
    "time": NOW_S,
}
SUPPRESSED: dict[str, Any] = {
    "suppression_id": "sup_" + 20 * "0",
    "by": "account",
    "match": "a",
    "author": "ana",
    "reason": "r",
    "time": NOW_S,
    "expires": NOW_S + 3600,
}


def read(value: bytes, *, topic: str = "verdicts") -> Emission:
    decode = verdict if topic == "verdicts" else suppression(FeedbackSettings())
    people = FeedbackReader(topic, decode, tasks=4, metrics=Metrics())
    (emission,) = people.process(3, [Record(7, None, value)], now_s=NOW_S)
    return emission


def reason(emission: Emission) -> str:
    return dict(emission.headers)["reason"].decode()


def test_a_verdict_goes_to_alerting() -> None:
    emission = read(json.dumps(VERDICT | {"unknown": 1}).encode())
    assert (emission.role, emission.partition) == ("findings", 0)
    feedback = unpack(emission.value).feedback
    assert feedback is not None
    assert [one.author for one in feedback.verdicts] == ["ana"]


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"alert_id": "inc_1"}, "out_of_range"),
        ({"verdict": "maybe"}, "out_of_range"),
        ({"author": ""}, "out_of_range"),
        ({"author": 3}, "wrong_type"),
        ({"time": NOW_S + 3600}, "bad_timestamp"),
        ({"time": -1}, "out_of_range"),
        ({"time": None}, "wrong_type"),
        ({"note": "n" * 1001}, "out_of_range"),
        ({"more": "n" * MOST_BYTES}, "too_large"),
    ],
)
def test_a_bad_verdict_has_a_reason(changed: dict[str, Any], expected: str) -> None:
    dead = read(json.dumps(VERDICT | changed).encode())
    assert (dead.role, reason(dead)) == ("deadletter", expected)
    headers = dict(dead.headers)
    assert (headers["source_topic"], headers["source_partition"]) == (b"verdicts", b"3")
    assert headers["source_offset"] == b"7"


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"expires": NOW_S}, "out_of_range"),
        ({"expires": NOW_S + 1e8}, "out_of_range"),
        ({"by": "value"}, "out_of_range"),
        ({"link": "payment"}, "out_of_range"),
        ({"by": "value", "link": "payment", "match": "not hex"}, "out_of_range"),
        ({"match": ""}, "out_of_range"),
    ],
)
def test_a_bad_suppression_has_a_reason(changed: dict[str, Any], expected: str) -> None:
    dead = read(json.dumps(SUPPRESSED | changed).encode(), topic="suppressions")
    assert (dead.role, reason(dead)) == ("deadletter", expected)


@pytest.mark.parametrize("missing", [*SUPPRESSED])
def test_every_field_of_a_suppression_is_required(missing: str) -> None:
    some = {name: value for name, value in SUPPRESSED.items() if name != missing}
    assert reason(read(json.dumps(some).encode(), topic="suppressions")) == "missing_field"


def test_a_request_to_forget_goes_the_way_of_the_events_of_its_account() -> None:
    emission = read(json.dumps({"forget": "ä", "time": NOW_S}).encode(), topic="suppressions")
    assert (emission.role, emission.partition) == ("events", account_tasks(["ä"], 4)[0])
    feedback = unpack(emission.value).feedback
    assert feedback is not None
    assert feedback.forgotten == ["ä"]


def test_many_requests_are_one_packet_for_each_task() -> None:
    reader = FeedbackReader("s", suppression(FeedbackSettings()), tasks=4, metrics=Metrics())
    names = [f"account-{i}" for i in range(100)]
    values = [json.dumps({"forget": name, "time": NOW_S}).encode() for name in names]
    records = [Record(i, None, value) for i, value in enumerate(values)]
    found: list[str] = []
    for emission in reader.process(0, records, now_s=NOW_S):
        feedback = unpack(emission.value).feedback
        assert feedback is not None
        assert {*account_tasks(feedback.forgotten, 4)} == {emission.partition}
        found += feedback.forgotten
    assert len(found) == 100
    assert {*found} == {*names}


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"forget": ""}, "out_of_range"),
        ({"forget": "a" * (MAX_ACCOUNT_BYTES + 1)}, "out_of_range"),
        ({"forget": ["a"]}, "wrong_type"),
        ({"forget": None}, "wrong_type"),
        ({"time": "now"}, "wrong_type"),
        ({"time": NOW_S + 3600}, "bad_timestamp"),
    ],
)
def test_a_bad_request_to_forget_has_a_reason(changed: dict[str, Any], expected: str) -> None:
    request = {"forget": "a", "time": NOW_S} | changed
    dead = read(json.dumps(request).encode(), topic="suppressions")
    assert (dead.role, reason(dead)) == ("deadletter", expected)


@pytest.mark.parametrize("topic", ["verdicts", "suppressions"])
def test_a_tombstone_is_no_feedback_and_no_dead_letter(topic: str) -> None:
    decode = verdict if topic == "verdicts" else suppression(FeedbackSettings())
    reader = FeedbackReader(topic, decode, tasks=4, metrics=Metrics())
    assert reader.process(0, [Record(7, None, b"")], now_s=NOW_S) == []


@given(
    st.binary(min_size=1, max_size=200)
    | st.just(b"[" * 5000)
    | st.just(b"\xff")
    | st.just(b'"\xff"')
)
def test_any_bytes_are_a_verdict_or_a_dead_letter(value: bytes) -> None:
    for topic in ("verdicts", "suppressions"):
        assert reason(read(value, topic=topic)) in REJECT_REASONS
