"""Mutated records of every format: an event, nothing that matters, or an error with a reason.

A record that is no event must not stop what is around it, whatever a client, a gateway or a broken
disk has made of it.
"""

from __future__ import annotations

import copy
import json
from functools import cache
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.core.errors import DecodeError
from stream.core.records import Record
from stream.intake.codec.decoder import Decoder
from stream.intake.codec.event import MAX_COUNT, MAX_DURATION_S, RequestEvent
from stream.intake.codec.gateway import Gateway
from stream.intake.codec.gateways import GATEWAYS
from stream.intake.codec.mapping import format_of
from stream.intake.metrics import REJECT_REASONS
from stream.metrics import Metrics
from testlib.traffic.gateway_samples import FORMATS, MAPPING, NOW, PROTOBUF, known, of
from testlib.traffic.gateway_samples import settings as sample_settings

GOOD = json.dumps({"timestamp": 1_760_000_000, "account_id": "a", "model": "m"}).encode()
ROWS = {format_: of(format_, other=True) for format_ in FORMATS}
ODD = st.sampled_from(
    [
        *(None, True, False, 0, 1, -1, 1.5, -0.001, 1e300, 10**40, 10**400, 2**31, 2**63),
        *("", "-", "x", "nan", "inf", "1e999", "9" * 5000, "-5", "1_0", "5", "²", "{", "[]", "{}"),
        *('{"a": ', "\ud800", "x" * 300, "0001-01-01T00:00:00+14:00", "2026-02-30T00:00:00Z"),
        *([], [1], ["a", None], [[]], {}, {"a": [None]}, {"messages": {"messages": []}}),
        *(
            [{"role": "user", "parts": 5}],
            {"content": []},
            "1.2.3.4:5",
            "a,b",
            ",",
            "::1",
            "[::1]:5",
        ),
    ]
)


def places(value: Any) -> list[tuple[Any, Any]]:
    """Return every container of an object with each of its keys."""
    found = []
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in items:
        found.append((value, key))
        if isinstance(inner, dict | list):
            found += places(inner)
    return found


@st.composite
def mutated(draw: st.DrawFn, rows: list[dict[str, Any]]) -> dict[str, Any]:
    row = copy.deepcopy(draw(st.sampled_from(rows)))
    for _ in range(draw(st.integers(1, 3))):
        at = places(row)
        if not at:
            break
        container, key = at[draw(st.integers(0, len(at) - 1))]
        if draw(st.booleans()) and isinstance(container, dict):
            del container[key]
        else:
            container[key] = copy.deepcopy(draw(ODD))
    return row


@cache
def decoder(format_: str) -> Decoder:
    """Return one decoder for all examples: it takes some ms to make."""
    return Decoder(sample_settings(format=format_), Metrics())


def check(value: bytes, format_: str = "auto") -> None:
    """Hold the decoder to its promise about ``value`` between two good records."""
    records = [Record(i, None, record) for i, record in enumerate((GOOD, value, GOOD))]
    decoded = decoder(format_).decode(records, now_s=NOW)
    ours = [event for event, at in zip(decoded.events, decoded.offsets, strict=True) if at == 1]
    if format_ == "auto":
        assert (decoded.offsets[0], decoded.offsets[-1]) == (0, 2)
        assert all(reject.record.value == value for reject in decoded.rejects)
    assert ours or decoded.ignored or decoded.rejects
    assert all(reject.reason in REJECT_REASONS for reject in decoded.rejects)
    for event in ours:
        assert msgspec.convert(known(event), RequestEvent) == event  # of the right types
        assert 0 < len(event.account_id.encode()) <= 256
        assert 1.4e9 < event.timestamp <= NOW + 300
        assert 0 <= (event.duration_s or 0) <= MAX_DURATION_S
        for name in ("input_tokens", "output_tokens", "cached_tokens", "reasoning_tokens"):
            assert 0 <= (getattr(event, name) or 0) <= MAX_COUNT


@pytest.mark.parametrize("format_", FORMATS)
@settings(max_examples=150)
@given(data=st.data())
def test_a_mutated_object(format_: str, data: st.DataObject) -> None:
    row = data.draw(mutated(ROWS[format_]))
    value = json.dumps(row).encode()
    check(value)
    check(value, format_)


@pytest.mark.parametrize("format_", FORMATS)
@settings(max_examples=60)
@given(data=st.data())
def test_mutated_bytes(format_: str, data: st.DataObject) -> None:
    value = bytearray(json.dumps(data.draw(st.sampled_from(ROWS[format_]))).encode())
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(value)))
        value[at : at + data.draw(st.integers(0, 40))] = data.draw(st.binary(max_size=6))
    check(bytes(value))


@settings(max_examples=300)
@given(data=st.data())
def test_mutated_protobuf(data: st.DataObject) -> None:
    value = bytearray(PROTOBUF)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(value)))
        value[at : at + data.draw(st.integers(0, 8))] = data.draw(st.binary(max_size=6))
    check(bytes(value))
    check(bytes(value), "otlp")


@settings(max_examples=100)
@given(data=st.data())
def test_a_mutated_array_of_all_formats(data: st.DataObject) -> None:
    every = [row for rows in ROWS.values() for row in rows]
    check(json.dumps(data.draw(st.lists(mutated(every), min_size=1, max_size=4))).encode())


gateway = cache(Gateway)


@pytest.mark.parametrize("form", [*GATEWAYS, format_of(MAPPING)], ids=lambda form: form.name)
@settings(max_examples=150)
@given(data=st.data())
def test_the_compiled_way_is_the_tables_way(form: Any, data: st.DataObject) -> None:
    row = data.draw(mutated(ROWS[form.name]) | st.sampled_from(ROWS[form.name]))
    value, codec = json.dumps(row).encode(), gateway(form)
    try:
        [(slow, _)] = codec.explain(value)
    except msgspec.DecodeError as error:
        with pytest.raises(type(error)):
            codec.one(value)
        return
    try:
        fast: Any = codec.one(value)
    except DecodeError as error:
        fast = error
    if isinstance(slow, DecodeError):
        assert str(fast) == str(slow)
    else:
        assert fast == slow


@pytest.mark.parametrize("depth", [100, 5000, 200_000])
@pytest.mark.parametrize("format_", FORMATS)
def test_depth_is_a_reject_or_no_matter(format_: str, depth: int) -> None:
    row = json.dumps(ROWS[format_][0] | {"extra": "@", "messages": "@"})
    check(row.replace('"@"', "[" * depth + "]" * depth).encode())
    check(row.replace('"@"', '{"a":' * depth + "1" + "}" * depth).encode())
