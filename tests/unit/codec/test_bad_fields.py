"""A bad optional number costs that field, not the event, and is counted."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.intake.codec.event import RequestEvent
from stream.intake.metrics import OPTIONAL_FIELDS
from stream.metrics import Metrics
from stream.telemetry.declaration import OVERFLOW
from testlib.traffic.gateway_samples import NOW, decode, known, of

EVENT = {"timestamp": 1.76e9, "account_id": "a", "model": "m", "prompt": "Name a river."}
#: As JSON, which has no name for the first three; Python's `json` writes them all the same.
BAD = [
    *(
        "NaN",
        "Infinity",
        "-Infinity",
        '"NaN"',
        '"inf"',
        '"-Infinity"',
        "-1",
        "-0.5",
        '"-3"',
        "1e999",
    ),
    *('"many"', '"12 tokens"', "[]", "{}", '{"value": 5}', "[5]", "1.5", '"1.5"', str(2**31)),
]
#: Format -> a place of a count of tokens in its samples, and the field it is.
PLACES = {
    "litellm": "completion_tokens",
    "helicone": "completion_tokens",
    "portkey": "res_units",
    "cloudflare": "tokens_out",
    "envoy": "gen_ai.usage.output_tokens",
    "canonical": "output_tokens",
}


def dropped(metrics):
    return {
        sample.labels["field"]: sample.value
        for family in metrics.fields_dropped_total.collect()
        for sample in family.samples
        if sample.name.endswith("_total") and sample.value
    }


def with_(row, place, text):
    # Nothing else may say it.
    others = ("reasoning_tokens", "response", "/response")
    row = {key: value for key, value in row.items() if key != place and not key.startswith(others)}
    return json.dumps(row | {place: "@"}).replace('"@"', text).encode()


@pytest.mark.parametrize("format_", PLACES)
@pytest.mark.parametrize("text", BAD)
def test_it_costs_the_field(format_, text):
    metrics, place = Metrics(), PLACES[format_]
    # Envoy's first sample is of an older version.
    row = next((row for row in of(format_) if place in row), of(format_)[-1])
    value = with_(row, place, text)
    decoded = decode(value, b"[" + value + b"]", metrics=metrics)
    assert decoded.rejects == []
    assert len(decoded.events) == 2
    assert all(event.output_tokens is None for event in decoded.events)
    assert all(event.account_id and event.timestamp for event in decoded.events)
    if text not in {"NaN", "Infinity", "-Infinity", "1e999"}:
        assert dropped(metrics) == {"output_tokens": 2}


@pytest.mark.parametrize("text", BAD)
@pytest.mark.parametrize(
    "field",
    ["input_tokens", "cached_tokens", "reasoning_tokens", "status", "asn", "account_created_at"],
)
def test_it_costs_any_field_of_a_canonical_event(field, text):
    [event] = decode(with_(EVENT, field, text)).events
    found = known(event)
    possible = {1.5} if field == "account_created_at" else {2**31} if field == "asn" else set()
    assert found.pop(field, None) in {None, *possible}
    assert found == EVENT


@pytest.mark.parametrize("text", [*BAD, "true", '"yes"', '"x"'])
@pytest.mark.parametrize("field", ["duration_s", "temperature", "max_tokens", "stream", "logprobs"])
def test_whatever_a_client_writes_costs_no_event(field, text):
    [event] = decode(with_(EVENT, field, text)).events
    assert {name: getattr(event, name) for name in EVENT} == EVENT


@pytest.mark.parametrize("text", ['"5"', "5", "5.0", '" 5"', '"5.0"'])
def test_a_number_written_as_text_is_read(text):
    [event] = decode(with_(EVENT, "output_tokens", text)).events
    assert event.output_tokens == 5


@pytest.mark.parametrize("text", ["NaN", "-1", '"x"', "[]"])
@pytest.mark.parametrize("field", ["timestamp", "account_id", "model"])
def test_what_an_event_needs_is_still_needed(field, text):
    decoded = decode(with_(EVENT, field, text))
    if text == '"x"' and field != "timestamp":
        assert len(decoded.events) == 1
    else:
        assert len(decoded.rejects) == 1


def test_names_like_numbers_in_a_text_are_left_alone():
    value = json.dumps(EVENT | {"prompt": 'What is NaN, "Infinity" or -Infinity?'})
    value = value.replace("}", ', "output_tokens": NaN}')
    [event] = decode(value.encode()).events
    assert event.prompt == 'What is NaN, "Infinity" or -Infinity?'
    assert event.output_tokens is None


@given(st.dictionaries(st.sampled_from(OPTIONAL_FIELDS[:-1]), st.sampled_from(BAD), max_size=6))
def test_any_bad_fields_together_cost_only_themselves(bad):
    row = {name: f"@{name}" for name in bad}
    text = json.dumps(EVENT | row)
    for name, value in bad.items():
        text = text.replace(f'"@{name}"', value)
    decoded = decode(text.encode())
    assert decoded.rejects == []
    [event] = decoded.events
    assert (event.account_id, event.model, event.timestamp) == ("a", "m", 1.76e9)
    assert (event.account_created_at or 0) <= NOW


def test_the_metric_knows_every_optional_field():
    required = {"timestamp", "account_id", "model"}
    assert {*OPTIONAL_FIELDS} - {OVERFLOW} == {*RequestEvent.__struct_fields__} - required
