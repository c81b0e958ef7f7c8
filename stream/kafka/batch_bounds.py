"""Unpacks compressed batches of records within a bound; it interprets no record.

A batch of a megabyte may become thirty gigabytes. aiokafka unpacks whatever comes, so one record of
anyone who may write to a topic would end all of its readers for want of memory, again and again.
There is no setting for it, so the functions that unpack are replaced.
"""

from __future__ import annotations

import gzip
import io
import struct
import sys
import threading
import zlib
from typing import TYPE_CHECKING, Final

import cramjam
import zstandard
from aiokafka.codec import lz4_decode as unpack_lz4
from aiokafka.codec import snappy_decode as unpack_snappy
from aiokafka.record import default_records, legacy_records
from aiokafka.record.default_records import DefaultRecordBatch
from aiokafka.record.legacy_records import LegacyRecordBatch

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Assumed: a hundred times what producers put into a batch (max.request.size, 1 MiB by default).
MOST_BYTES: Final = 128 * 2**20
_PIECE: Final = 2**16
#: The header of snappy's blocks as Java writes them; a length is before each block.
_XERIAL: Final = b"\x82SNAPPY\x00"
_XERIAL_BYTES: Final = 16
_LZ4: Final = b"\x04\x22\x4d\x18"
_LZ4_SKIPPED: Final = 1 << 31  # of a length: the block is not compressed


class BatchError(ValueError):
    """A batch that cannot be unpacked, or becomes too large."""


class _Contexts(threading.local):
    """One for each thread: a context unpacks one thing at a time."""

    def __init__(self) -> None:
        self.zstd = zstandard.ZstdDecompressor(max_window_size=MOST_BYTES)


_contexts: Final = _Contexts()


def zstd_decode(payload: bytes) -> bytes:
    """Return what a batch holds; raises BatchError."""
    parts, size = [], 0
    try:
        with _contexts.zstd.stream_reader(payload, read_across_frames=True) as reader:
            while part := reader.read(_PIECE):
                parts.append(part)
                size = _bounded(size + len(part))
    except zstandard.ZstdError as error:
        raise BatchError(f"broken zstd: {error}") from error
    return b"".join(parts)


def gzip_decode(payload: bytes) -> bytes:
    """Return what a batch holds; raises BatchError."""
    try:
        found = gzip.GzipFile(fileobj=io.BytesIO(payload)).read(MOST_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise BatchError(f"broken gzip: {error}") from error
    _bounded(len(found))
    return found


def snappy_decode(payload: bytes) -> bytes:
    """Return what a batch holds; raises BatchError."""
    try:
        _bounded(sum(map(cramjam.snappy.decompress_raw_len, _snappy_blocks(bytes(payload)))))
        return unpack_snappy(payload)
    except (cramjam.DecompressionError, struct.error) as error:
        raise BatchError(f"broken snappy: {error}") from error


def lz4_decode(payload: bytes) -> bytes:
    """Return what a batch holds; raises BatchError."""
    _bounded(sum(_lz4_blocks(bytes(payload))))
    try:
        return unpack_lz4(payload)
    except (cramjam.DecompressionError, OSError) as error:
        raise BatchError(f"broken lz4: {error}") from error


def bound_batches() -> None:
    """Make all consumers of this process unpack so; idempotent."""
    compiled = (DefaultRecordBatch.__module__, LegacyRecordBatch.__module__)
    for module in (*(sys.modules[name] for name in compiled), default_records, legacy_records):
        for decode in (zstd_decode, gzip_decode, snappy_decode, lz4_decode):
            if hasattr(module, decode.__name__):
                setattr(module, decode.__name__, decode)


def _bounded(size: int) -> int:
    if size > MOST_BYTES:
        raise BatchError(f"it becomes more than {MOST_BYTES >> 20} MiB")
    return size


def _snappy_blocks(payload: bytes) -> Iterator[bytes]:
    if not payload.startswith(_XERIAL):
        yield payload
        return
    at = _XERIAL_BYTES
    while at < len(payload):
        length = int.from_bytes(payload[at : at + 4], "big", signed=True)
        if length <= 0:
            raise BatchError("broken snappy: a block without a length")
        yield payload[at + 4 : at + 4 + length]
        at += 4 + length


def _lz4_blocks(payload: bytes) -> Iterator[int]:
    """Yield how large each block can become (LZ4 frame format 1.6.4)."""
    at = 0
    while at < len(payload):
        if payload[at : at + 4] != _LZ4 or len(payload) < at + 7:
            raise BatchError("broken lz4: no frame")
        flags, largest = payload[at + 4], 1 << (8 + 2 * (payload[at + 5] >> 4 & 7))
        at += 7 + 8 * (flags >> 3 & 1) + 4 * (flags & 1)
        while length := int.from_bytes(payload[at : at + 4], "little"):
            yield largest
            at += 4 + length % _LZ4_SKIPPED + 4 * (flags >> 4 & 1)
        at += 4 + 4 * (flags >> 2 & 1)
