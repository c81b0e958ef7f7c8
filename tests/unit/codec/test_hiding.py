"""Nothing that a client writes into its request makes LiteLLM's payload of it a dead letter.

LiteLLM logs these fields as the client sent them; a client that could have its payloads refused
would go unseen, and enough of them would stop the worker.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from stream.core.records import Record
from stream.intake.codec.decoder import Decoder
from stream.intake.codec.settings import IntakeSettings
from stream.metrics import Metrics

SAMPLES = Path(__file__).parents[2] / "samples" / "litellm_payloads.jsonl"
SUCCESS = json.loads(SAMPLES.read_text().splitlines()[0])
ODD = [None, 0, 1, -1, 1.5, True, "", "x", "true", [], [1], {}, {"a": [None]}, 10**40, -0.001]


def event(change):
    values = [SUCCESS | change]
    records = [Record(i, None, json.dumps(value).encode()) for i, value in enumerate(values)]
    decoded = Decoder(IntakeSettings(), Metrics()).decode(records, now_s=SUCCESS["endTime"])
    assert decoded.rejects == []
    [found] = decoded.events
    return found


@pytest.mark.parametrize("value", ODD, ids=lambda value: repr(value)[:12])
@pytest.mark.parametrize(
    "field",
    [
        *("stream", "end_user", "model", "model_group", "id", "user_agent"),
        *("requester_ip_address", "messages", "model_parameters", "error_information"),
    ],
)
def test_a_field_of_the_client_may_hold_anything(field, value):
    found = event({field: value})
    assert found.account_id == SUCCESS["metadata"]["user_api_key_hash"]
    assert type(found.stream) is bool
    assert type(found.model) is str


@pytest.mark.parametrize("value", ODD, ids=lambda value: repr(value)[:12])
def test_so_may_what_depends_on_clocks_and_callers(value):
    assert event({"response_time": value}).timestamp == SUCCESS["startTime"]


@pytest.mark.parametrize(
    ("value", "stream"), [(True, True), (1, True), ("true", True), (0, False), (None, False)]
)
def test_stream_is_what_is_true(value, stream):
    assert event({"stream": value}).stream is stream


def test_the_model_is_the_first_name_that_there_is():
    assert event({"model_group": ["x"], "model": "openai/m"}).model == "openai/m"
    assert event({"model_group": 5, "model": None}).model == ""
