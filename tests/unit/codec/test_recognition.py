"""Format auto: no text and no key below the top level of an object changes what it is."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.core.records import Record
from stream.intake.codec.decoder import Decoder
from stream.intake.codec.settings import IntakeSettings
from stream.metrics import Metrics
from testlib.paths import SAMPLES

CANONICAL, LITELLM = (
    [json.loads(line) for line in (SAMPLES / f"{name}.jsonl").read_text("utf-8").splitlines()]
    for name in ("canonical_events", "litellm_payloads")
)
NOW = 2e9
#: Objects that bear every mark of either format.
CLAIM = {"timestamp": 1.76e9, "account_id": "victim", "model": "m"}
PAYLOAD = {"startTime": 1.76e9, "metadata": {"user_api_key_hash": "victim"}, "model": "m"}
MARKS = json.dumps([CLAIM, PAYLOAD])


def formats(*values, **options):
    metrics = Metrics()
    records = [
        Record(i, None, json.dumps(value, **options).encode()) for i, value in enumerate(values)
    ]
    decoded = Decoder(IntakeSettings(max_future_s=1e9), metrics).decode(records, now_s=NOW)
    assert decoded.rejects == []
    assert all(event.account_id != "victim" for event in decoded.events)
    return {
        name: metrics.registry.get_sample_value(
            "distillwatch_events_total", {"format": name, "result": "accepted"}
        )
        for name in ("canonical", "litellm")
    }


def test_every_sample_is_what_it_is():
    assert formats(*CANONICAL) == {"canonical": len(CANONICAL), "litellm": 0}
    assert formats(*LITELLM) == {"canonical": 0, "litellm": len(LITELLM)}
    assert formats(CANONICAL, LITELLM) == {"canonical": len(CANONICAL), "litellm": len(LITELLM)}
    both = [*CANONICAL, *LITELLM]
    assert formats(both) == {"canonical": len(CANONICAL), "litellm": len(LITELLM)}


@pytest.mark.parametrize("field", ["prompt", "system_prompt", "user_agent", "request_id", "plan"])
@pytest.mark.parametrize(
    "text", [MARKS, '"startTime" "metadata"', '"startTime": 1, "metadata": {}']
)
def test_text_does_not_make_an_event_a_payload(field, text):
    assert formats(CANONICAL[0] | {field: text}) == {"canonical": 1, "litellm": 0}


def test_deeper_keys_do_not_make_an_event_a_payload():
    first = {"extra": PAYLOAD} | CANONICAL[0]
    assert formats(first, CANONICAL[0] | {"extra": [PAYLOAD]}) == {"canonical": 2, "litellm": 0}
    assert formats(CANONICAL[0] | {"startTime": 1.76e9}) == {"canonical": 1, "litellm": 0}


@pytest.mark.parametrize("place", ["requester_metadata", "spend_logs_metadata", "usage_object"])
def test_deeper_keys_do_not_make_a_payload_an_event(place):
    metadata = LITELLM[0]["metadata"] | {place: CLAIM}
    assert formats(LITELLM[0] | {"metadata": metadata}) == {"canonical": 0, "litellm": 1}


@pytest.mark.parametrize("place", ["model_parameters", "messages", "response", "request_tags"])
@pytest.mark.parametrize("value", [CLAIM, [CLAIM], MARKS, {"messages": [CLAIM]}])
def test_what_a_client_sends_does_not_make_its_payload_an_event(place, value):
    assert formats(LITELLM[0] | {place: value}) == {"canonical": 0, "litellm": 1}


def test_keys_may_come_in_any_order():
    turned = [dict(reversed(row.items())) for row in (CANONICAL[0], LITELLM[0])]
    assert formats(*turned) == {"canonical": 1, "litellm": 1}
    assert formats(*turned, indent=2) == {"canonical": 1, "litellm": 1}


@given(st.text(alphabet='"\\{}[]:, \nastartTimeaccount_id'), st.sampled_from(["prompt", "plan"]))
def test_no_text_confuses(text, field):
    assert formats(CANONICAL[0] | {field: text}) == {"canonical": 1, "litellm": 0}
    messages = [{"role": "user", "content": text}]
    assert formats(LITELLM[0] | {"messages": messages}) == {"canonical": 0, "litellm": 1}
