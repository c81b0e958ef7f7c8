"""The first question and answer of a context, in every shape that clients and gateways write."""

from __future__ import annotations

import json

import pytest

from stream.intake.codec.answers import answer_text
from stream.intake.codec.messages import MOST_MESSAGES, first_turn
from testlib.traffic.gateway_samples import events, of

ASKED, ANSWER = "Name a river in Asia.", "The Lena, which is as long as the Congo."
USER = {"role": "user", "content": ASKED}
ASSISTANT = {"role": "assistant", "content": ANSWER}
NEXT = {"role": "user", "content": "And one in Africa?"}

SHAPES = [
    [USER, ASSISTANT, NEXT],
    [{"role": "system", "content": "Be brief."}, USER, ASSISTANT, NEXT],
    [{"content": ASKED}, {"role": "Assistant", "content": ANSWER}, NEXT],
    [USER, {"role": "assistant", "content": [{"type": "text", "text": ANSWER}]}, NEXT],
    [USER, {"role": "assistant", "content": [{"type": "output_text", "text": ANSWER}]}, NEXT],
    [USER, {"role": "assistant", "parts": [{"type": "text", "content": ANSWER}]}, NEXT],
    # A tool is called first, and its result comes as a user's message.
    [
        USER,
        {"role": "assistant", "content": [{"type": "tool_use", "id": "1", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "content": "3"}]},
        ASSISTANT,
    ],
    [USER, {"role": "assistant", "content": None, "tool_calls": []}, ASSISTANT, NEXT],
    # The question is the one that was answered, as it was the latest at that time.
    [{"role": "user", "content": "Here is an atlas."}, USER, ASSISTANT, NEXT],
    {"system": "Be brief.", "messages": [USER, ASSISTANT, NEXT]},
    {"contents": [
        {"role": "user", "parts": [{"text": ASKED}]}, {"role": "model", "parts": [{"text": ANSWER}]}
    ]},
    {"input": [USER, {"type": "message", "role": "assistant", "content": ANSWER}, NEXT]},
]  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: json.dumps(shape)[:60])
def test_all_shapes_have_one_first_turn(shape):
    assert first_turn(shape) == (ASKED, ANSWER)


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: json.dumps(shape)[:60])
@pytest.mark.parametrize("as_text", [False, True])
def test_events_of_every_way_into_the_codec_have_it(shape, as_text):
    messages = json.dumps(shape) if as_text else shape
    canonical = {"timestamp": 1.76e9, "account_id": "a", "model": "m", "messages": messages}
    for row in (canonical, of("litellm")[0] | {"messages": messages}):
        [event] = events(row)
        assert (event["first_prompt"], event["first_answer"]) == (ASKED, ANSWER)


@pytest.mark.parametrize(
    "shape",
    [[USER], [ASSISTANT, USER], [], None, 5, "text", [USER, 5, None], [{"role": 5}], {}, [[USER]],
     [USER, {"role": "assistant", "content": {"x": 1}}]],
)  # fmt: skip
def test_without_an_answer_to_a_question_there_is_none(shape):
    assert first_turn(shape) == (None, None)


def test_only_so_many_messages_of_an_endless_conversation_are_read():
    silent = {"role": "assistant", "content": None}
    assert first_turn([USER, *[silent] * (MOST_MESSAGES - 2), ASSISTANT]) == (ASKED, ANSWER)
    assert first_turn([USER, *[silent] * (MOST_MESSAGES - 1), ASSISTANT]) == (None, None)


RESPONSES = [
    ANSWER,
    {"choices": [{"message": {"role": "assistant", "content": ANSWER}}], "usage": {}},
    {"choices": [{"text": ANSWER}]},
    {"content": [{"type": "text", "text": ANSWER}], "role": "assistant"},
    {"output": [{"type": "reasoning", "summary": []},
                {"type": "message", "role": "assistant",
                 "content": [{"type": "output_text", "text": ANSWER}]}]},
    {"candidates": [{"content": {"role": "model", "parts": [{"text": ANSWER}]}}]},
    {"output": {"message": {"role": "assistant", "content": [{"text": ANSWER}]}}},
    {"message": {"role": "assistant", "content": ANSWER}},
    {"response": ANSWER},
    [{"role": "assistant", "parts": [{"type": "text", "content": ANSWER}], "index": 0}],
]  # fmt: skip


def _as_text(response):
    return response if isinstance(response, str) else json.dumps(response)


@pytest.mark.parametrize("response", RESPONSES, ids=lambda shape: json.dumps(shape)[:60])
def test_all_shapes_of_a_response_have_one_text(response):
    assert answer_text(response) == answer_text(_as_text(response)) == ANSWER
    [event] = events(of("litellm")[0] | {"response": response})
    assert event["response"] == ANSWER


@pytest.mark.parametrize(
    "response", [None, "", 5, [], {}, {"choices": []}, {"choices": [5]}, [{"text": "x"}], [[]]]
)
def test_other_responses_have_no_text(response):
    assert answer_text(response) is None
