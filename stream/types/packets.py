"""What travels between the stages: one packet per target partition, with its watermark.

A packet is msgpack (MessagePack specification) of raw little-endian columns. ``source`` numbers
whatever sent it: the source partition for events, the lane for everything after; ``sources`` is
how many there are, and ``origin`` the topic that they are partitions of: another topic of the same
name numbers its records anew. ``mark`` is a promise: no further row of a step that has ended by
then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec
import numpy as np

from stream.errors import PacketError
from stream.types.events import EVENT_COLUMNS, Array, EventBatch
from stream.types.links import LINK_COLUMNS, LinkBatch
from stream.types.verdicts import Group, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Raised whenever a column changes name, type or meaning.
PACKET_VERSION: Final = 1


class Place(NamedTuple):
    """Where a packet stands in what its source says.

    ``skip`` rows of the first step went before in other packets; ``cut`` says that the last step
    goes on in the next one; ``idle`` says that the source has nothing to say for now.
    """

    mark: float
    skip: int = 0
    cut: bool = False
    idle: bool = False


class Packet(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One internal record; see :class:`Place` for ``mark`` to ``idle``."""

    version: int
    source: int
    sources: int
    mark: float
    skip: int = 0
    cut: bool = False
    idle: bool = False
    origin: str = ""
    accounts: list[str] = []
    columns: dict[str, bytes] = {}
    verdicts: list[Verdict] = []
    groups: list[Group] = []


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Packet).decode


def pack(
    *,
    source: int,
    sources: int,
    place: Place,
    origin: str = "",
    rows: EventBatch | LinkBatch | None = None,
    verdicts: list[Verdict] | None = None,
    groups: list[Group] | None = None,
) -> bytes:
    """Return the bytes of one packet."""
    return _encode(
        Packet(
            version=PACKET_VERSION,
            source=source,
            sources=sources,
            mark=place.mark,
            skip=place.skip,
            cut=place.cut,
            idle=place.idle,
            origin=origin,
            accounts=list(rows.accounts) if rows else [],
            columns={name: column.tobytes() for name, column in rows.columns.items()}
            if rows
            else {},
            verdicts=verdicts or [],
            groups=groups or [],
        )
    )


def unpack(value: bytes) -> Packet:
    """Return the packet in ``value``, or raise PacketError with the reason."""
    try:
        packet = _decode(value)
    except msgspec.MsgspecError as error:
        reason = f"not a packet: {error}"
        raise PacketError(reason) from error
    if packet.version != PACKET_VERSION:
        reason = f"packet version {packet.version}, this worker reads {PACKET_VERSION}"
        raise PacketError(reason)
    return packet


def event_rows(packet: Packet) -> EventBatch:
    """Return the event columns of a packet (read-only views of its bytes)."""
    return EventBatch(packet.accounts, _columns(packet, EVENT_COLUMNS))


def link_rows(packet: Packet) -> LinkBatch:
    """Return the link columns of a packet (read-only views of its bytes)."""
    return LinkBatch(packet.accounts, _columns(packet, LINK_COLUMNS))


def _columns(packet: Packet, schema: Mapping[str, np.dtype[np.generic]]) -> dict[str, Array]:
    empty = b""
    columns = {
        name: np.frombuffer(packet.columns.get(name, empty), dtype)
        for name, dtype in schema.items()
    }
    if len({len(column) for column in columns.values()}) > 1:
        reason = "columns of unequal length"
        raise PacketError(reason)
    return columns
