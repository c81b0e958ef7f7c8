"""What each gateway's records become, field by field, with the traps that it sets."""

from __future__ import annotations

import json

import pytest

from stream.metrics import Metrics
from testlib.traffic.gateway_samples import NOW, PROTOBUF, counts, decode, events, known, lines, of

TIME = 1_760_000_000.538
SYSTEM, PROMPT = "You answer in one sentence.", "Which sea lies between Denmark and Poland?"
TEXTS = {"system_prompt": SYSTEM, "prompt": PROMPT}
OPTIONS = {"temperature": 0.2, "max_tokens": 64, "logprobs": True}
COUNTS = {"input_tokens": 140, "output_tokens": 21, "cached_tokens": 64, "reasoning_tokens": 5}
CALL = {"timestamp": TIME, "model": "gpt-4o", "operation": "chat", "status": 200}
CLIENT = {"client_ip": "203.0.113.7", "user_agent": "OpenAI/Python 1.99.1"}
LATENCY = {"duration_s": pytest.approx(1.173)}


def test_kong():
    common = CALL | CLIENT | LATENCY | {"request_id": "6f2c1f3a9d0b4e55"}
    current, older, documented, streamed = events(*of("kong"))
    assert current == common | COUNTS | TEXTS | OPTIONS | {
        "account_id": "customer-42",
        "api_key_id": "cred-81",
        "stream": False,
    }
    assert older == common | {"account_id": "acme", "input_tokens": 89, "output_tokens": 56}
    assert documented == common | TEXTS | OPTIONS | {
        "account_id": "customer-42",
        "api_key_id": "cred-81",
        "input_tokens": 28,
        "output_tokens": 20,
    }
    assert (streamed["stream"], "prompt" in streamed) == (True, False)


def test_apisix():
    common = CALL | CLIENT | {"duration_s": pytest.approx(1.173, rel=1e-6), "account_id": "acme"}
    plain, as_text, anthropic, logged = events(*of("apisix"))
    assert plain == common | COUNTS | {"stream": False}
    assert as_text == common | TEXTS | {
        "input_tokens": 140,
        "output_tokens": 21,
        "stream": True,
        "response": "The Baltic Sea.",
    }
    # Anthropic's 25 tokens of input, 100 read from the cache and 15 written to it.
    assert (anthropic["input_tokens"], anthropic["cached_tokens"]) == (140, 100)
    assert logged == common | COUNTS | TEXTS | OPTIONS | {"account_id": "u-7", "stream": False}


def test_envoy():
    older, newer = events(*of("envoy"))
    assert older == CALL | {
        "account_id": "customer-42",
        "organization_id": "customer-42",
        "model": "gpt-4o-mini",
        "request_id": "83b63da3-45a9-4196-98b8-1a7f697d6d8d",
        "client_ip": "203.0.113.7",
        "user_agent": "curl/8.7.1",
        "input_tokens": 15,
        "output_tokens": 7,
        "duration_s": 1.526,
    }
    # The client claims the first hop; the last is a balancer inside.
    assert newer["client_ip"] == "93.184.215.14"
    assert (newer["account_id"], newer["organization_id"]) == ("u-7", "customer-42")
    assert (newer["cached_tokens"], newer["reasoning_tokens"], newer["status"]) == (8, 3, 429)


def test_portkey():
    flat, nested = events(*of("portkey"))
    assert flat == CALL | LATENCY | COUNTS | TEXTS | OPTIONS | {
        "account_id": "customer-42",
        "api_key_id": "openai-prod",
        "request_id": "0b0c9a52",
        "stream": False,
    }
    assert (nested["account_id"], nested["timestamp"]) == ("customer-42", TIME)
    assert (nested["input_tokens"], nested["cached_tokens"]) == (140, 100)
    assert (nested["status"], nested["stream"], nested["prompt"]) == (500, True, PROMPT)


def test_helicone():
    row, cached, message = events(*of("helicone"))
    assert row == CALL | LATENCY | COUNTS | TEXTS | OPTIONS | {
        "account_id": "customer-42",
        "api_key_id": "12",
        "model": "gpt-4o-2024-08-06",
        "request_id": "9a0c",
        "country": "DE",
    }
    assert (cached["timestamp"], cached["status"], cached["operation"]) == (TIME, 429, "embeddings")
    assert (cached["model"], cached["input_tokens"]) == ("gpt-4o", 0)
    assert message == CALL | LATENCY | {
        "account_id": "customer-42",
        "api_key_id": "12",
        "request_id": "9a0e",
        "country": "DE",
        "stream": True,
    }


