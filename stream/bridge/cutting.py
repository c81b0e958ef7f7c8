"""Unpacks a body and cuts it into records that intake takes; what they mean is not looked at.

Gateways collect requests and post some thousand at a time, which may be more than a record holds.
"""

from __future__ import annotations

import zlib
from typing import Final

import zstandard

from stream.codec.framing import elements, repaired
from stream.codec.reasons import FAILURES, explain
from stream.errors import DecodeError

#: Far below what topics take by default (1 MiB), and many times a payload.
_RECORD_BYTES: Final = 524_288
#: Of gzip or of zlib, which HTTP calls deflate.
_EITHER_HEADER: Final = 32
#: How far back a frame of zstd may refer, the most that a receiver has to take (RFC 9659).
_WINDOW_BYTES: Final = 8_388_608
#: Senders write one frame, some a frame for each flush.
_FRAMES: Final = 100
_BEGINNINGS: Final = (b"{", b"[")


def unpacked(body: bytes, encoding: str, *, most: int) -> bytes:
    """Return a body as it was before its content encoding, of at most ``most`` bytes.

    Raises DecodeError for one that is longer, and for an encoding unknown, broken or cut short.
    """
    if encoding in {"", "identity"}:
        return body
    if encoding == "zstd":
        return _unzstd(body, most)
    if encoding not in {"gzip", "deflate"}:
        raise DecodeError("not_json", "expected content encoding gzip, deflate, zstd or none")
    unpacking = zlib.decompressobj(wbits=zlib.MAX_WBITS | _EITHER_HEADER)
    try:
        found = unpacking.decompress(body, most + 1)
    except zlib.error as error:
        raise DecodeError("not_json", f"broken {encoding}") from error
    if len(found) > most:
        raise _too_large(most)
    if not unpacking.eof:
        raise _cut_short(encoding)
    return found


def _unzstd(body: bytes, most: int) -> bytes:
    found, rest = b"", body
    try:
        for _ in range(_FRAMES):
            # Reading one byte more than there may be shows what is longer, without unpacking it.
            unpacker = zstandard.ZstdDecompressor(max_window_size=_WINDOW_BYTES)
            with unpacker.stream_reader(rest, read_across_frames=False) as reader:
                if len(reader.read(most + 1 - len(found))) > most - len(found):
                    raise _too_large(most)
            # The reader does not say whether it came to the end of the frame: this does.
            frame = unpacker.decompressobj()
            found += frame.decompress(rest)
            if not frame.eof:
                raise _cut_short("zstd")
            rest = frame.unused_data
            if not rest:
                return found
    except zstandard.ZstdError as error:
        raise DecodeError("not_json", "broken zstd") from error
    raise DecodeError("not_json", f"more than {_FRAMES} frames of zstd")


def _too_large(most: int) -> DecodeError:
    return DecodeError("too_large", f"more than {most} bytes, unpacked")


def _cut_short(encoding: str) -> DecodeError:
    return DecodeError("not_json", f"{encoding} that is cut short")


def cut(body: bytes) -> list[bytes]:
    """Return the records of a JSON body: itself, or arrays of its elements, in order.

    An empty array, as gateways send whose batch is empty, has none.
    Raises DecodeError for what is no JSON; a body that need not be cut is hardly looked at.
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
    """Join neighbours into arrays of at most :data:`_RECORD_BYTES`; a longer one stays alone."""
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
