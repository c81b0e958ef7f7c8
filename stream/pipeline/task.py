"""A partition task: one partition of one stage, from internal records to emissions and state.

A task does no input or output and reads no clock. It buffers rows until their window closes
(:class:`~stream.pipeline.event_time.EventTimeBuffer`), passes whole windows to its stage, and knows
the offset from which a recovered task has to read. Delivery is at-least-once, the effect on state
is exactly-once:

* State holds closed windows only. The checkpoint record has the output watermark, which is the end
  of the last of them.
* A recovered task resumes at the oldest record with rows of an open window. It reads some rows of
  closed windows again and drops them: their window ends at or before the output watermark. Records
  before ``next_unread`` were read before, so these rows are replayed, not late.
* Feedback enters the state as soon as it is read. Applying it again changes nothing.
* Accounts are forgotten once, in the state and among the rows of open windows. A recovered task
  reads these rows again and drops them again, but not what the state has of the accounts since.
* Rows at or below a source's ``last_applied_offset`` are duplicates and are dropped. So are rows of
  the next window that an earlier chunk had (:mod:`stream.pipeline.chunks`).

A recovered task loads state in the order it was written: schema, rows, checkpoint record.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Generic, Protocol, TypeVar

import msgspec
import numpy as np

from stream.core.errors import StateError
from stream.core.packets import LATEST, MOST_SOURCES, IdleClaim, Packet, unpack
from stream.pipeline.event_time import EventTimeBuffer, SourceProgress, SplittableRows
from stream.pipeline.state_loader import StateLoader, reading
from stream.pipeline.state_parts import CHECKPOINT
from stream.telemetry.contribution import GaugeContribution

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stream.accounts.windows.settings import WindowSettings
    from stream.core.batch import Array
    from stream.core.packets import Feedback
    from stream.core.records import Emission
    from stream.pipeline.metrics import PipelineMetrics
    from stream.pipeline.state_loader import Relearned
    from stream.store.durable import StateRows

R = TypeVar("R", bound=SplittableRows)


@dataclass(frozen=True, slots=True)
class Parsed(Generic[R]):
    """The rows of a packet, and its source's progress after it (see SourceProgress)."""

    rows: R
    ends: Array  # window end of each row, epoch seconds
    is_new: Array  # bool for each row: False for a duplicate
    last_applied_offset: float
    rows_applied: int = 0
    weights: Array | None = None  # for how many rows each counts in memory; None: for one


class Stage(Protocol[R]):
    """What differs between the stages: how rows arrive, what a window does, what goes out."""

    name: str

    @property
    def layouts(self) -> Mapping[str, Mapping[str, str]]:
        """Return what the stored rows of each part consist of; see state_parts.py."""
        ...

    def parse(self, packet: Packet, known: SourceProgress) -> Parsed[R]:
        """Return the rows of a packet, given the progress of its source."""
        ...

    def process_window(self, end: float, rows: list[R]) -> None:
        """Process one whole window and keep what is to be sent."""
        ...

    def apply_feedback(self, time: float, feedback: Feedback) -> list[Emission]:
        """Apply feedback after the window that ended at ``time``; idempotent."""
        ...

    def emit(self, watermark: float) -> list[Emission]:
        """Return the output of the windows since the last call, with the watermark reached."""
        ...

    def release(self) -> None:
        """Withdraw this stage's contribution to the gauges."""
        ...

    def take_changes(self) -> StateRows:
        """Return the state rows changed since the last call."""
        ...

    def load(self, part: str, rows: StateRows) -> None:
        """Load stored rows of a part in the order they were written; None deletes."""
        ...

    def loaded(self, part: str) -> None:
        """Finish loading a part: there are no more rows of it."""
        ...

    def recovered(self) -> None:
        """Continue after all parts are loaded."""
        ...


