"""Cache tokens are counted in one way, whoever reports them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.intake.codec.event import MAX_COUNT
from stream.intake.codec.usage import usage

# The same call, 25 tokens new, 100 read from a cache and 15 written to one: from the API references
# of OpenAI and Anthropic.
CHAT = {
    "prompt_tokens": 140,
    "completion_tokens": 21,
    "total_tokens": 161,
    "prompt_tokens_details": {"cached_tokens": 100, "audio_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 5, "accepted_prediction_tokens": 0},
}
RESPONSES = {
    "input_tokens": 140,
    "input_tokens_details": {"cached_tokens": 100},
    "output_tokens": 21,
    "output_tokens_details": {"reasoning_tokens": 5},
    "total_tokens": 161,
}
ANTHROPIC = {
    "input_tokens": 25,
    "cache_read_input_tokens": 100,
    "cache_creation_input_tokens": 15,
    "cache_creation": {"ephemeral_5m_input_tokens": 15, "ephemeral_1h_input_tokens": 0},
    "output_tokens": 21,
    "service_tier": "standard",
}
# Of a proxy that speaks OpenAI's language for Anthropic: both ways in one.
BOTH = CHAT | {"cache_read_input_tokens": 100, "cache_creation_input_tokens": 15}


@pytest.mark.parametrize("block", [CHAT, RESPONSES, ANTHROPIC, BOTH, json.dumps(ANTHROPIC)])
def test_the_same_call_has_the_same_counts(block):
    found = usage(block)
    assert (found["input_tokens"], found["output_tokens"]) == (140, 21)
    assert found["cached_tokens"] == 100


def test_reasoning_is_part_of_the_output():
    assert usage(CHAT)["reasoning_tokens"] == usage(RESPONSES)["reasoning_tokens"] == 5
    assert usage(ANTHROPIC)["reasoning_tokens"] is None


def test_anthropic_without_a_cache():
    found = usage({"input_tokens": 25, "output_tokens": 3, "cache_read_input_tokens": None})
    assert (found["input_tokens"], found["cached_tokens"]) == (25, None)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*CHAT, *RESPONSES, *ANTHROPIC, "cached_tokens"]), inner)
    ),
    max_leaves=10,
)


@given(JSON)
def test_a_block_of_any_shape_gives_counts_or_nothing(block):
    for count in usage(block).values():
        assert count is None or (type(count) is int and 0 <= count <= MAX_COUNT)
