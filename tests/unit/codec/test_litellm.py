"""LiteLLM's payloads, with the traps that its proxy sets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from stream.core.records import Record
from stream.intake.codec.decoder import Decoder
from stream.intake.codec.settings import IntakeSettings
from stream.metrics import Metrics

if TYPE_CHECKING:
    from stream.intake.codec.decoded import Decoded
    from stream.intake.codec.event import RequestEvent

SAMPLES = Path(__file__).parents[2] / "samples" / "litellm_payloads.jsonl"
SUCCESS, FAILURE, RESPONSES, EMBEDDING = map(json.loads, SAMPLES.read_text().splitlines())


def decode(payload: dict[str, Any], **changes: Any) -> Decoded:
    decoder = Decoder(IntakeSettings(**changes), Metrics())
    return decoder.decode([Record(0, None, json.dumps(payload).encode())], now_s=1.77e9)


def event(payload: dict[str, Any], **changes: Any) -> RequestEvent:
    decoded = decode(payload, **changes)
    assert decoded.rejects == []
    return decoded.events[0]


def with_messages(messages: object) -> tuple[str | None, str | None]:
    found = event(SUCCESS | {"messages": messages})
    return found.system_prompt, found.prompt


def test_a_successful_call() -> None:
    found = event(SUCCESS)
    assert found.timestamp == SUCCESS["startTime"]
    assert found.account_id == found.api_key_id == SUCCESS["metadata"]["user_api_key_hash"]
    assert found.model == "gpt-4o-mini"
    assert found.organization_id == "team-1"
    assert found.client_ip == "203.0.113.7"
    assert found.operation == "chat"
    assert (found.input_tokens, found.output_tokens) == (25, 12)
    assert (found.cached_tokens, found.reasoning_tokens) == (8, 4)
    assert (found.status, found.duration_s, found.stream) == (200, 1.4, False)
    assert (found.temperature, found.max_tokens, found.logprobs) == (0.2, 64, True)
    assert found.system_prompt == "You answer in one sentence."
    assert found.prompt == "And how deep is it in the middle?"


def test_a_failed_call_has_a_status_and_no_tokens() -> None:
    found = event(FAILURE)
    assert (found.status, found.input_tokens, found.cached_tokens) == (429, 0, None)
    assert found.stream is True


@pytest.mark.parametrize("code", ["", None, "ABC", {"x": 1}, "²", "9" * 40, -1, True])
def test_a_failure_without_a_number_is_still_a_failure(code: object) -> None:
    assert event(FAILURE | {"error_information": {"error_code": code}}).status == 500


def test_other_interfaces() -> None:
    responses, embedding = event(RESPONSES), event(EMBEDDING)
    assert (responses.operation, responses.prompt) == ("chat", "Explain tides to a child.")
    assert (responses.max_tokens, responses.temperature) == (300, None)
    assert (embedding.operation, embedding.prompt) == ("embeddings", "first text\nsecond text")


def test_the_account_is_the_identity_that_was_asked_for() -> None:
    assert event(SUCCESS, account="user").account_id == "user-7"
    assert event(SUCCESS, account="team").account_id == "team-1"
    metadata = SUCCESS["metadata"] | {"user_api_key_hash": None}
    assert event(SUCCESS | {"metadata": metadata}).account_id == "user-7"


def test_nobody_is_not_an_account() -> None:
    nobody = {"metadata": {}, "end_user": None}
    (stranger,) = decode(FAILURE | nobody).rejects
    assert stranger.reason == "not_a_request"
    assert decode(FAILURE | nobody).invalid == 0
    (broken,) = decode(SUCCESS | nobody).rejects
    assert broken.reason == "missing_field"
    assert decode(SUCCESS | nobody).invalid == 1


def test_a_client_cannot_choose_the_format_or_the_account() -> None:
    metadata = SUCCESS["metadata"] | {"requester_metadata": {"account_id": "x", "timestamp": 1}}
    found = event(SUCCESS | {"metadata": metadata})
    assert found.account_id == SUCCESS["metadata"]["user_api_key_hash"]


@pytest.mark.parametrize(
    "messages",
    [
        None,
        5,
        [],
        {},
        [None],
        [[]],
        [1, "x"],
        [{"role": ["user"], "content": "x"}],
        [{"role": "user"}],
        [{"role": "user", "content": {"image": "x"}}],
        [{"role": "user", "content": [{"text": ["x"]}, {"type": "image"}, None]}],
        {"messages": {"messages": []}},
        "redacted-by-litellm",
        [{"role": "user", "content": "redacted-by-litellm"}],
    ],
)
def test_messages_of_no_known_shape_give_no_text(messages: object) -> None:
    assert with_messages(messages) == (None, None)


def test_the_text_is_that_of_the_latest_user_message_with_any() -> None:
    assert with_messages(
        [
            {"role": "developer", "content": [{"type": "text", "text": "be brief"}]},
            {"role": "user", "content": "first"},
            {"role": "user", "content": "second"},
            {"role": "assistant", "content": None},
            {"role": "user", "content": [{"type": "tool_result", "content": "7"}]},
        ]
    ) == ("be brief", "second")
    assert with_messages({"messages": [{"role": "user", "content": "x"}]}) == (None, "x")


@pytest.mark.parametrize("odd", [None, 5, "x", [], {"temperature": [], "max_tokens": "many"}])
def test_odd_parameters_and_usage_are_left_out(odd: object) -> None:
    found = event(
        SUCCESS | {"model_parameters": odd, "metadata": SUCCESS["metadata"] | {"usage_object": odd}}
    )
    assert (found.temperature, found.max_tokens, found.cached_tokens) == (None, None, None)


def test_older_and_newer_payloads_are_read() -> None:
    needed = ("startTime", "metadata", "status", "model")
    assert event({name: SUCCESS[name] for name in needed}).model == "openai/gpt-4o-mini"
    assert event(SUCCESS | {"brand_new": {"x": [1]}, "startTime": "2025-10-09T08:53:20.5Z"})
