"""A lane: one partition of one stage, from internal records in to emissions and state out.

A lane is pure: no input or output, no clock. It holds rows until their step closes (StepGate),
hands whole steps to its stage, and knows from where a successor has to read on. What makes the
effect on state exactly-once although delivery is at-least-once:

* state contains closed steps only, and the header says up to which step (``closed``);
* reading resumes at the oldest record with rows of an open step; rows of closed steps that are
  read again are recognised by ``closed``;
* a source's rows at or below its ``floor`` are repetitions and are dropped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Generic, Protocol, TypeVar

import msgspec
import numpy as np

from stream.errors import StateError
from stream.metrics import Share
from stream.types.packets import Packet, unpack
from stream.windows.gate import Rows, Source, StepGate

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stream.metrics import Metrics
    from stream.types.events import Array
    from stream.types.records import Emission
    from stream.windows.settings import WindowSettings

#: Raised whenever stored rows or headers change shape or meaning.
STATE_VERSION: Final = 1

R = TypeVar("R", bound=Rows)
StateRows = list[tuple[bytes, bytes | None]]


class Stage(Protocol[R]):
    """What differs between the stages: how rows arrive, what a step does, what goes out."""

    name: str

    def parse(self, packet: Packet, floor: float) -> tuple[R, Array, Array, float]:
        """Return (rows, step end of each, whether each is new, new floor) of a packet."""
        ...

    def step(self, end: float, rows: list[R]) -> None:
        """Take in one whole step and keep what is to be sent."""
        ...

    def emit(self, mark: float) -> list[Emission]:
        """Return what the steps since the last call have to say, with the mark reached."""
        ...

    def release(self) -> None:
        """Give back what the gauges have of this stage."""
        ...

    def take_changes(self) -> StateRows:
        """Return the state rows changed since the last call."""
        ...

    def load(self, rows: Iterable[tuple[bytes, bytes]]) -> None:
        """Put stored rows back."""
        ...


class Header(msgspec.Struct, frozen=True):
    """The row that makes a flush complete."""

    version: int
    stage: str
    step_s: float
    closed: float
    resume: int | None
    expected: int
    sources: dict[int, tuple[float, float, bool]]


class Lane(Generic[R]):
    """One partition of one stage."""

    def __init__(
        self, stage: Stage[R], lane: int, settings: WindowSettings, metrics: Metrics
    ) -> None:
        """Start lane number ``lane`` empty; :meth:`restore` puts a predecessor's state back."""
        self._stage = stage
        self._settings = settings
        self._metrics = metrics
        self._pending = Share(metrics.pending_rows.labels(stage=stage.name))
        self._watermark = metrics.watermark_timestamp_seconds.labels(stage=stage.name, lane=lane)
        self._steps = metrics.steps_closed_total.labels(stage=stage.name)
        self._gate: StepGate[R] = StepGate(settings.step_s)

    @property
    def resume(self) -> int | None:
        """Return the internal offset to read from after a recovery; None: the beginning."""
        return self._gate.resume[0]

    def feed(self, offset: int, value: bytes) -> list[Emission]:
        """Take in the internal record at ``offset``; return what is to be sent on.

        Raises PacketError when the record is none of ours: stopping is right, because skipping
        would lose requests silently.
        """
        packet = unpack(value)
        before = dict(self._gate.sources)
        known = before.get(packet.source, Source())
        rows, ends, new, floor = self._stage.parse(packet, known.floor)
        rows, ends = self._admit(rows, ends, new)
        self._gate.hold(offset, rows, ends, before)
        self._gate.hear(
            packet.source, sources=packet.sources, mark=packet.mark, idle=packet.idle, floor=floor
        )
        emissions = self._close(self._gate.closable())
        self._pending.set(self._gate.waiting_rows)
        return emissions

    def release(self) -> None:
        """Give back this lane's part of the gauges: it moves to another worker, or is over."""
        self._pending.set(0)
        self._stage.release()

    def finish(self) -> list[Emission]:
        """Close every step that has rows: there will be no more (end of a replayed file)."""
        ends = self._gate.last_end
        return self._close(ends if ends is not None else self._gate.closed)

    def _admit(self, rows: R, ends: Array, new: Array) -> tuple[R, Array]:
        """Drop repetitions and rows that come after their step has closed, and count both."""
        in_time = ends > self._gate.closed
        late = int(np.count_nonzero(new & ~in_time))
        repeated = int(np.count_nonzero(~new))
        if late:
            self._metrics.late_rows_total.labels(stage=self._stage.name).inc(late)
        if repeated:
            self._metrics.repeated_rows_total.labels(stage=self._stage.name).inc(repeated)
        if late or repeated:
            kept = new & in_time
            return rows.take(kept), ends[kept]
        return rows, ends

    def _close(self, until: float) -> list[Emission]:
        forced = self._gate.overfull_until(self._settings.max_pending_rows)
        if forced is not None and forced > until:
            self._metrics.steps_forced_total.labels(stage=self._stage.name).inc()
            until = forced
        if until <= self._gate.closed:
            return []
        for end, rows in self._gate.close(until):
            self._stage.step(end, rows)
            self._steps.inc()
        self._watermark.set(until)
        return self._stage.emit(self._gate.closed)

    # -- durable state ------------------------------------------------------------------------

    def take_changes(self) -> StateRows:
        """Return the state rows changed since the last call; None as value deletes the key."""
        return self._stage.take_changes()

    def header(self) -> bytes:
        """Return the row that says what the state contains and where to read on."""
        offset, sources = self._gate.resume
        return msgspec.msgpack.encode(
            Header(
                version=STATE_VERSION,
                stage=self._stage.name,
                step_s=self._settings.step_s,
                closed=self._gate.closed,
                resume=offset,
                expected=self._gate.expected,
                sources={n: (s.floor, s.mark, s.idle) for n, s in sources.items()},
            )
        )

    def restore(self, rows: Iterable[tuple[bytes, bytes]], header: bytes | None) -> None:
        """Put back what a predecessor flushed; raises StateError when that cannot be used."""
        if header is None:
            return
        stored = self._decode(header)
        self._gate.closed = stored.closed
        self._gate.expected = stored.expected
        self._gate.next_offset = stored.resume
        self._gate.sources = {n: Source(*said) for n, said in stored.sources.items()}
        self._stage.load(rows)

    def _decode(self, header: bytes) -> Header:
        remedy = "delete the internal topics to start afresh, or run the version that wrote them"
        try:
            stored = msgspec.msgpack.decode(header, type=Header)
        except msgspec.MsgspecError as error:
            raise StateError(
                f"state of {self._stage.name} is unreadable: {error}; {remedy}"
            ) from error
        if stored.version != STATE_VERSION:
            raise StateError(
                f"state of {self._stage.name} has version {stored.version}, this worker reads "
                f"{STATE_VERSION}; {remedy}"
            )
        if stored.step_s != self._settings.step_s:
            raise StateError(
                f"state of {self._stage.name} has steps of {stored.step_s:g} s, windows.step_s is "
                f"{self._settings.step_s:g}; set it back, or {remedy}"
            )
        return stored
