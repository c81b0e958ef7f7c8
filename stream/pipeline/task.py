"""A task: one partition of one stage, from internal records in to emissions and state out.

A task is pure: no input or output, no clock. It holds rows until their step closes (StepGate),
hands whole steps to its stage, and knows from where a successor has to read on. What makes the
effect on state exactly-once although delivery is at-least-once:

* state contains closed steps only, and the header says up to which step (``closed``);
* reading resumes at the oldest record with rows of an open step; rows of closed steps that are
  read again are recognised by ``closed``, and by ``seen`` for what they are: none of them is late;
* what people say is in the state as soon as it is read, and hearing it again changes nothing;
* a source's rows at or below its ``floor`` are repetitions and are dropped, and so are those
  rows of the next step that came in an earlier part (see :mod:`stream.pipeline.parts`).

What a successor puts back comes in the order it was written: the schema, rows, a header.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Generic, Protocol, TypeVar

import msgspec
import numpy as np

from stream.accounts.windows.gate import Rows, Source, StepGate
from stream.core.errors import StateError
from stream.core.packets import Packet, unpack
from stream.pipeline.schema import Schema
from stream.telemetry.contribution import GaugeContribution

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from stream.accounts.windows.settings import WindowSettings
    from stream.core.events import Array
    from stream.core.packets import Said
    from stream.core.records import Emission
    from stream.pipeline.metrics import PipelineMetrics

#: What reading bytes raises that are not what was written.
_DAMAGED: Final = (
    msgspec.MsgspecError,
    ArithmeticError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)

R = TypeVar("R", bound=Rows)
StateRows = list[tuple[bytes, bytes | None]]


@dataclass(frozen=True, slots=True)
class Parsed(Generic[R]):
    """The rows of a packet, and what of its source has been taken with it (see Source)."""

    rows: R
    ends: Array  # step end of each row, epoch seconds
    new: Array  # whether each is no repetition
    floor: float
    taken: int = 0
    weights: Array | None = None  # for how many rows each counts in memory; None: for one


class Stage(Protocol[R]):
    """What differs between the stages: how rows arrive, what a step does, what goes out."""

    name: str

    @property
    def layout(self) -> Mapping[str, str]:
        """Return everything that has to agree for stored rows to mean the same."""
        ...

    def parse(self, packet: Packet, known: Source) -> Parsed[R]:
        """Return what is in a packet of a source of which this much is ``known``."""
        ...

    def step(self, end: float, rows: list[R]) -> None:
        """Take in one whole step and keep what is to be sent."""
        ...

    def hear(self, time: float, said: Said) -> list[Emission]:
        """Take in what people say after the step that ended at ``time``; again is harmless."""
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

    def load(self, rows: StateRows) -> None:
        """Take over stored rows in the order they were written; None deletes."""
        ...

    def loaded(self) -> None:
        """Go on with what has been loaded: there is no more."""
        ...


class Header(msgspec.Struct, frozen=True):
    """The row that makes a flush complete."""

    closed: float
    resume: int | None
    expected: int
    sources: dict[int, tuple[float, float, str]]
    seen: int = 0  # the first internal offset that nobody has read yet


class PartitionTask(Generic[R]):
    """One partition of one stage."""

    def __init__(
        self, stage: Stage[R], task: int, settings: WindowSettings, metrics: PipelineMetrics
    ) -> None:
        """Start task number ``task`` empty; :meth:`restore` puts a predecessor's state back."""
        self._stage = stage
        self._settings = settings
        self._metrics = metrics
        self._pending = GaugeContribution(metrics.pending_rows.labels(stage=stage.name))
        self._watermark = metrics.watermark_timestamp_seconds.labels(
            stage=stage.name, partition=task
        )
        self._steps = metrics.windows_closed_total.labels(stage=stage.name)
        self._gate: StepGate[R] = StepGate(settings.window_s)
        self._seen = 0
        self._schema = Schema.of(
            stage.name, {"windows.window_s": f"{settings.window_s:g}", **stage.layout}
        )

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
        again = offset < self._seen
        self._seen = max(self._seen, offset + 1)
        if packet.said is not None:
            # Heard at once, after the last closed step: its place in the topic orders it.
            self._gate.pass_over(offset)
            return self._stage.hear(self._gate.closed, packet.said)
        before = dict(self._gate.sources)
        known = before.get(packet.source, Source()).as_of(packet.origin)
        found = self._stage.parse(packet, known)
        rows, ends, weights = self._admit(found, again=again)
        self._gate.hold(offset, rows, ends, before, weights)
        self._gate.hear(
            packet.source,
            sources=packet.sources,
            mark=packet.mark,
            idle=packet.idle,
            floor=found.floor,
            taken=found.taken,
            origin=packet.origin,
        )
        emissions = self._close(self._gate.closable())
        self._pending.set(self._gate.waiting_rows)
        return emissions

    def release(self) -> None:
        """Give back this task's part of the gauges: it moves to another worker, or is over."""
        self._pending.set(0)
        self._stage.release()

    def finish(self) -> list[Emission]:
        """Close every step that has rows: there will be no more (end of a replayed file)."""
        ends = self._gate.last_end
        return self._close(ends if ends is not None else self._gate.closed)

    def _admit(self, found: Parsed[R], *, again: bool) -> tuple[R, Array, Array | None]:
        """Drop repetitions and rows that come after their step has closed, and count both.

        A record that is read ``again`` holds rows of closed steps that have been counted.
        """
        rows, ends, new, weights = found.rows, found.ends, found.new, found.weights
        in_time = ends > self._gate.closed
        if again:
            new = new & in_time
        late = int(np.count_nonzero(new & ~in_time))
        repeated = int(np.count_nonzero(~new))
        if late:
            self._metrics.late_rows_total.labels(stage=self._stage.name).inc(late)
        if repeated:
            self._metrics.replayed_rows_total.labels(stage=self._stage.name).inc(repeated)
        if late or repeated:
            kept = new & in_time
            return rows.take(kept), ends[kept], None if weights is None else weights[kept]
        return rows, ends, weights

    def _close(self, until: float) -> list[Emission]:
        forced = self._gate.overfull_until(self._settings.max_pending_rows)
        if forced is not None and forced > until:
            self._metrics.early_firings_total.labels(stage=self._stage.name).inc()
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
                closed=self._gate.closed,
                resume=offset,
                expected=self._gate.expected,
                sources={n: (s.floor, s.mark, s.origin) for n, s in sources.items()},
                seen=self._seen,
            )
        )

    def schema(self) -> bytes:
        """Return the row that a log of this task begins with."""
        return self._schema.encode()

    def check(self, schema: bytes | None) -> None:
        """Raise StateError unless a log with this first row can be loaded; None: it has none."""
        with self._reading():
            self._schema.check(schema)

    def load(self, rows: StateRows) -> None:
        """Take over rows of a predecessor in the order they were written; None deletes."""
        with self._reading():
            self._stage.load(rows)

    def restore(self, header: bytes) -> None:
        """Go on from the header of what has been loaded."""
        with self._reading():
            stored = msgspec.msgpack.decode(header, type=Header)
            self._gate.closed = stored.closed
            self._gate.expected = stored.expected
            self._gate.next_offset = stored.resume
            self._seen = stored.seen
            self._gate.sources = {n: Source(*said) for n, said in stored.sources.items()}
            self._stage.loaded()

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """Turn whatever damaged bytes cause into a StateError: they are nobody's mistake here."""
        try:
            yield
        except _DAMAGED as error:
            raise StateError(
                f"{self._stage.name} state cannot be read: {type(error).__name__} {error}"
            ) from error
