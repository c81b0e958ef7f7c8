"""Unpacks what was compressed on its way, within a bound.

Kafka unpacks its own batches; here are bodies that a shipper packed before it sent them.
"""

from __future__ import annotations

import zlib
from typing import Final

import zstandard

from stream.core.errors import DecodeError

#: Beginning -> how it is packed. No JSON and no export of OTLP begins like this.
_BEGINNINGS: Final = {b"\x28\xb5\x2f\xfd": "zstd", b"\x1f\x8b\x08": "gzip"}
#: Of gzip or of zlib, which HTTP calls deflate.
_EITHER_HEADER: Final = 32
#: How far back a frame may refer: the most that RFC 9659 lets a sender require.
_WINDOW_BYTES: Final = 8 * 2**20
#: Senders write one frame, some a frame for each flush.
_FRAMES: Final = 100
PACKINGS: Final = ("gzip", "deflate", "zstd")


def packing(value: bytes) -> str | None:
    """Return how a record is packed, by its beginning; None for one that is not."""
    return next((name for mark, name in _BEGINNINGS.items() if value.startswith(mark)), None)


def unpacked(value: bytes, how: str, *, most: int) -> bytes:
    """Return what is packed, of at most ``most`` bytes.

    Raises DecodeError for what is longer, broken or cut short.
    """
    return _unzstd(value, most) if how == "zstd" else _inflated(value, how, most)


def _inflated(value: bytes, how: str, most: int) -> bytes:
    unpacking = zlib.decompressobj(wbits=zlib.MAX_WBITS | _EITHER_HEADER)
    try:
        found = unpacking.decompress(value, most + 1)
    except zlib.error as error:
        raise DecodeError("not_json", f"broken {how}") from error
    if len(found) > most:
        raise _too_large(most)
    if not unpacking.eof:
        raise _cut_short(how)
    return found


def _unzstd(value: bytes, most: int) -> bytes:
    found, rest = b"", value
    try:
        for _ in range(_FRAMES):
            # Reading one byte more than there may be shows what is longer, without unpacking it.
            unpacker = zstandard.ZstdDecompressor(max_window_size=_WINDOW_BYTES)
            with unpacker.stream_reader(rest, read_across_frames=False) as reader:
                if len(reader.read(most + 1 - len(found))) > most - len(found):
                    raise _too_large(most)
            # The reader does not report whether it reached the end of the frame: this does.
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


def _cut_short(how: str) -> DecodeError:
    return DecodeError("not_json", f"{how} that is cut short")
