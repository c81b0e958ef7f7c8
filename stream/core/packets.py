"""What travels between the stages: one packet per target partition, with its watermark.

A packet is msgpack (MessagePack specification) of raw little-endian columns. ``source`` numbers
whatever sent it: the source partition for events, the task for everything after; ``sources`` is
how many there are, and ``origin`` the topic that they are partitions of: another topic of the same
name numbers its records anew. ``mark`` is a promise: no further row of a step that has ended by
then.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Final, NamedTuple

import msgspec
import numpy as np

from stream.core.errors import PacketError
from stream.core.events import EVENT_COLUMNS, Array, EventBatch
from stream.core.feedback import Suppression, Verdict
from stream.core.findings import AccountFinding, Group
from stream.core.links import LINK_COLUMNS, LinkBatch, LinkKind

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Raised whenever a column changes name, type or meaning.
PACKET_VERSION: Final = 7


#: More sources than any topic has partitions, and a time that no event has (the year 5138): what
#: says so is damaged, and would keep a task waiting or stepping for ever.
_MOST_SOURCES: Final = 1_000_000
_LATEST: Final = 1e11
_LINK_KINDS: Final = np.array([*LinkKind], "u1")


class Place(NamedTuple):
    """Where a packet stands in what its source says.

    ``skip`` rows of the first step went before in other packets; ``cut`` says that the last step
    goes on in the next one; ``idle`` says that the source has nothing to say for now.
    """

    mark: float
    skip: int = 0
    cut: bool = False
    idle: bool = False


class Confirmed(msgspec.Struct, frozen=True, kw_only=True):
    """Accounts that nothing is learnt from until then, epoch seconds."""

    accounts: list[str]
    until: float


class Said(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What people say, and what follows from it for accounts."""

    verdicts: list[Verdict] = []
    suppressions: list[Suppression] = []
    confirmed: list[Confirmed] = []


class Packet(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One internal record; see :class:`Place` for ``mark`` to ``idle``.

    With ``said`` it is of no source and says nothing about time.
    """

    version: int
    source: Annotated[int, msgspec.Meta(ge=0, lt=_MOST_SOURCES)]
    sources: Annotated[int, msgspec.Meta(ge=1, le=_MOST_SOURCES)]
    mark: float
    skip: Annotated[int, msgspec.Meta(ge=0)] = 0
    cut: bool = False
    idle: bool = False
    origin: str = ""
    accounts: list[str] = []
    columns: dict[str, bytes] = {}
    account_findings: list[AccountFinding] = []
    groups: list[Group] = []
    said: Said | None = None


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Packet).decode


def pack(
    *,
    source: int,
    sources: int,
    place: Place,
    origin: str = "",
    rows: EventBatch | LinkBatch | None = None,
    account_findings: list[AccountFinding] | None = None,
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
            account_findings=account_findings or [],
            groups=groups or [],
        )
    )


def pack_said(said: Said) -> bytes:
    """Return the bytes of a packet of what people say."""
    nowhere = -math.inf
    return _encode(Packet(version=PACKET_VERSION, source=0, sources=1, mark=nowhere, said=said))


def unpack(value: bytes) -> Packet:
    """Return the packet in ``value``, or raise PacketError with the reason."""
    try:
        packet = _decode(value)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        reason = f"not a packet: {error}"
        raise PacketError(reason) from error
    if packet.version != PACKET_VERSION:
        reason = f"packet version {packet.version}, this worker reads {PACKET_VERSION}"
        raise PacketError(reason)
    times = (
        packet.mark,
        *(v.time for v in packet.account_findings),
        *(g.time for g in packet.groups),
    )
    if not all(time < _LATEST for time in times):  # so written, NaN is refused too
        raise PacketError("a time out of range")
    return packet


def event_rows(packet: Packet) -> EventBatch:
    """Return the event columns of a packet (read-only views of its bytes)."""
    return EventBatch(packet.accounts, _columns(packet, EVENT_COLUMNS))


def link_rows(packet: Packet) -> LinkBatch:
    """Return the link columns of a packet (read-only views of its bytes)."""
    columns = _columns(packet, LINK_COLUMNS)
    if not np.isin(columns["kind"], _LINK_KINDS).all():
        raise PacketError("a link of an unknown kind")
    return LinkBatch(packet.accounts, columns)


def _columns(packet: Packet, schema: Mapping[str, np.dtype[np.generic]]) -> dict[str, Array]:
    empty = b""
    try:
        columns = {
            name: np.frombuffer(packet.columns.get(name, empty), dtype)
            for name, dtype in schema.items()
        }
    except ValueError as error:
        raise PacketError(f"a column with part of a value: {error}") from error
    if len({len(column) for column in columns.values()}) > 1:
        reason = "columns of unequal length"
        raise PacketError(reason)
    if not np.all(columns["account"] < len(packet.accounts)):
        raise PacketError("an account that is not in the packet")
    if not np.all(np.abs(columns["time"]) < _LATEST):
        raise PacketError("a time out of range")
    for name, column in columns.items():
        if column.dtype.kind == "i" and np.any(column < 0):
            raise PacketError(f"a negative {name}")
    return columns
