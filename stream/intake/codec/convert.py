"""Values as gateways write them, into the types of an event: numbers as text, units, words.

A converter returns None for an absent value. It raises DecodeError for an invalid value that the
gateway itself writes (times, token counts): the value is counted and left out, and only an invalid
time rejects the event. An invalid value that a client sends is left out, or a client could hide.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Any, Final

from stream.core.errors import DecodeError
from stream.intake.codec.event import MAX_COUNT, MAX_DURATION_S
from stream.intake.codec.placeholders import is_placeholder

Convert = Callable[..., Any]

#: Unit -> how many of it are a second.
UNITS: Final = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
OK: Final = 200
#: The status of a failure without a code.
FAILED: Final = 500
_MAX_STATUS: Final = 999
#: Clients write integers of any length.
_MOST: Final = 2**63
#: What access logs write for no value.
_NOTHING: Final = frozenset({"", "-"})
_FALSE: Final = frozenset({"", "-", "0", "false", "no", "off"})
_CHAT: Final = "chat"
_EMBEDDINGS: Final = "embeddings"
_OPERATIONS: Final = {
    **dict.fromkeys(
        (
            *("acompletion", "completion", "atext_completion", "text_completion"),
            *("aresponses", "responses", "anthropic_messages", "chat.completions"),
            *("generate_content", "agenerate_content", "generate_content_stream"),
            *("agenerate_content_stream", "text.completions", "text_completions", "message"),
        ),
        _CHAT,
    ),
    **dict.fromkeys(("aembedding", "embedding", "embed"), _EMBEDDINGS),
}
_ENDPOINTS: Final = {
    "completions": _CHAT,
    "responses": _CHAT,
    "messages": _CHAT,
    "converse": _CHAT,
    "generateContent": _CHAT,
    "streamGenerateContent": _CHAT,
    "embeddings": _EMBEDDINGS,
}


def name(value: object) -> str | None:
    """Return text; None for other types and absent values."""
    return value if isinstance(value, str) and value not in _NOTHING else None


def identity(value: object) -> str | None:
    """Return text, or a number written as text: ids are numbers in some places."""
    if isinstance(value, str):
        return value if value not in _NOTHING else None
    return str(value) if type(value) is int else None


def epoch(unit: str) -> Convert:
    """Return a converter to epoch seconds of numbers in ``unit`` and of ISO 8601 text."""
    second = UNITS[unit]

    def convert(value: object) -> float | None:
        if type(value) is float or type(value) is int:
            return _divided(value, second)
        if not isinstance(value, str):
            raise DecodeError("wrong_type", f"expected a time, got `{type(value).__name__}`")
        if value in _NOTHING:
            return None
        found = _parsed(value)
        if found is None:
            return _when(value)
        if not math.isfinite(found):
            raise DecodeError("bad_timestamp", "no finite number")
        return found / second

    return convert


def seconds(unit: str) -> Convert:
    """Return a converter to seconds of numbers in ``unit``."""
    second = UNITS[unit]

    def convert(value: object) -> float | None:
        found = number(value)
        return (
            None if found is None or not 0 <= found <= MAX_DURATION_S * second else found / second
        )

    return convert


def tokens(value: object) -> int | None:
    """Return a count; raises DecodeError for what is there and none."""
    if type(value) is not int:
        if isinstance(value, str) and value in _NOTHING:
            return None
        found = number(value)
        if found is None or not float(found).is_integer():
            raise DecodeError("wrong_type", f"expected a count, got `{type(value).__name__}`")
        value = int(found)
    if not 0 <= value <= MAX_COUNT:
        raise DecodeError("out_of_range", "expected a count from 0 to 2^31 - 1")
    return value


def count(value: object) -> int | None:
    """Return a count, at most MAX_COUNT; None for invalid values."""
    if type(value) is not int:
        found = None if value is None else number(value)
        if found is None or not float(found).is_integer():
            return None
        value = int(found)
    return min(value, MAX_COUNT) if value >= 0 else None


def text(value: object) -> str | None:
    """Return text that a person or program wrote; None for a placeholder."""
    found = name(value)
    if found is not None and is_placeholder(found):
        return None
    return found


def number(value: object) -> float | None:
    """Return a finite number, also from text; None for invalid values."""
    if type(value) is float:
        return value if math.isfinite(value) else None
    if type(value) is int:
        return min(max(value, -_MOST), _MOST)
    return number(_parsed(value)) if isinstance(value, str) else None


def truth(value: object) -> bool:
    """Return whether a value means yes, also as text."""
    if isinstance(value, str):
        return value.strip().lower() not in _FALSE
    return bool(value)


def status(value: object) -> int | None:
    """Return an HTTP status, also of text."""
    text = str(value) if type(value) is int else value
    if not isinstance(text, str) or len(text) > len(str(_MAX_STATUS)):
        return None
    return int(text) if text.isascii() and text.isdigit() else None


def success(value: object) -> int:
    """Return a status for a flag of success."""
    return OK if truth(value) else FAILED


def address(value: object) -> str | None:
    """Return a client's address: without port; of a list of hops the last public one.

    Each hop adds the address that it saw at the end of the list; what is in front of that is
    what the client claims.
    """
    text = name(value)
    if text is None:
        return None
    if ":" not in text and "," not in text:
        return text
    if "," in text:
        hops = [hop for hop in map(_host, text.split(",")) if hop]
        return next(filter(_public, reversed(hops)), hops[0] if hops else None)
    return _host(text)


def header(value: object) -> str | None:
    """Return the text of a header, the first one where it was sent several times."""
    return name(value[0] if isinstance(value, list) and value else value)


def operation(value: object) -> str | None:
    """Return the kind of a call, of its name or of the path of its endpoint."""
    text = name(value)
    if text is None or "/" not in text:
        return None if text is None else _OPERATIONS.get(text, text)
    endpoint = text.partition("?")[0].rstrip("/").rpartition("/")[2]
    return _ENDPOINTS.get(endpoint.rpartition(":")[2])


def _divided(value: float, by: int) -> float:
    try:
        return value / by
    except OverflowError:
        raise DecodeError("bad_timestamp", "a number without end") from None


def _parsed(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _when(text: str) -> float:
    try:
        found = datetime.fromisoformat(text)
        # Databases write UTC without a time zone.
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise DecodeError("bad_timestamp", "neither a number nor RFC 3339") from None


def _host(text: str) -> str:
    text = text.strip()
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0] if text.count(":") == 1 else text


def _public(text: str) -> bool:
    try:
        return ip_address(text).is_global
    except ValueError:
        return False