def test_cloudflare():
    logged, failed = events(*of("cloudflare"))
    assert logged == CALL | LATENCY | {
        "account_id": "customer-42",
        "organization_id": "search",
        "request_id": "01J9ZQ0C7P",
        "input_tokens": 140,
        "output_tokens": 21,
    }
    assert (failed["account_id"], failed["status"], failed["prompt"]) == ("7", 500, PROMPT)


def test_spans():
    found = events(*of("otlp"))
    (
        current,
        failed,
        old,
        by_event,
        embedding,
        structured,
        llmetry,
        inference,
        cloudflare,
        portkey,
    ) = found
    tenant = {"account_id": "customer-42", "organization_id": "customer-42"}
    assert current == CALL | CLIENT | LATENCY | COUNTS | TEXTS | tenant | {
        "request_id": "chatcmpl-1",
        "temperature": 0.2,
        "max_tokens": 64,
        "stream": False,
    }
    assert (failed["account_id"], failed["status"], "input_tokens" in failed) == ("u-7", 429, False)
    for one in (old, by_event, structured, llmetry, inference, cloudflare):
        assert one["prompt"] == PROMPT
        assert one["system_prompt"] == SYSTEM
        assert (one["input_tokens"], one["output_tokens"], one["status"]) == (140, 21, 200)
    assert (old["max_tokens"], old["account_id"]) == (64, "u-7")
    assert embedding["operation"] == "embeddings"
    assert structured["cached_tokens"] == 100
    assert (llmetry["account_id"], llmetry["stream"], llmetry["operation"]) == (
        "customer-42",
        True,
        "chat",
    )
    assert inference == inference | COUNTS | OPTIONS | {"account_id": "customer-42"}
    assert (cloudflare["account_id"], cloudflare["organization_id"]) == ("customer-42", "search")
    assert portkey["status"] == 503


def test_spans_as_protobuf_are_the_same_spans():
    as_json = decode(*lines("otlp_genai_traces.jsonl"))
    binary = decode(PROTOBUF)
    assert binary.rejects == []
    assert [known(event) for event in binary.events] == [known(event) for event in as_json.events]
    assert binary.ignored == as_json.ignored == 3
    assert binary.offsets == [0] * len(binary.events)


def test_nginx_by_a_mapping():
    [call] = decode(lines("nginx_access.jsonl")[0]).events
    assert known(call) == CALL | CLIENT | LATENCY | {
        "account_id": "customer-42",
        "request_id": "83b63da3",
        "input_tokens": 140,
        "output_tokens": 21,
        "cached_tokens": 64,
    }


@pytest.mark.parametrize("format_", ["kong", "apisix", "envoy"])
def test_what_is_no_call_of_a_model_is_ignored_and_counted(format_):
    metrics = Metrics()
    other = next(record for record in of(format_, other=True) if record not in of(format_))
    decoded = decode(json.dumps(other).encode(), metrics=metrics)
    assert (decoded.events, decoded.rejects, decoded.ignored) == ([], [], 1)
    assert counts(metrics) == {(format_, "ignored"): 1}
    # In an array as well, between calls of a model.
    call = of(format_)[0]
    assert len(events([call, other, call], metrics=metrics)) == 2


@pytest.mark.parametrize("file", ["kong_other.jsonl", "nginx_access.jsonl"])
def test_callers_turned_away_at_the_door_are_no_sign_of_a_broken_deployment(file):
    decoded = decode(lines(file)[1])
    assert [reject.reason for reject in decoded.rejects] == ["not_a_request"]
    assert decoded.invalid == 0


@pytest.mark.parametrize("format_", ["kong", "apisix", "portkey", "helicone", "cloudflare", "otlp"])
def test_what_goes_by_in_arrays_and_lines_is_the_same(format_):
    rows = of(format_)
    array = json.dumps(rows).encode()
    by_line = "\n".join(map(json.dumps, rows)).encode()
    apart = decode(*(json.dumps(row).encode() for row in rows))
    for together in (decode(array), decode(by_line)):
        assert together.rejects == []
        assert [known(event) for event in together.events] == [known(e) for e in apart.events]


def test_no_time_is_taken_from_the_broker():
    # APISIX's Kafka client writes -1.
    assert events(of("apisix")[0])[0]["timestamp"] < NOW
