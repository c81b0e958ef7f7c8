"""Splits the rows of a source into packets that fit into a record, and recognises duplicates.

Rows come window by window. A packet that would be too large is split between two rows; if both are
of one window, the next packet carries how many rows of its first window are in earlier packets::

    windows of the rows  1 1 1 2 2 2 2 2 3       complete up to watermark 3
    packets             [1 1 1 2][2 2 2][2 3]
    watermark            1        -      3       complete with this packet
    chunk_offset         0        1      4

A restarted source sends the rows of a window in the same order again. So the position of a row in
its window shows whether it is a duplicate, wherever the source splits the second time.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from stream.core.errors import PacketError
from stream.core.packets import ChunkHeader, pack
from stream.store.order import ascending

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from stream.core.batch import Array
    from stream.core.events import EventBatch
    from stream.core.packets import Packet
    from stream.pipeline.event_time import SourceProgress


#: A few names of models take fewer bytes than an event or two (assumed).
_FEW_NAMES: Final = 16


def pack_events(
    rows: EventBatch,
    *,
    source: int,
    sources: int,
    topic_id: str = "",
    watermark: float,
    max_bytes: int,
    models: Mapping[int, str] | None = None,
) -> list[bytes]:
    """Return packets of at most ``max_bytes``; the events of one record stay together.

    ``models`` are the names of models by number, of these events and maybe of others.
    """

    def encode(part: slice) -> bytes:
        # Events are in source order, not in time order: nothing is complete before the end.
        header = ChunkHeader(watermark if part.stop == len(rows) else -math.inf)
        chunk = rows.take(part)
        return pack(
            source=source,
            sources=sources,
            topic_id=topic_id,
            header=header,
            rows=chunk,
            models=_names(chunk, models or {}),
        )

    borders = np.flatnonzero(np.diff(rows.columns["offset"])) + 1
    return list(_chunks(len(rows), encode, borders, max_bytes))


def _names(rows: EventBatch, models: Mapping[int, str]) -> dict[int, str]:
    """Return the names that the rows need; few names are not worth a look."""
    if len(models) <= _FEW_NAMES:
        return dict(models)
    needed = ascending(rows.columns["model"]).tolist()
    return {code: models[code] for code in needed if code in models}


def pack_windows(
    ends: Array,
    encode: Callable[[slice, ChunkHeader], bytes],
    *,
    watermark: float,
    max_bytes: int,
) -> list[bytes]:
    """Return packets of at most ``max_bytes``; ``ends`` (n,) is each row's window, ascending."""
    count = len(ends)
    begin = np.searchsorted(ends, ends)  # index of the first row of each row's window

    def header(part: slice) -> ChunkHeader:
        chunk_offset = part.start - int(begin[part.start]) if count else 0
        if part.stop == count:
            return ChunkHeader(watermark, chunk_offset)
        continues = bool(begin[part.stop] < part.stop)
        complete = int(begin[part.stop])  # rows of windows that are complete
        reached = float(ends[complete - 1]) if complete else -math.inf
        return ChunkHeader(reached, chunk_offset, continues)

    borders = np.arange(1, count)
    return list(_chunks(count, lambda part: encode(part, header(part)), borders, max_bytes))


def find_new_rows(packet: Packet, ends: Array, known: SourceProgress) -> tuple[Array, float, int]:
    """Return whether each row is new, and the source's progress after the packet.

    The progress is ``last_applied_offset`` and ``rows_applied`` of :class:`SourceProgress`.
    """
    is_new = ends > known.last_applied_offset
    last_applied = max(known.last_applied_offset, packet.watermark)
    rows_applied = known.rows_applied
    if is_new.any():
        first = int(np.argmax(is_new))
        position = np.arange(len(ends)) - first + (packet.chunk_offset if first == 0 else 0)
        is_new &= (ends != ends[first]) | (position >= rows_applied)
    if last_applied > known.last_applied_offset:
        rows_applied = 0
    if packet.continues and ends[-1] > last_applied:
        of_last = int(np.count_nonzero(ends == ends[-1]))
        before = packet.chunk_offset if of_last == len(ends) else 0
        rows_applied = max(rows_applied, of_last + before)
    return is_new, last_applied, rows_applied


def _chunks(
    count: int, encode: Callable[[slice], bytes], borders: Array, max_bytes: int
) -> Iterator[bytes]:
    """Yield ``count`` rows in order, halved at ``borders`` (ascending) until each chunk fits."""
    parts = [slice(0, count)]
    while parts:
        part = parts.pop()
        value = encode(part)
        if len(value) <= max_bytes:
            yield value
            continue
        inside = borders[(borders > part.start) & (borders < part.stop)]
        if not len(inside):
            raise PacketError(f"{len(value)} bytes belong together, a packet holds {max_bytes}")
        middle = int(inside[len(inside) // 2])
        parts += [slice(middle, part.stop), slice(part.start, middle)]
