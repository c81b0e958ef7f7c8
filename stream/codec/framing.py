"""Cuts a record into JSON objects: itself, an array's elements, or its lines.

Knows nothing of formats. Only what the fast path of the decoder cannot take comes here.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from stream.errors import DecodeError

_array = msgspec.json.Decoder(list[msgspec.Raw]).decode
_any = msgspec.json.Decoder(msgspec.Raw).decode
_SURROGATE: Final = re.compile(rb"\\u[dD][89a-fA-F]")
#: One escape of a JSON string, a surrogate pair being one.
_ESCAPE: Final = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|(?P<lone>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)


def elements(value: bytes, limit: int) -> list[bytes]:
    """Return the objects of a record, at most ``limit``; raises one of ``reasons.FAILURES``."""
    body = value.strip()
    if body[:1] == b"[":
        found = [bytes(raw) for raw in _array(body)]
    elif b"\n" in body:
        found = _lines(body, limit)
    else:
        found = [body]
    if not found:
        raise DecodeError("empty", "an empty array")
    if len(found) > limit:
        raise DecodeError("too_many", f"{len(found)} elements, at most {limit}")
    return found


def repaired(value: bytes) -> bytes:
    r"""Return JSON with lone surrogates replaced, as U+FFFD.

    Python gateways log the ``\ud800`` that a client sent, although no JSON parser must take it
    (RFC 8259, 8.2): refusing it would hide any prompt that contains one.
    """
    if not _SURROGATE.search(value):
        return value
    return _ESCAPE.sub(lambda found: rb"\ufffd" if found["lone"] else found[0], value)


def _lines(body: bytes, limit: int) -> list[bytes]:
    # A pretty-printed object has line breaks too: it takes a line that is an object of its own.
    lines = [line for line in body.split(b"\n", limit + 1) if line.strip()]
    if _whole(body) or not any(map(_whole, lines)):
        return [body]
    return lines


def _whole(text: bytes) -> bool:
    if text.lstrip()[:1] != b"{":
        return False
    try:
        _any(text)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True
