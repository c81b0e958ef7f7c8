"""What travels between the stages: one packet per target partition, with its watermark.

A packet is msgpack (MessagePack specification) of raw little-endian columns. ``source`` is the
number of the sender: the source partition for events, the task for later stages; ``sources`` is the
number of senders. ``topic_id`` is the topic that the source partitions belong to: a topic that was
deleted and created again has another id and numbers its records from 0. ``watermark`` is a promise:
the source sends no further row of a window that ends by then.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Final, NamedTuple

import msgspec
import numpy as np

from stream.core.egress import EgressSum
from stream.core.errors import NewerVersionError, PacketError, StateError
from stream.core.events import EventBatch
from stream.core.feedback import Suppression, Verdict
from stream.core.findings import TURN, AccountObservation, Group, LightPrompt, LightTurns, Turnover
from stream.core.links import LinkBatch, LinkKind
from stream.core.packet_migrations import MIGRATIONS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stream.core.batch import Array, Batch

#: Raised whenever a column changes name, type or meaning; then packet_migrations.py needs a
#: migration from the version before. 13 is that of release 0.1.0.
PACKET_VERSION: Final = 13

#: More sources than any topic has partitions, and a time that no event has (the year 5138): a
#: packet with more is damaged, and would keep a task waiting or closing windows for ever.
MOST_SOURCES: Final = 1_000_000
LATEST: Final = 1e11
_LINK_KINDS: Final = np.array([*LinkKind], "u1")


class IdleClaim(msgspec.Struct, frozen=True, array_like=True):
    """A reader's claim that its source has no records at or above ``offset`` for now.

    ``confirmed`` False announces it. True confirms it: after the announcement was acknowledged, the
    reader requested the source's end, and that was ``offset`` still. ``reader`` is a random number
    of its process.
    """

    offset: Annotated[int, msgspec.Meta(ge=0)]
    reader: Annotated[int, msgspec.Meta(ge=0)]
    confirmed: bool = False


class ChunkHeader(NamedTuple):
    """Position of a packet in the rows of its source.

    ``chunk_offset`` rows of the first window are in earlier packets; ``continues``: the next packet
    has more rows of the last window; ``idle``: the source has no records for now.
    """

    watermark: float
    chunk_offset: int = 0
    continues: bool = False
    idle: IdleClaim | None = None


class Confirmed(msgspec.Struct, frozen=True, kw_only=True):
    """Accounts that the models do not learn from until then, epoch seconds."""

    accounts: list[str]
    until: float


class Feedback(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Verdicts, suppressions, accounts to forget, and what alerting answers to accounts tasks.

    A packet with ``forgotten`` has nothing else: it is applied once, and not again after a recovery
    (:mod:`stream.pipeline.task`).
    """

    verdicts: list[Verdict] = []
    suppressions: list[Suppression] = []
    confirmed: list[Confirmed] = []
    account_states: dict[str, int] = {}  # that changed; counters alone follow them
    forgotten: list[str] = []  # accounts


