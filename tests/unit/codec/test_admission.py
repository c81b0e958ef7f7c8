"""What is admitted field by field is what would be admitted event by event."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.core.errors import DecodeError
from stream.intake.codec.admission import fields_of, unusual, values_of
from stream.intake.codec.event import RequestEvent, admit

OLDEST, LATEST = 1_420_070_400.0, 1_760_000_400.0
TIMES = st.sampled_from(
    [OLDEST, OLDEST - 1, LATEST, LATEST + 1, 0.0, -1.0, 1.7e9, 1_700_000_000, float("nan")]
) | st.datetimes(timezones=st.just(UTC))
NUMBERS = st.sampled_from([0, -1, 1, 2**31 - 1, 2**31, 10**400, -(10**400)])
DEGREES = st.sampled_from([0.7, 1000.0, 1001.0, -1000.0, -1e300, float("inf"), float("nan")])
TEXTS = st.sampled_from(["", "redacted", "[content removed]", "-", "why is it so?", "x" * 65])
ACCOUNTS = st.sampled_from(["a", "key-1", "", "b" * 256, "b" * 257, "\x00", "ä", "ä" * 200, " "])
MESSAGES: Any = st.sampled_from([[], "text", [{"role": "user", "content": "hello"}], 5])

EVENTS = st.builds(
    RequestEvent,
    timestamp=TIMES | st.just(1.7e9),
    account_id=ACCOUNTS | st.just("a"),
    model=st.just("m"),
    account_created_at=st.none() | TIMES,
    max_tokens=st.none() | NUMBERS,
    temperature=st.none() | DEGREES,
    prompt=st.none() | TEXTS,
    system_prompt=st.none() | TEXTS,
    messages=st.none() | MESSAGES,
)


@given(st.lists(EVENTS, max_size=6))
@settings(max_examples=200, deadline=None)
def test_admission_changes_nothing_of_the_others(events: list[RequestEvent]) -> None:
    places = unusual(fields_of(map(values_of, events)), OLDEST, LATEST)
    assert places == sorted(set(places))
    dropped: Counter[str] = Counter()
    for event in (event for place, event in enumerate(events) if place not in places):
        before = msgspec.structs.astuple(event)
        admit(event, OLDEST, LATEST, dropped)  # and does not raise
        assert msgspec.structs.astuple(event) == before
    assert not dropped


@given(EVENTS)
@settings(max_examples=200, deadline=None)
def test_an_event_beside_usual_ones_is_found(event: RequestEvent) -> None:
    usual = RequestEvent(timestamp=1.7e9, account_id="a", model="m")
    places = unusual(fields_of(map(values_of, [usual, event, usual])), OLDEST, LATEST)
    before, refused = msgspec.structs.astuple(event), False
    try:
        admit(event, OLDEST, LATEST, Counter())
    except DecodeError:
        refused = True
    if refused or msgspec.structs.astuple(event) != before:
        assert 1 in places


def test_usual_events_are_left_alone() -> None:
    event = RequestEvent(
        timestamp=1.7e9, account_id="a", model="m", account_created_at=1.6e9, max_tokens=100,
        temperature=0.5, prompt="x" * 65, system_prompt="y" * 65,
    )  # fmt: skip
    assert unusual(fields_of([values_of(event)] * 3), OLDEST, LATEST) == []
    assert unusual(fields_of([]), OLDEST, LATEST) == []
    at = datetime(2025, 1, 1, tzinfo=UTC)
    assert unusual(fields_of([values_of(event), (at, *values_of(event)[1:])]), OLDEST, LATEST) == [
        1
    ]
