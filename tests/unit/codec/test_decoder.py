"""What becomes of records: events, or rejects with a reason, and never anything else."""

from __future__ import annotations

import json
import math
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.core.records import Record
from stream.intake.codec.decoder import Decoder
from stream.intake.codec.event import RequestEvent
from stream.intake.codec.settings import IntakeSettings
from stream.intake.metrics import REJECT_REASONS
from stream.metrics import Metrics
from testlib.paths import SAMPLES

if TYPE_CHECKING:
    from stream.intake.codec.decoded import Decoded

NOW = 1_760_000_100.0
CANONICAL = (SAMPLES / "canonical_events.jsonl").read_bytes().splitlines()
LITELLM = (SAMPLES / "litellm_payloads.jsonl").read_bytes().splitlines()
MINIMAL = {"timestamp": 1_760_000_000, "account_id": "a", "model": "m"}
GOOD = json.dumps(MINIMAL).encode()


def decode(*values: bytes, **changes: Any) -> Decoded:
    decoder = Decoder(IntakeSettings(**changes), Metrics())
    records = [Record(i, None, value) for i, value in enumerate(values)]
    return decoder.decode(records, now_s=NOW)


def one(value: bytes, **changes: Any) -> RequestEvent:
    decoded = decode(value, **changes)
    assert decoded.rejects == []
    (event,) = decoded.events
    return event


def with_(**fields: Any) -> bytes:
    return json.dumps(MINIMAL | fields).encode()


def reasons(decoded: Decoded) -> list[str]:
    return [reject.reason for reject in decoded.rejects]


def test_every_field_of_the_contract_is_read() -> None:
    event = one(CANONICAL[0])
    expected = json.loads(CANONICAL[0]) | {"account_created_at": 1_735_787_045.0}
    assert {name: getattr(event, name) for name in expected} == expected


def test_a_time_may_be_a_string_with_its_offset() -> None:
    assert one(CANONICAL[1]).timestamp == 1_760_000_000.5


def test_absent_null_and_unknown_fields_are_no_matter() -> None:
    event = one(CANONICAL[2])
    assert event.timestamp == 1_760_000_001.0
    assert isinstance(event.timestamp, float)
    assert event.input_tokens is None
    assert event.prompt_fingerprint == "9f3c"


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"", "empty"),
        (b" \n ", "empty"),
        (b"hello", "not_json"),
        (b"\x00\x00\x00", "not_json"),
        (GOOD[:-1], "not_json"),
        (GOOD + b",", "not_json"),
        (GOOD + b"," + GOOD, "not_json"),
        (GOOD.replace(b'"a"', b'"a\x00"'), "not_json"),
        (GOOD.replace(b"1760000000", b"NaN"), "wrong_type"),
        (GOOD.replace(b'"a"', b'"\xff\xfe"'), "not_utf8"),
        (b"5", "not_an_object"),
        (b'"text"', "not_an_object"),
        (b"[1]", "not_an_object"),
        (b"null", "not_an_object"),
        (b"{}", "unknown_format"),
        (b'{"hello": 1}', "unknown_format"),
        (b'{"account_id": "a"}', "missing_field"),
        (with_(account_id=""), "missing_field"),
        (with_(account_id=5), "wrong_type"),
        (with_(model=None), "wrong_type"),
        (with_(timestamp=True), "wrong_type"),
        (with_(account_id="a" * 257), "out_of_range"),
        (with_(account_id="\u00e9" * 129), "out_of_range"),
        (with_(account_id="a\nb"), "out_of_range"),
        (with_(account_id="a\n"), "out_of_range"),
        (GOOD.replace(b"1760000000", b"1e999"), "wrong_type"),
        (with_(timestamp=-1), "bad_timestamp"),
        (with_(timestamp=1e300), "bad_timestamp"),
        (with_(timestamp=0), "bad_timestamp"),
        (with_(timestamp=1_760_000_000_000), "bad_timestamp"),
        (with_(timestamp=NOW + 301), "bad_timestamp"),
        (with_(timestamp="yesterday"), "bad_timestamp"),
        (with_(timestamp="2025-10-09T08:53:20"), "bad_timestamp"),
        (with_(timestamp="0001-01-01T00:00:00+14:00"), "bad_timestamp"),
        (with_(prompt="x" * 10_000_000), "too_large"),
        (GOOD[:-1] + b',"x":' + b"[" * 9000 + b"]" * 9000 + b"}", "too_deep"),
        (b"[" * 9000, "too_deep"),
        (b'{"a":' * 9000, "too_deep"),
        (b"[" + b",".join([GOOD] * 10_001) + b"]", "too_many"),
    ],
    ids=lambda value: repr(value[:48]) if isinstance(value, bytes) else value,
)
def test_what_is_no_event_is_rejected_with_its_reason(value: bytes, reason: str) -> None:
    decoded = decode(GOOD, value, GOOD)
    assert reasons(decoded) == [reason]
    assert decoded.rejects[0].record.value == value
    assert decoded.offsets == [0, 2]


