"""What is optional for a client is optional: roles, lists around one message or part, names."""

from __future__ import annotations

import json

import pytest

from stream.intake.codec.messages import texts, written
from testlib.traffic.gateway_samples import events, of

ASKED, TOLD = "Name a river in Asia.", "Be brief."
USER = {"role": "user", "content": ASKED}
SYSTEM = {"role": "system", "content": TOLD}

#: Messages and bodies that mean the same: a system prompt and a question.
BOTH = [
    [SYSTEM, USER],
    [{"role": "developer", "content": TOLD}, USER],
    [{"role": "System", "content": TOLD}, {"role": "USER", "content": ASKED}],
    [SYSTEM, {"content": ASKED}],
    [SYSTEM, {"role": None, "content": ASKED}],
    [SYSTEM, {"role": "human", "content": ASKED}],
    [SYSTEM, {"role": "user", "content": {"text": ASKED}}],
    [SYSTEM, {"role": "user", "content": {"type": "text", "text": ASKED}}],
    [SYSTEM, {"role": "user", "content": [ASKED]}],
    [SYSTEM, {"role": "user", "content": None, "parts": [{"text": ASKED}]}],
    [SYSTEM, {"role": "user", "parts": {"text": ASKED}}],
    [SYSTEM, {"role": "user", "parts": [{"type": "text", "content": ASKED}]}],
    [SYSTEM, {"role": "user", "message": ASKED}],
    [SYSTEM, {"type": "message", "content": [{"type": "input_text", "text": ASKED}]}],
    [SYSTEM, USER, {"type": "function_call_output", "output": "7", "content": "7"}],
    [SYSTEM, USER, {"type": "reasoning", "content": [{"type": "reasoning_text", "text": "hm"}]}],
    {"system": TOLD, "messages": [USER]},
    {"system": [{"type": "text", "text": TOLD}], "messages": [USER]},
    {"system": {"text": TOLD}, "messages": USER},
    {"instructions": TOLD, "input": ASKED},
    {"instructions": TOLD, "input": USER},
    {"instructions": TOLD, "input": [{"content": ASKED}]},
    {"systemInstruction": {"parts": [{"text": TOLD}]}, "contents": [{"parts": [{"text": ASKED}]}]},
    {"systemInstruction": {"parts": {"text": TOLD}}, "contents": {"parts": {"text": ASKED}}},
    {"system_instruction": TOLD, "contents": ASKED},
    {"preamble": TOLD, "message": ASKED, "chat_history": []},
    {"system": TOLD, "messages": None, "prompt": ASKED},
    {"system": TOLD, "inputText": ASKED},
]


@pytest.mark.parametrize("shape", BOTH, ids=lambda shape: json.dumps(shape)[:60])
def test_shapes_that_mean_the_same(shape):
    assert texts(shape) == written(json.dumps(shape)) == (TOLD, ASKED)


@pytest.mark.parametrize("shape", BOTH, ids=lambda shape: json.dumps(shape)[:60])
@pytest.mark.parametrize("as_text", [False, True])
def test_a_gateways_log_has_them_as_the_client_sent_them(shape, as_text):
    messages = json.dumps(shape) if as_text else shape
    [event] = events(of("litellm")[0] | {"messages": messages})
    assert (event["system_prompt"], event["prompt"]) == (TOLD, ASKED)


@pytest.mark.parametrize("shape", BOTH, ids=lambda shape: json.dumps(shape)[:60])
def test_so_has_a_canonical_event(shape):
    row = {"timestamp": 1.76e9, "account_id": "a", "model": "m", "messages": shape}
    [event] = events(row | {"response": "The Lena."})
    assert (event["system_prompt"], event["prompt"]) == (TOLD, ASKED)
    assert "messages" not in event
    [given] = events(row | {"prompt": "Another?", "system_prompt": "Shout."})
    assert (given["system_prompt"], given["prompt"]) == ("Shout.", "Another?")


@pytest.mark.parametrize("response", [None, "x", 5, [], {"choices": []}, [{"text": "x"}]])
def test_a_response_of_any_shape_is_accepted(response):
    row = {"timestamp": 1.76e9, "account_id": "a", "model": "m", "response": response}
    assert len(events(row)) == 1


@pytest.mark.parametrize(
    "odd",
    [5, True, [5], [None, []], {"messages": 5}, {"contents": {"x": 1}}, [{"role": 5}], "", [{}]],
)
def test_what_has_no_text_gives_none_and_costs_nothing(odd):
    assert texts(odd) == (None, None)
    row = {"timestamp": 1.76e9, "account_id": "a", "model": "m", "messages": odd}
    [event] = events(row)
    assert "prompt" not in event


def test_the_latest_question_counts_and_no_answer_does():
    turns = [{"content": "one"}, {"role": "model", "parts": [{"text": "two"}]}, {"content": ASKED}]
    assert texts([*turns, {"role": "assistant", "content": "three"}]) == (None, ASKED)
