"""Cuts a record into JSON objects: itself, an array's elements, its lines, or what is joined.

Knows nothing of formats. Only what the fast path of the decoder cannot take comes here.
"""

from __future__ import annotations

import json
import re
from typing import Final

import msgspec

from stream.core.errors import DecodeError

_array = msgspec.json.Decoder(list[msgspec.Raw]).decode
_any = msgspec.json.Decoder(msgspec.Raw).decode
_end_of_value = json.JSONDecoder(strict=False).raw_decode
_SPACE: Final = " \t\r\n"
_BETWEEN: Final = re.compile(rb"\}\s*\{")
_SURROGATE: Final = re.compile(rb"\\u[dD][89a-fA-F]")
#: One escape of a JSON string, a surrogate pair being one.
_ESCAPE: Final = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|(?P<lone>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)
_NOT_FINITE: Final = re.compile(rb"NaN|Infinity|[eE]\+?\d{3}|\d{300}")
#: A string of JSON, or a number that is not finite, as Python and JavaScript write it or too large.
_STRING_OR_NUMBER: Final = re.compile(
    rb'"(?:[^"\\]|\\.)*+"?|(?P<number>[-+]?\b(?:NaN|Infinity)\b'
    rb"|-?\d++(?:\.\d++)?[eE]\+?\d{3,}|-?\d{300,}(?:\.\d+)?)",
    re.DOTALL,
)
#: Beginning -> encoding, the longest first.
_ENCODINGS: Final = {
    b"\xff\xfe\x00\x00": "utf-32",
    b"\x00\x00\xfe\xff": "utf-32",
    b"\xef\xbb\xbf": "utf-8-sig",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
    b"{\x00": "utf-16-le",
    b"[\x00": "utf-16-le",
    b"\x00{": "utf-16-be",
    b"\x00[": "utf-16-be",
}


def encoding(beginning: bytes) -> str | None:
    """Return the encoding that text with this beginning has, if it is not plain UTF-8."""
    return next((name for mark, name in _ENCODINGS.items() if beginning.startswith(mark)), None)


def in_utf8(value: bytes) -> bytes:
    """Return text as UTF-8 without a byte order mark; raises one of ``reasons.FAILURES``."""
    name = encoding(value[:4])
    return value if name is None else value.decode(name).encode()


def elements(value: bytes, limit: int) -> list[bytes]:
    """Return the objects of a record, at most ``limit``; raises one of ``reasons.FAILURES``.

    An empty array, as gateways send whose batch is empty, has none.
    """
    body = value.strip()
    if body[:1] == b"[":
        found = [bytes(raw) for raw in _array(body)]
    elif b"\n" in body:
        found = _lines(body, limit)
    else:
        found = _joined(body)
    if len(found) > limit:
        raise DecodeError("too_many", f"{len(found)} elements, at most {limit}")
    return found


def repaired(value: bytes) -> bytes:
    r"""Return JSON with lone surrogates replaced by U+FFFD, and NaN and infinities by null.

    Python gateways log the ``\ud800`` that a client sent, although no JSON parser must take it
    (RFC 8259, 8.2), and ``NaN``, which is no JSON: refusing it would hide any prompt beside it.
    """
    if _SURROGATE.search(value):
        value = _ESCAPE.sub(lambda found: rb"\ufffd" if found["lone"] else found[0], value)
    if _NOT_FINITE.search(value):
        value = _STRING_OR_NUMBER.sub(lambda found: b"null" if found["number"] else found[0], value)
    return value


def _lines(body: bytes, limit: int) -> list[bytes]:
    # A pretty-printed object has line breaks too: it takes a line that is an object of its own.
    if _whole(body):
        return [body]
    lines = [line for line in body.split(b"\n", limit + 1) if line.strip()]
    apart = [part for line in lines for part in _joined(line)]
    return apart if any(map(_whole, apart)) else _joined(body)


def _joined(body: bytes) -> list[bytes]:
    """Return the objects of a text that has them one after the other, or the text itself.

    Firehose and other shippers put nothing between records.
    """
    if body[:1] != b"{" or not _BETWEEN.search(body) or _whole(body):
        return [body]
    # In Latin-1 every byte is a character, so that places in the text are places in the bytes.
    text, at, found = body.decode("latin-1"), 0, []
    while at < len(text):
        try:
            _, end = _end_of_value(text, at)
        except (ValueError, RecursionError):
            return [body]
        found.append(body[at:end])
        while end < len(text) and text[end] in _SPACE:
            end += 1
        at = end
        if at < len(text) and text[at] != "{":
            return [body]
    return found


def _whole(text: bytes) -> bool:
    if text.lstrip()[:1] != b"{":
        return False
    try:
        _any(text)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True
