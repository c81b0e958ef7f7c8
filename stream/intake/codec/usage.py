"""Blocks of token usage, in each provider's way, into counts that mean one thing.

Everywhere ``input_tokens`` has the tokens read from a cache in it, as OpenAI and Gemini count;
Anthropic and Bedrock report them, and those written to the cache, beside ``input_tokens``. The
names of the fields decide which it is, or the protocol of the call, never sizes. ``output_tokens``
has the reasoning in it, which Gemini reports beside. Providers write these blocks: they are read in
any shape that makes sense.
"""

from __future__ import annotations

from typing import Any, Final

from stream.intake.codec.body import unfolded
from stream.intake.codec.convert import count
from stream.intake.codec.event import MAX_COUNT

#: Next to ``input_tokens``: these are not in it.
_ANTHROPIC: Final = frozenset({"cache_read_input_tokens", "cache_creation_input_tokens"})
_BEDROCK: Final = "inputTokens"
_GEMINI: Final = "promptTokenCount"


def usage(block: object) -> dict[str, Any]:
    """Return the event's counts of a usage block or its JSON text, None where it has none."""
    block = unfolded(block)
    if not isinstance(block, dict):
        return {}
    if _BEDROCK in block:
        return _bedrock(block)
    if _GEMINI in block:
        return _gemini(block)
    prompt, given = count(block.get("prompt_tokens")), count(block.get("input_tokens"))
    answered = count(block.get("completion_tokens"))
    read = _detail(block, "prompt_tokens_details", "input_tokens_details", "cached_tokens")
    thought = _detail(
        block, "completion_tokens_details", "output_tokens_details", "reasoning_tokens"
    )
    counts = {
        "input_tokens": given if prompt is None else prompt,
        "output_tokens": count(block.get("output_tokens")) if answered is None else answered,
        "cached_tokens": count(block.get("cache_read_input_tokens")) if read is None else read,
        "reasoning_tokens": count(block.get("reasoning_tokens")) if thought is None else thought,
    }
    if prompt is None and given is not None and not _ANTHROPIC.isdisjoint(block):
        return beside(counts, count(block.get("cache_creation_input_tokens")))
    return counts


def _bedrock(block: dict[str, Any]) -> dict[str, Any]:
    counts = {
        "input_tokens": count(block[_BEDROCK]),
        "output_tokens": count(block.get("outputTokens")),
        "cached_tokens": count(block.get("cacheReadInputTokens")),
    }
    return beside(counts, count(block.get("cacheWriteInputTokens")))


def _gemini(block: dict[str, Any]) -> dict[str, Any]:
    answered = count(block.get("candidatesTokenCount"))
    thought = count(block.get("thoughtsTokenCount"))
    return {
        "input_tokens": count(block[_GEMINI]),
        "output_tokens": answered if thought is None else min((answered or 0) + thought, MAX_COUNT),
        "cached_tokens": count(block.get("cachedContentTokenCount")),
        "reasoning_tokens": thought,
    }


def beside(counts: dict[str, Any], written: int | None) -> dict[str, Any]:
    """Return ``counts`` with what was read from and ``written`` to a cache put into the input."""
    if counts["input_tokens"] is None:
        return counts
    total = (counts["input_tokens"] or 0) + (counts["cached_tokens"] or 0) + (written or 0)
    return counts | {"input_tokens": min(total, MAX_COUNT)}


def _detail(block: dict[str, Any], chat: str, responses: str, key: str) -> int | None:
    details = block.get(chat) or block.get(responses)
    return count(details.get(key)) if isinstance(details, dict) else None
