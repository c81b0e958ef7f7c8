"""Credentials in a gateway's log are counted and go no further than its record."""

from __future__ import annotations

import json

import pytest

from stream.metrics import Metrics
from testlib.traffic.gateway_samples import FORMATS, PROTOBUF, decode, known, of

#: Format -> how many of its samples have a credential in them.
LEAKING = {"kong": 1, "apisix": 4, "helicone": 1, "otlp": 1, "mapping": 1}


def dropped(*values: bytes) -> dict[str, int]:
    metrics = Metrics()
    decode(*values, metrics=metrics)
    return {
        sample.labels["format"]: int(sample.value)
        for family in metrics.credentials_dropped_total.collect()
        for sample in family.samples
        if sample.name.endswith("_total") and sample.value
    }


@pytest.mark.parametrize("format_", FORMATS)
def test_each_is_counted_once(format_):
    rows = of(format_)
    expected = {format_: LEAKING[format_]} if format_ in LEAKING else {}
    assert dropped(*(json.dumps(row).encode() for row in rows)) == expected
    assert dropped(json.dumps(rows).encode()) == expected
    # What is wrong with one element does not make the others count twice.
    assert dropped(json.dumps([*rows, 5]).encode()) == expected


def test_in_protobuf_too():
    assert dropped(PROTOBUF) == {"otlp": 1}


@pytest.mark.parametrize("removed", ["REDACTED", "", "-", "***", "[REDACTED]", None])
def test_what_the_gateway_has_removed_does_not_count(removed):
    row = json.loads(json.dumps(of("apisix")[0]))
    row["request"]["headers"]["authorization"] = removed
    assert dropped(json.dumps(row).encode()) == {}


@pytest.mark.parametrize("format_", LEAKING)
def test_none_is_in_an_event(format_):
    decoded = decode(*(json.dumps(row).encode() for row in of(format_)))
    assert "sk-" not in str([known(event) for event in decoded.events])
    assert "sk-" in json.dumps(of(format_))
