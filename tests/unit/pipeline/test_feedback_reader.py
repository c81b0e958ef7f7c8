"""Feedback is untrusted input: an invalid record gets a reason, whatever it contains."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.alerting.feedback_settings import FeedbackSettings
from stream.core.packets import unpack
from stream.core.records import Emission, Record
from stream.intake.metrics import REJECT_REASONS
from stream.metrics import Metrics
from stream.pipeline.feedback_reader import MOST_BYTES, FeedbackReader, suppression, verdict

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
    people = FeedbackReader(topic, decode, metrics=Metrics())
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


@given(st.binary(max_size=200) | st.just(b"[" * 5000) | st.just(b"\xff") | st.just(b'"\xff"'))
def test_any_bytes_are_a_verdict_or_a_dead_letter(value: bytes) -> None:
    for topic in ("verdicts", "suppressions"):
        assert reason(read(value, topic=topic)) in REJECT_REASONS
