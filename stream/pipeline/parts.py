"""Cuts what a source has to say into packets that fit into a record, and knows parts again.

Rows come step by step. Where a packet would be too large it is cut between two rows; when these
are of one step, the next packet says how many rows of its first step went before::

    steps of the rows    1 1 1 2 2 2 2 2 3       complete up to mark 3
    packets             [1 1 1 2][2 2 2][2 3]
    mark                 1        -      3       what is complete with this packet
    skip                 0        1      4

A source that is restarted says the rows of a step in the same order again, so a row's place in
its step tells a repetition from news, wherever it is cut then.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from stream.core.errors import PacketError
from stream.core.packets import Place, pack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from stream.accounts.windows.gate import Source
    from stream.core.events import Array, EventBatch
    from stream.core.packets import Packet


def pack_events(
    rows: EventBatch, *, source: int, sources: int, origin: str = "", mark: float, most: int
) -> list[bytes]:
    """Return packets of at most ``most`` bytes; the events of one record stay together."""

    def encode(part: slice) -> bytes:
        # Events are in source order, not in time order: nothing is complete before the end.
        place = Place(mark if part.stop == len(rows) else -math.inf)
        some = rows.take(part)
        return pack(source=source, sources=sources, origin=origin, place=place, rows=some)

    borders = np.flatnonzero(np.diff(rows.columns["offset"])) + 1
    return list(_parts(len(rows), encode, borders, most))


def pack_steps(
    ends: Array, encode: Callable[[slice, Place], bytes], *, mark: float, most: int
) -> list[bytes]:
    """Return packets of at most ``most`` bytes; ``ends`` (n,) has each row's step, ascending."""
    count = len(ends)
    begin = np.searchsorted(ends, ends)  # where each row's step begins

    def place(part: slice) -> Place:
        skip = part.start - int(begin[part.start]) if count else 0
        if part.stop == count:
            return Place(mark, skip)
        cut = bool(begin[part.stop] < part.stop)
        over = int(begin[part.stop])  # rows of steps that are complete
        return Place(float(ends[over - 1]) if over else -math.inf, skip, cut)

    return list(_parts(count, lambda part: encode(part, place(part)), np.arange(1, count), most))


def unseen(packet: Packet, ends: Array, known: Source) -> tuple[Array, float, int]:
    """Return whether each row is new, and what has been taken once the packet is.

    The latter as in :class:`Source`: up to which mark everything, and how many rows of the step
    that follows.
    """
    new = ends > known.floor
    floor, taken = max(known.floor, packet.mark), known.taken
    if new.any():
        first = int(np.argmax(new))
        place = np.arange(len(ends)) - first + (packet.skip if first == 0 else 0)
        new &= (ends != ends[first]) | (place >= taken)
    if floor > known.floor:
        taken = 0
    if packet.cut and ends[-1] > floor:
        of_last = int(np.count_nonzero(ends == ends[-1]))
        taken = max(taken, of_last + (packet.skip if of_last == len(ends) else 0))
    return new, floor, taken


def _parts(
    count: int, encode: Callable[[slice], bytes], borders: Array, most: int
) -> Iterator[bytes]:
    """Yield ``count`` rows in order, halved at ``borders`` (ascending) until each part fits."""
    parts = [slice(0, count)]
    while parts:
        part = parts.pop()
        value = encode(part)
        if len(value) <= most:
            yield value
            continue
        inside = borders[(borders > part.start) & (borders < part.stop)]
        if not len(inside):
            raise PacketError(f"{len(value)} bytes belong together, a record holds {most}")
        middle = int(inside[len(inside) // 2])
        parts += [slice(middle, part.stop), slice(part.start, middle)]
