"""What the module for LiteLLM hides: reasoning, in each interface, whole and streamed."""

from __future__ import annotations

import copy
import json
from types import SimpleNamespace

import pytest

import distillwatch_litellm
from testlib.decisions import proposal
from testlib.litellm_module import Proxy

TEXT = {"type": "text", "text": "42"}


def thing(**parts):
    return SimpleNamespace(**parts)


def hiding():
    return Proxy(proposal(action="hide_reasoning"))


def chat(message, name="message"):
    return thing(id="a", choices=[thing(index=0, **{name: message})])


CLEAN = thing(content="42", role="assistant")
WHOLE = thing(
    content="42",
    role="assistant",
    reasoning_content="six times seven",
    thinking_blocks=[{"thinking": "six"}],
    reasoning="six",
)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (chat(WHOLE), chat(CLEAN)),
        (chat(WHOLE, "delta"), chat(CLEAN, "delta")),
        (
            chat(thing(content="42", provider_specific_fields={"reasoning": "six", "a": 1})),
            chat(thing(content="42", provider_specific_fields={"a": 1})),
        ),
        (
            {"choices": [{"message": {"content": "42", "reasoning_content": "six"}}]},
            {"choices": [{"message": {"content": "42"}}]},
        ),
        (
            {"content": [{"type": "thinking", "thinking": "six"}, TEXT], "usage": {}},
            {"content": [TEXT], "usage": {}},
        ),
        (
            chat(thing(content=[{"type": "thinking", "thinking": "six"}, TEXT])),
            chat(thing(content=[TEXT])),
        ),
        (
            thing(output=[thing(type="reasoning"), thing(type="message")]),
            thing(output=[thing(type="message")]),
        ),
    ],
)
async def test_reasoning_is_taken_out_of_a_copy(answer, expected):
    proxy, before = hiding(), copy.deepcopy(answer)
    assert await proxy.answer("acc-1", answer) == expected
    assert answer == before  # LiteLLM's cache and log may have it
    assert await proxy.answer("acc-2", answer) is answer
    assert proxy.counted == {"changed hide_reasoning": 1}


@pytest.mark.parametrize("answer", [None, 7, "text", [], {}, {"choices": 5}, chat(None), thing()])
async def test_answers_without_reasoning_pass_as_they_are(answer):
    proxy = hiding()
    assert await proxy.answer("acc-1", answer) is answer
    assert proxy.counted == {}
    assert proxy.handler.faults.total == 0


async def test_a_streamed_chat_loses_its_reasoning_and_nothing_else():
    proxy = hiding()
    pieces = [
        chat(thing(content=None, reasoning_content="six"), "delta"),
        chat(thing(content="42"), "delta"),
    ]
    found = await proxy.stream("acc-1", *pieces)
    assert found == [chat(thing(content=None), "delta"), pieces[1]]
    assert proxy.counted == {"changed hide_reasoning": 1}


async def test_a_stream_of_another_account_is_the_given_one():
    stream = object()
    hook = hiding().handler.async_post_call_streaming_iterator_hook
    assert hook(thing(api_key="acc-2"), stream, {}) is stream


def frame(kind, **data):
    return f"event: {kind}\ndata: {json.dumps({'type': kind} | data)}\n\n".encode()


def message(*blocks):
    """Return a streamed answer of Anthropic's interface with blocks of these types."""
    frames = [frame("message_start", message={"content": []})]
    for index, kind in enumerate(blocks):
        frames += [
            frame("content_block_start", index=index, content_block={"type": kind}),
            frame("content_block_delta", index=index, delta={"type": f"{kind}_delta"}),
            frame("content_block_stop", index=index),
        ]
    return b"".join([*frames, frame("message_stop")])


@pytest.mark.parametrize("size", [1, 7, 100, 10_000])
async def test_a_streamed_message_is_as_if_there_had_been_no_reasoning(size):
    proxy = hiding()
    given = message("thinking", "text", "redacted_thinking", "tool_use")
    pieces = [given[at : at + size] for at in range(0, len(given), size)]
    assert b"".join(await proxy.stream("acc-1", *pieces)) == message("text", "tool_use")
    assert proxy.counted == {"changed hide_reasoning": 1}


@pytest.mark.parametrize("end", [1, 2, 20])
async def test_a_streamed_message_that_ends_early_has_no_reasoning_in_its_end(end):
    proxy = hiding()
    delta = {"delta": {"type": "thinking_delta", "thinking": "secret secret secret"}, "index": 0}
    given = message("thinking").partition(b"event: content_block_delta")[0]
    kept = await proxy.stream("acc-1", given, frame("content_block_delta", **delta)[:-end])
    assert b"secret" not in b"".join(kept)


async def test_a_streamed_message_as_objects_is_treated_as_one_of_frames():
    proxy = hiding()
    start = {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking"}}
    delta = {"type": "content_block_delta", "index": 0, "delta": {"thinking": "secret"}}
    text = {"type": "content_block_delta", "index": 1, "delta": {"text": "hi"}}
    assert await proxy.stream("acc-1", start, delta, text) == [text | {"index": 0}]


async def test_a_streamed_message_that_is_no_event_passes():
    proxy = hiding()
    pieces = [b"data: {\n\n", b'data: {"index"\n\n', b'data: ["index"]\n\n', b"data: [DONE]"]
    assert b"".join(await proxy.stream("acc-1", *pieces)) == b"".join(pieces)
    assert proxy.handler.faults.total == 0


async def test_a_frame_without_end_is_not_kept(monkeypatch):
    monkeypatch.setattr(distillwatch_litellm, "MOST_FRAME", 10)
    proxy, pieces = hiding(), [b"data: 1", b"23456789", b"0\n\n"]
    assert await proxy.stream("acc-1", *pieces) == [b"data: 123456789", b"0\n\n"]


def event(kind, index=None, **parts):
    return {"type": f"response.{kind}", "output_index": index} | parts


async def test_a_streamed_response_is_as_if_there_had_been_no_reasoning():
    proxy = hiding()
    reasoning, text = {"type": "reasoning"}, {"type": "message"}
    found = await proxy.stream(
        "acc-1",
        event("created", response={"output": []}),
        event("output_item.added", 0, item=reasoning),
        event("reasoning_summary_text.delta", 0, delta="six"),
        event("output_item.done", 0, item=reasoning),
        event("output_item.added", 1, item=text),
        event("output_text.delta", 1, delta="42"),
        event("completed", response={"output": [reasoning, text]}),
    )
    assert found == [
        event("created", response={"output": []}),
        event("output_item.added", 0, item=text),
        event("output_text.delta", 0, delta="42"),
        event("completed", response={"output": [text]}),
    ]
    assert proxy.counted == {"changed hide_reasoning": 1}
