"""Each field of the contract's request event: present, absent, null and of another type."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import msgspec
import pytest

from stream.core.records import Record
from stream.intake.codec.decoder import Decoder
from stream.intake.codec.event import RequestEvent
from stream.intake.codec.settings import IntakeSettings
from stream.metrics import Metrics

if TYPE_CHECKING:
    from stream.intake.codec.decoded import Decoded

TIME = 1_767_225_600.0
LEAST = {"timestamp": TIME, "account_id": "a", "model": "m"}
#: Each optional field of the contract with a value of its type.
OPTIONAL = {
    "request_id": "r",
    "api_key_id": "k",
    "organization_id": "o",
    "client_ip": "203.0.113.7",
    "asn": 64500,
    "country": "DE",
    "user_agent": "u",
    "tls_fingerprint": "t13d1516h2_8daaf6152771_b186095e22b6",
    "payment_id": "p",
    "account_created_at": TIME - 1.5,
    "plan": "pro",
    "operation": "chat",
    "input_tokens": 1,
    "output_tokens": 2,
    "cached_tokens": 3,
    "reasoning_tokens": 4,
    "status": 429,
    "duration_s": 0.25,
    "stream": True,
    "temperature": 0.7,
    "max_tokens": 5,
    "logprobs": True,
    "system_prompt": "s",
    "prompt": "q",
    "prompt_fingerprint": "f",
    "first_prompt": "q1",
    "first_answer": "a1",
    "response": "a2",
}


def decode(*values: object, **settings: str) -> Decoded:
    decoder = Decoder(msgspec.convert(settings, IntakeSettings), Metrics())
    records = [Record(i, None, json.dumps(value).encode()) for i, value in enumerate(values)]
    return decoder.decode(records, now_s=TIME + 60)


def reason(value, **settings):
    decoded = decode(value, **settings)
    assert not decoded.events
    return [reject.reason for reject in decoded.rejects]


def costs(value):
    """Return the one field that an event goes without."""
    decoded = decode(value)
    assert decoded.rejects == []
    [event] = decoded.events
    found = msgspec.structs.asdict(event)
    [missing] = [name for name in value if found[name] is None]
    assert found == value | {missing: None, "messages": None}
    return missing


def test_the_event_has_the_contracts_fields_and_no_others():
    # What is in `messages` is taken out of them.
    assert set(RequestEvent.__struct_fields__) == {*LEAST, *OPTIONAL, "messages"}


def test_every_field_arrives():
    [event] = decode(LEAST | OPTIONAL).events
    assert msgspec.structs.asdict(event) == LEAST | OPTIONAL | {"messages": None}


@pytest.mark.parametrize("field", OPTIONAL)
def test_an_optional_field_may_be_missing_or_null(field):
    without = {k: v for k, v in (LEAST | OPTIONAL).items() if k != field}
    missing, null = decode(without, without | {field: None}).events
    assert getattr(missing, field) is None
    assert missing == null


@pytest.mark.parametrize("field", LEAST)
def test_a_required_field_may_not_be_missing(field):
    event = {k: v for k, v in (LEAST | OPTIONAL).items() if k != field}
    assert reason(event, format="canonical") == ["missing_field"]
    # Without its mark nothing says what an object wants to be.
    assert reason(event) == ["unknown_format" if field == "account_id" else "missing_field"]


@pytest.mark.parametrize("wrong", [[], {}, [1], {"x": "y"}], ids=str)
@pytest.mark.parametrize("field", LEAST)
def test_a_required_field_of_another_type_is_refused(field, wrong):
    assert reason(LEAST | OPTIONAL | {field: wrong}) == ["wrong_type"]


@pytest.mark.parametrize("wrong", [[], {}, [1], {"x": "y"}], ids=str)
@pytest.mark.parametrize("field", OPTIONAL)
def test_an_optional_field_of_another_type_costs_that_field(field, wrong):
    assert costs(LEAST | OPTIONAL | {field: wrong}) == field


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2026-01-01T00:00:00Z", TIME),
        ("2025-12-31T23:59:59.250Z", TIME - 0.75),
        ("2026-01-01T01:30:00+01:30", TIME),
        ("2025-12-31T19:00:00-05:00", TIME),
        ("2026-01-01t00:00:00z", TIME),
    ],
)
def test_times_may_be_text(text, time):
    [event] = decode(LEAST | {"timestamp": text, "account_created_at": text}).events
    assert (event.timestamp, event.account_created_at) == (time, time)
    assert type(event.timestamp) is type(event.account_created_at) is float


@pytest.mark.parametrize(
    "time",
    [
        *(-1, -1e300, 1e300, TIME * 1000, TIME * 1e9, 10**400, 2**63, 2**64, -(2**63) - 1),
        *("2026-01-01T00:00:00", "2026-01-01", "yesterday", "", "0001-01-01T00:00:00+23:59"),
        *("9999-12-31T23:59:59-23:59", "2026-02-30T00:00:00Z"),
    ],
    ids=lambda time: str(time)[:25],
)
def test_absurd_times_are_refused(time):
    assert reason(LEAST | {"timestamp": time})[0] in {"bad_timestamp", "out_of_range", "wrong_type"}
    assert costs(LEAST | OPTIONAL | {"account_created_at": time}) == "account_created_at"


@pytest.mark.parametrize("count", [-1, -(2**70), 2**33, 2**70])
@pytest.mark.parametrize(
    "field",
    ["input_tokens", "output_tokens", "cached_tokens", "reasoning_tokens", "status", "asn"],
)
def test_counts_out_of_range_cost_that_field(field, count):
    assert costs(LEAST | OPTIONAL | {field: count}) == field


def test_a_tombstone_is_a_reject_and_harms_nobody():
    good = json.dumps(LEAST).encode()
    records = [Record(0, None, good), Record(1, None, b""), Record(2, None, good)]
    decoded = Decoder(IntakeSettings(), Metrics()).decode(records, now_s=TIME)
    assert decoded.offsets == [0, 2]
    assert [reject.reason for reject in decoded.rejects] == ["empty"]
