"""Token counts that gateways write in parts, summed into the counts of an event."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from stream.intake.codec import convert
from stream.intake.codec.event import MAX_COUNT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stream.intake.codec.convert import Convert

#: Parts of counts, see :func:`sum_parts`.
PARTS: Final[Mapping[str, Convert]] = {
    "uncached_input_tokens": convert.tokens,
    "cache_write_tokens": convert.tokens,
    "visible_output_tokens": convert.tokens,
}
#: Part -> the field that it is a part of.
WHOLE_OF_PART: Final[Mapping[str, str]] = {
    "uncached_input_tokens": "input_tokens",
    "cache_write_tokens": "input_tokens",
    "visible_output_tokens": "output_tokens",
}


def sum_parts(found: dict[str, Any]) -> None:
    """Count tokens in one way: the cached are in the input, the reasoning in the output."""
    uncached = found.pop("uncached_input_tokens", None)
    written = found.pop("cache_write_tokens", 0)
    visible = found.pop("visible_output_tokens", None)
    if visible is not None:
        whole = min(visible + found.get("reasoning_tokens", 0), MAX_COUNT)
        found.setdefault("output_tokens", whole)
    if uncached is not None:
        whole = min(uncached + found.get("cached_tokens", 0) + written, MAX_COUNT)
        found.setdefault("input_tokens", whole)


def trace_parts(trace: dict[str, str]) -> None:
    """Trace each summed count to the path of its first part."""
    trace.pop("cache_write_tokens", None)
    for part, whole in WHOLE_OF_PART.items():
        if part in trace:
            trace.setdefault(whole, trace.pop(part))