class Packet(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One internal record; see :class:`ChunkHeader` for ``watermark`` to ``idle``.

    A packet with ``feedback`` has no source and no watermark.
    """

    version: int
    source: Annotated[int, msgspec.Meta(ge=0, lt=MOST_SOURCES)]
    sources: Annotated[int, msgspec.Meta(ge=1, le=MOST_SOURCES)]
    watermark: float
    chunk_offset: Annotated[int, msgspec.Meta(ge=0)] = 0
    continues: bool = False
    idle: IdleClaim | None = None
    topic_id: str = ""
    accounts: list[str] = []
    columns: dict[str, bytes] = {}
    models: dict[int, str] = {}  # number -> name of the models of the rows
    observations: list[AccountObservation] = []
    prompts: list[LightPrompt] = []
    turns: list[LightTurns] = []
    groups: list[Group] = []
    turnovers: list[Turnover] = []
    egress: list[EgressSum] = []
    feedback: Feedback | None = None


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Packet).decode


class _Versioned(msgspec.Struct):
    """What packets of all versions have."""

    version: Annotated[int, msgspec.Meta(ge=1)]


_decode_version = msgspec.msgpack.Decoder(_Versioned).decode
_UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
#: Raised by a migration of content that has other types than its version had.
_UNTYPED: Final = (AttributeError, LookupError, TypeError, ValueError)


def pack(  # noqa: PLR0913 - the fields of a packet
    *,
    source: int,
    sources: int,
    header: ChunkHeader,
    topic_id: str = "",
    rows: EventBatch | LinkBatch | None = None,
    observations: Sequence[AccountObservation | LightPrompt | LightTurns] = (),
    groups: list[Group] | None = None,
    turnovers: list[Turnover] | None = None,
    egress: list[EgressSum] | None = None,
    models: dict[int, str] | None = None,
) -> bytes:
    """Return the bytes of one packet."""
    return _encode(
        Packet(
            version=PACKET_VERSION,
            source=source,
            sources=sources,
            watermark=header.watermark,
            chunk_offset=header.chunk_offset,
            continues=header.continues,
            idle=header.idle,
            topic_id=topic_id,
            accounts=list(rows.accounts) if rows else [],
            columns={name: column.tobytes() for name, column in rows.columns.items()}
            if rows
            else {},
            observations=[one for one in observations if isinstance(one, AccountObservation)],
            prompts=[one for one in observations if isinstance(one, LightPrompt)],
            turns=[one for one in observations if isinstance(one, LightTurns)],
            groups=groups or [],
            turnovers=turnovers or [],
            egress=egress or [],
            models=models or {},
        )
    )


def pack_feedback(feedback: Feedback) -> bytes:
    """Return the bytes of a packet with feedback."""
    return _encode(
        Packet(version=PACKET_VERSION, source=0, sources=1, watermark=-math.inf, feedback=feedback)
    )


def unpack(value: bytes) -> Packet:
    """Return the packet in ``value``, in the present form.

    Raises PacketError with the reason, NewerVersionError when a newer version wrote it.
    """
    packet = _decoded(value)
    times = (
        packet.watermark,
        *(o.time for o in packet.observations),
        *(p.time for p in packet.prompts),
        *(t.time for t in packet.turns),
        *(g.time for g in packet.groups),
        *(e.time for e in packet.egress),
        *(time for t in packet.turnovers for time in (t.time, t.first_seen, t.silent_since or 0)),
    )
    if not all(time < LATEST for time in times):  # so written, NaN is refused too
        raise PacketError("a time out of range")
    if any(len(one.turns) % TURN.itemsize for one in packet.turns):
        raise PacketError("part of a turn")
    return packet


def _decoded(value: bytes) -> Packet:
    try:
        packet = _decode(value)
    except _UNREADABLE as error:
        return _migrated(value, error)
    return packet if packet.version == PACKET_VERSION else _migrated(value, None)


def _migrated(value: bytes, damage: Exception | None) -> Packet:
    """Return a packet of an earlier version in the present form."""
    try:
        version = _decode_version(value).version
        if version > PACKET_VERSION:
            raise NewerVersionError(
                f"packet version {version}, this worker reads {PACKET_VERSION}: workers of a newer "
                "version write to this topic. Run that version; nothing was lost or changed"
            )
        steps = [MIGRATIONS.get(number) for number in range(version, PACKET_VERSION)]
        if not steps or None in steps:
            reason = damage or f"packet version {version}, this worker reads {PACKET_VERSION}"
            raise PacketError(f"not a packet: {reason}") from damage
        content = msgspec.msgpack.decode(value)
        for step in filter(None, steps):
            content = step(content)
        return _decode(_encode(content | {"version": PACKET_VERSION}))
    except (*_UNREADABLE, *_UNTYPED, StateError) as error:
        if isinstance(error, NewerVersionError):
            raise
        raise PacketError(f"not a packet: {error}") from error


def event_rows(packet: Packet) -> EventBatch:
    """Return the event columns of a packet (read-only views of its bytes)."""
    return EventBatch(packet.accounts, _columns(packet, EventBatch))


def link_rows(packet: Packet) -> LinkBatch:
    """Return the link columns of a packet (read-only views of its bytes)."""
    columns = _columns(packet, LinkBatch)
    if not np.isin(columns["kind"], _LINK_KINDS).all():
        raise PacketError("a link of an unknown kind")
    return LinkBatch(packet.accounts, columns)


def _columns(packet: Packet, batch: type[Batch]) -> dict[str, Array]:
    empty = b""
    given = {name: dtype for name, dtype in batch.OPTIONAL.items() if name in packet.columns}
    try:
        columns = {
            name: np.frombuffer(packet.columns.get(name, empty), dtype)
            for name, dtype in {**batch.SCHEMA, **given}.items()
        }
    except ValueError as error:
        raise PacketError(f"a column with part of a value: {error}") from error
    if len({len(column) for column in columns.values()}) > 1:
        reason = "columns of unequal length"
        raise PacketError(reason)
    if not np.all(columns["account"] < len(packet.accounts)):
        raise PacketError("an account that is not in the packet")
    if not np.all(np.abs(columns["time"]) < LATEST):
        raise PacketError("a time out of range")
    for name, column in columns.items():
        if column.dtype.kind == "i" and np.any(column < 0):
            raise PacketError(f"a negative {name}")
    return columns
