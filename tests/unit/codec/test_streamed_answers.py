"""Answers that a gateway logs as they were streamed: one text of their pieces."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.intake.codec.answers import answer_text

PIECES = ["The tide ", "follows\n", "the moon", "."]


def body(events: list[dict], *, named: bool = False) -> str:
    """Return a streamed body of these events."""
    names = [f"event: {one['type']}\n" if named else "" for one in events]
    lines = [f"{name}data: {json.dumps(one)}\n" for name, one in zip(names, events, strict=True)]
    return "\n".join([*lines, "data: [DONE]\n"])


OPENAI = body(
    [{"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]}]
    + [{"choices": [{"index": 0, "delta": {"content": piece}}]} for piece in PIECES]
    + [{"choices": [], "usage": {"completion_tokens": 4}}]
)
ANTHROPIC = body(
    [{"type": "message_start", "message": {"role": "assistant", "content": []}}]
    + [
        {"type": "content_block_delta", "delta": {"type": "text_delta", "text": piece}}
        for piece in PIECES
    ]
    + [{"type": "message_delta", "delta": {"stop_reason": "end_turn"}}],
    named=True,
)
RESPONSES = body(
    [{"type": "response.reasoning_summary_text.delta", "delta": "moon?"}]
    + [{"type": "response.output_text.delta", "delta": piece} for piece in PIECES],
    named=True,
)


@pytest.mark.parametrize("streamed", [OPENAI, ANTHROPIC, RESPONSES], ids=range(3))
def test_the_pieces_are_one_text(streamed):
    assert answer_text(streamed) == "".join(PIECES)
    assert answer_text(": keep-alive\n\n" + streamed.replace("\n", "\r\n")) == "".join(PIECES)


@pytest.mark.parametrize(
    "streamed", ["data: {}", 'data: {"a": 1}\n\ndata: [DONE]', "data: {\n\ndata: 1"]
)
def test_a_stream_without_text_is_no_answer(streamed):
    assert answer_text(streamed) is None


def test_an_answer_that_begins_like_a_stream_is_itself():
    assert answer_text("data: the plural of datum") == "data: the plural of datum"


BODIES = st.recursive(
    st.none() | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(st.sampled_from(["choices", "delta", "content", "text", "type"]), inner)
    ),
)


@given(st.text(), BODIES)
def test_whatever_is_streamed_is_text_or_nothing(text, value):
    for streamed in (f"data:{text}", f"data: {json.dumps(value)}\n\n{text}"):
        with suppress(UnicodeEncodeError):
            assert isinstance(answer_text(streamed), str | None)