def test_milliseconds_are_recognised_in_the_detail() -> None:
    assert "milliseconds" in decode(with_(timestamp=NOW * 1000)).rejects[0].detail


def test_a_client_cannot_hide_behind_its_own_numbers_and_texts() -> None:
    for own in ({"max_tokens": -5}, {"max_tokens": 10**30}, {"temperature": 1e300}):
        assert one(with_(**own)).account_id == "a"
    assert one(with_(max_tokens=10**30)).max_tokens == 2**31 - 1
    assert len(one(with_(user_agent="x" * 100_000)).user_agent or "") == 100_000


@pytest.mark.parametrize("text", [r"\ud800", r"\udc00 x", r"\ud800A", r"x\ud83d"])
def test_a_lone_surrogate_does_not_hide_a_prompt(text: str) -> None:
    record = with_(prompt="@").replace(b"@", text.encode())
    assert "\ufffd" in (one(record).prompt or "")
    batch = b"[" + record + b"," + GOOD + b"]"
    assert [event.account_id for event in decode(batch).events] == ["a", "a"]
    # What only looks like one stays what it is.
    kept = with_(prompt="@").replace(b"@", rb"\\ud800 \ud83d\ude00 " + text.encode())
    assert (one(kept).prompt or "").startswith("\\ud800 \U0001f600 ")


def test_an_array_and_lines_give_several_events_of_one_offset() -> None:
    array = b" [" + GOOD + b", " + LITELLM[0] + b"]"
    lines = GOOD + b"\r\n\n" + LITELLM[0] + b"\n"
    decoded = decode(array, lines)
    assert decoded.rejects == []
    assert decoded.offsets == [0, 0, 1, 1]
    key = json.loads(LITELLM[0])["metadata"]["user_api_key_hash"]
    assert [event.account_id for event in decoded.events] == ["a", key] * 2


def test_line_breaks_inside_one_object_are_no_matter() -> None:
    pretty = json.dumps(MINIMAL | {"x": {"y": [1, {"z": 2}]}}, indent=1).encode()
    assert one(b"\n" + pretty + b"\n").account_id == "a"
    assert reasons(decode(pretty[:-1])) == ["not_json"]


def test_good_elements_are_kept_and_the_record_is_rejected_once() -> None:
    bad = with_(account_id="a\n")
    array = b"[" + b",".join([GOOD, bad, GOOD, b"7", bad]) + b"]"
    lines = b"\n".join([GOOD, bad, GOOD, b"7", bad])
    for value in (array, lines):
        decoded = decode(value)
        assert decoded.offsets == [0, 0]
        (reject,) = decoded.rejects
        assert reject.reason == "out_of_range"
        assert "3 of 5 (out_of_range 2, not_an_object 1)" in reject.detail


def test_records_cannot_change_each_others_borders() -> None:
    opened = GOOD[:-1] + b',"x":"'
    closing = b'","y":1}'
    two = GOOD + b"," + GOOD
    decoded = decode(GOOD, opened, closing, two, GOOD)
    assert decoded.offsets == [0, 4]
    assert reasons(decoded) == ["not_json", "not_an_object", "not_json"]


def test_keys_may_be_written_with_escapes() -> None:
    assert one(GOOD.replace(b"account_id", rb"account\u005fid")).account_id == "a"


def test_a_fixed_format_takes_no_other() -> None:
    assert reasons(decode(GOOD, format="litellm")) == ["missing_field"]
    assert reasons(decode(LITELLM[0], format="canonical")) == ["missing_field"]
    assert one(GOOD, format="canonical").account_id == "a"
    assert one(LITELLM[0], format="litellm").model == "gpt-4o-mini"


def other(time_ms: object, status: int | None = None) -> bytes:
    """Return Kong's log of a request to no model, or of one that was turned away."""
    no_call = json.loads((SAMPLES / "kong_other.jsonl").read_bytes().splitlines()[status == 401])
    return json.dumps(no_call | {"started_at": time_ms}).encode()


@pytest.mark.parametrize("format_", ["auto", "kong"])
@pytest.mark.parametrize("status", [None, 401], ids=["no call of a model", "turned away"])
def test_what_passes_by_says_when(format_: str, status: int | None) -> None:
    first, last = (other(1000 * (NOW - ago), status) for ago in (9, 3))
    absurd = [other(time, status) for time in (None, "-", "x", 0, NOW, 1e400, 1000 * (NOW + 1e6))]
    record = b"[" + b",".join([first, last, first]) + b"]"
    lines = b"\n".join([last, first])
    for values in ([first, last, first], [record], [lines], [*absurd, last], [last, *absurd]):
        decoded = decode(*values, format=format_)
        assert decoded.skipped_s == NOW - 3
        assert not decoded.events
    assert decode(*absurd, format=format_).skipped_s == -math.inf