#: As in packets: with other numbers a task would wait, or drop all it reads, for ever.
_Offset = Annotated[int, msgspec.Meta(ge=0)]
_Source = Annotated[int, msgspec.Meta(ge=0, lt=MOST_SOURCES)]
_Time = Annotated[float, msgspec.Meta(lt=LATEST)]
_Applied = Annotated[float, msgspec.Meta(lt=2.0**63)]  # an offset, or the end of a window


class CheckpointRecord(msgspec.Struct, frozen=True):
    """The record that completes a checkpoint."""

    output_watermark: _Time
    resume_offset: _Offset | None
    expected_sources: Annotated[int, msgspec.Meta(ge=0, le=MOST_SOURCES)]
    sources: dict[_Source, tuple[_Applied, _Time, str]]  # and topic id: SourceProgress
    next_unread: _Offset = 0  # the first internal offset that no task has read yet
    idle: dict[_Source, tuple[IdleClaim, _Time]] = {}  # idle, idle_until of SourceProgress


class PartitionTask(Generic[R]):
    """One partition of one stage."""

    def __init__(
        self, stage: Stage[R], task: int, settings: WindowSettings, metrics: PipelineMetrics
    ) -> None:
        """Start number ``task`` empty; :meth:`restore` continues from stored state."""
        self._stage = stage
        self._settings = settings
        self._metrics = metrics
        self._pending = GaugeContribution(metrics.pending_rows.labels(stage=stage.name))
        self._watermark = metrics.watermark_timestamp_seconds.labels(
            stage=stage.name, partition=task
        )
        self._windows = metrics.windows_closed_total.labels(stage=stage.name)
        self._buffer: EventTimeBuffer[R] = EventTimeBuffer(settings.window_s)
        self._next_unread = 0
        self._state = StateLoader(stage, {"windows.window_s": f"{settings.window_s:g}"})

    @property
    def resume_offset(self) -> int | None:
        """Return the internal offset to read from after a recovery; None: the beginning."""
        return self._buffer.resume_point[0]

    def feed(self, offset: int, value: bytes) -> list[Emission]:
        """Process the internal record at ``offset``; return what is to be sent on.

        Raises PacketError when the record is not a packet: stopping is right, because skipping
        would lose requests silently.
        """
        packet = unpack(value)
        replayed = offset < self._next_unread
        self._next_unread = max(self._next_unread, offset + 1)
        if packet.feedback is not None:
            # Applied at once, after the last closed window: its offset orders it.
            self._buffer.skip(offset)
            if packet.feedback.forgotten:
                self._buffer.forget({*packet.feedback.forgotten})
                if replayed:
                    return []
            return self._stage.apply_feedback(self._buffer.output_watermark, packet.feedback)
        before = dict(self._buffer.sources)
        known = before.get(packet.source, SourceProgress()).for_topic(packet.topic_id)
        parsed = self._stage.parse(packet, known)
        rows, ends, weights = self._admit(parsed, replayed=replayed)
        self._buffer.buffer(offset, rows, ends, before, weights)
        self._buffer.observe_watermark(
            packet.source,
            sources=packet.sources,
            watermark=packet.watermark,
            idle=packet.idle,
            last_applied_offset=parsed.last_applied_offset,
            rows_applied=parsed.rows_applied,
            topic_id=packet.topic_id,
        )
        emissions = self._close(self._buffer.next_window_end())
        self._pending.set(self._buffer.buffered_rows)
        return emissions

    def release(self) -> None:
        """Withdraw the gauges' contributions: the task ends or moves to another worker."""
        self._pending.withdraw()
        self._stage.release()

    def finish(self) -> list[Emission]:
        """Close every window that has rows: there will be no more (end of a replayed file)."""
        end = self._buffer.last_window_end
        return self._close(end if end is not None else self._buffer.output_watermark)

    def _admit(self, parsed: Parsed[R], *, replayed: bool) -> tuple[R, Array, Array | None]:
        """Drop duplicates and late rows, and count both.

        A ``replayed`` record has rows of closed windows that were counted before: not late.
        """
        rows, ends, is_new, weights = parsed.rows, parsed.ends, parsed.is_new, parsed.weights
        in_time = ends > self._buffer.output_watermark
        if replayed:
            is_new = is_new & in_time
        late = int(np.count_nonzero(is_new & ~in_time))
        duplicate = int(np.count_nonzero(~is_new))
        if late:
            self._metrics.late_rows_total.labels(stage=self._stage.name).inc(late)
        if duplicate:
            self._metrics.replayed_rows_total.labels(stage=self._stage.name).inc(duplicate)
        if late or duplicate:
            kept = is_new & in_time
            return rows.take(kept), ends[kept], None if weights is None else weights[kept]
        return rows, ends, weights

    def _close(self, until: float) -> list[Emission]:
        early = self._buffer.early_firing_end(self._settings.max_pending_rows)
        if early is not None and early > until:
            self._metrics.early_firings_total.labels(stage=self._stage.name).inc()
            until = early
        if until <= self._buffer.output_watermark:
            return []
        for end, rows in self._buffer.close(until):
            self._stage.process_window(end, rows)
            self._windows.inc()
        self._watermark.set(until)
        return self._stage.emit(self._buffer.output_watermark)

    # -- durable state ------------------------------------------------------------------------

    def take_changes(self) -> StateRows:
        """Return the state rows changed since the last call; None as value deletes the key."""
        return self._state.with_deletions(self._stage.take_changes())

    def checkpoint_record(self) -> bytes:
        """Return the record with what the state contains and where to resume reading."""
        offset, sources = self._buffer.resume_point
        return msgspec.msgpack.encode(
            CheckpointRecord(
                output_watermark=self._buffer.output_watermark,
                resume_offset=offset,
                expected_sources=self._buffer.expected_sources,
                sources={
                    n: (s.last_applied_offset, s.watermark, s.topic_id) for n, s in sources.items()
                },
                next_unread=self._next_unread,
                idle={n: (s.idle, s.idle_until) for n, s in sources.items() if s.idle is not None},
            )
        )

    def schema(self) -> bytes:
        """Return the record that precedes the rows of this task in its changelog."""
        return self._state.schema.encode()

    def abandon(self, part: str, reason: str) -> None:
        """Leave a part of stored state out; before it is loaded."""
        self._state.abandon(part, reason)

    @property
    def relearned(self) -> list[Relearned]:
        """Return the parts of stored state that were lost."""
        return self._state.relearned

    def check(self, schema: bytes | None) -> bool:
        """Take the schema of the rows that follow, None without one. Return whether it is own.

        Raises StateError unless this version may read them.
        """
        return self._state.check(schema)

    def load(self, rows: StateRows) -> None:
        """Load stored rows in the order they were written; None deletes.

        Raises LostPartError when a part cannot be read: start again with that one abandoned.
        """
        self._state.load(rows)

    def restore(self, checkpoint: bytes | None) -> None:
        """Continue from the checkpoint record of the loaded rows; None: there are only rows.

        Raises as :meth:`load` does.
        """
        if self._state.has_checkpoint():
            with reading(CHECKPOINT):
                if checkpoint is None:
                    raise StateError("there are rows without it: records of the topic are missing")
                stored = msgspec.msgpack.decode(checkpoint, type=CheckpointRecord)
                self._next_unread = stored.next_unread
                _resume(self._buffer, stored)
        self._state.loaded()


def _resume(buffer: EventTimeBuffer[R], stored: CheckpointRecord) -> None:
    buffer.output_watermark = stored.output_watermark
    buffer.expected_sources = stored.expected_sources
    buffer.next_offset = stored.resume_offset
    buffer.sources = {
        n: SourceProgress(*s, 0, *stored.idle.get(n, (None, -math.inf)))
        for n, s in stored.sources.items()
    }
