"""Decompresses a body and splits it into records for intake. Does not interpret them.

Gateways collect requests and post thousands at a time, which may be more than a record can hold.
"""

from __future__ import annotations

from typing import Final

from stream.core.errors import DecodeError
from stream.intake.codec import packing
from stream.intake.codec.framing import elements, repaired
from stream.intake.codec.packing import PACKINGS
from stream.intake.codec.reasons import FAILURES, explain

#: Far below what topics take by default (1 MiB), and many times a payload.
_RECORD_BYTES: Final = 524_288
_BEGINNINGS: Final = (b"{", b"[")


def unpacked(body: bytes, encoding: str, *, most: int) -> bytes:
    """Return a body without its content encoding, of at most ``most`` bytes.

    Raises DecodeError for a longer body and for an unknown, corrupt or truncated encoding.
    """
    if encoding in {"", "identity"}:
        return body
    if encoding not in PACKINGS:
        raise DecodeError("not_json", "expected content encoding gzip, deflate, zstd or none")
    return packing.unpacked(body, encoding, most=most)


def cut(body: bytes) -> list[bytes]:
    """Return the records of a JSON body: itself, or arrays of its elements, in order.

    An empty array, which some gateways send for an empty batch, has none.
    Raises DecodeError for invalid JSON; only a body that has to be split is parsed.
    """
    text = body.strip()
    if not text.startswith(_BEGINNINGS):
        raise DecodeError("not_json", "expected an object, an array, or objects line by line")
    if text[:1] == b"[" and text[-1:] == b"]" and not text[1:-1].strip():
        return []
    if len(text) <= _RECORD_BYTES:
        return [text]
    parts = _parts(text)
    return _grouped(parts) if len(parts) > 1 else [text]


def _parts(text: bytes) -> list[bytes]:
    try:
        return elements(text, len(text))
    except FAILURES:
        try:
            return elements(repaired(text), len(text))
        except FAILURES as error:
            raise explain(error) from error


def _grouped(parts: list[bytes]) -> list[bytes]:
    """Join elements into arrays of at most :data:`_RECORD_BYTES`; a longer one stays alone."""
    records: list[bytes] = []
    group: list[bytes] = []
    size = 0
    for part in parts:
        if group and size + len(part) > _RECORD_BYTES:
            records.append(b"[%s]" % b",".join(group))
            group, size = [], 0
        group.append(part)
        size += len(part) + 1
    return [*records, b"[%s]" % b",".join(group)]