def test_events_are_counted_by_format_and_result() -> None:
    metrics = Metrics()
    values = [GOOD, LITELLM[0], b"{}", b"[" + GOOD + b"," + with_(model=1) + b"]", b"[1"]
    Decoder(IntakeSettings(), metrics).decode([Record(0, None, v) for v in values], now_s=NOW)

    def count(format_: str, result: str) -> float | None:
        labels = {"format": format_, "result": result}
        return metrics.registry.get_sample_value("distillwatch_events_total", labels)

    assert count("canonical", "accepted") == 2
    assert count("litellm", "accepted") == 1
    assert count("canonical", "rejected") == 1
    assert count("unknown", "rejected") == 2


def test_nothing_that_is_printed_shows_text() -> None:
    private = "my private plan"
    decoded = decode(
        with_(prompt=private, system_prompt=private),
        with_(prompt=[private]),
        with_(**{private: 1}, model={private: 2}),
        b'{"prompt": "' + private.encode() + b'\xff"}',
        LITELLM[0].replace(b"Which sea", private.encode()),
    )
    assert len(decoded.events) == 3
    assert private not in repr(decoded)
    assert private not in "".join(reject.detail for reject in decoded.rejects)
    assert private not in "".join(str(list(event.__rich_repr__())) for event in decoded.events)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from([*RequestEvent.__struct_fields__, "x"]), inner)
    ),
    max_leaves=12,
)
FIELDS = st.dictionaries(st.sampled_from(RequestEvent.__struct_fields__), JSON, max_size=4)


@st.composite
def mutilated(draw: st.DrawFn) -> bytes:
    value = bytearray(draw(st.sampled_from([*CANONICAL, *LITELLM, GOOD])))
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(value)))
        value[at : at + draw(st.integers(0, 40))] = draw(st.binary(max_size=6))
    return bytes(value)


@given(
    st.binary(max_size=64)
    | JSON.map(lambda value: json.dumps(value).encode())
    | FIELDS.map(lambda fields: json.dumps(MINIMAL | fields).encode())
    | mutilated()
    | st.lists(mutilated(), max_size=3).map(lambda parts: b"[" + b",".join(parts) + b"]")
    | st.lists(mutilated(), max_size=3).map(b"\n".join)
)
@settings(max_examples=400, deadline=None)
def test_any_bytes_give_events_or_a_reject_and_harm_no_other(value: bytes) -> None:
    decoded = decode(GOOD, value, GOOD)
    assert decoded.offsets[0] == 0
    assert decoded.offsets[-1] == 2
    assert len(decoded.events) == len(decoded.offsets)
    assert 1 in decoded.offsets or len(decoded.rejects) == 1 or decoded.ignored
    assert all(reject.reason in REJECT_REASONS for reject in decoded.rejects)
    for event in decoded.events:
        assert 1_420_070_400 <= event.timestamp <= NOW + 300
        assert 0 < len(event.account_id.encode()) <= 256
        for name in ("input_tokens", "output_tokens", "cached_tokens", "max_tokens"):
            assert 0 <= (getattr(event, name) or 0) < 2**31


#: Records of every kind that meet in a topic.
MIXED = (
    GOOD,
    with_(timestamp="2025-10-09T08:53:20Z", temperature=1e9, max_tokens=-1),
    with_(account_created_at=1_700_000_000, prompt="\ud800"),
    with_(model=None),
    with_(timestamp=0),
    with_(input_tokens=1.5),
    with_(account_id=""),
    GOOD[:-1],
    b"",
    b'{"hello": 1}',
    b"[" + GOOD + b"," + LITELLM[0] + b",5]",
    GOOD + b"\n" + GOOD,
    LITELLM[0],
    LITELLM[0].replace(b"startTime", b"timestamp", 1),
    b'{"timestamp": 1760000000, "data": []}',
    with_(prompt="x" * 2_000_000),
)


@pytest.mark.parametrize("format_", ["auto", "canonical", "litellm"])
@given(values=st.lists(mutilated() | st.sampled_from(MIXED), max_size=12))
@settings(max_examples=60, deadline=None)
def test_a_batch_equals_its_records_one_by_one(format_: str, values: list[bytes]) -> None:
    found = decode(*values, format=format_)
    alone = [decode(value, format=format_) for value in values]
    assert found.events == [event for one in alone for event in one.events]
    assert found.offsets == [at for at, one in enumerate(alone) for _ in one.events]
    assert reasons(found) == [reason for one in alone for reason in reasons(one)]
    assert found.tally == sum((one.tally for one in alone), Counter())


def test_a_bad_record_costs_its_format_no_more_than_itself() -> None:
    """Once, no beginning was known any more of which one record had been bad."""
    decoder = Decoder(IntakeSettings(), Metrics())
    values = [GOOD, with_(model=None), GOOD[:-1], GOOD]
    decoder.decode([Record(i, None, value) for i, value in enumerate(values)], now_s=NOW)
    known = decoder._formats.alike([GOOD, GOOD])
    assert known is not None
    assert known.name == "canonical"
