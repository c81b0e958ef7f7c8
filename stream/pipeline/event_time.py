"""Buffers rows by event time until the watermark closes their window; it reads no clock.

A tumbling window closes once, as a whole, when every source has passed its end; its consumer sorts
the rows. So results depend on the events alone: not on how sources interleave, where batches end or
how many workers there are. Watermarks are those of Akidau et al., "The Dataflow Model" (VLDB 2015),
one for each source; the output watermark is the end of the last window that has closed::

    source 0   ────────────●  watermark 12:03:20
    source 1   ──────●        watermark 12:01:50   ◀─ holds the output watermark back
    source 2   ─ idle ──●     moved up to the largest watermark at the idle claim
    windows    |12:00|12:01|12:02|12:03|           closed up to 12:01

Idle sources: the reader of a source that has been read to its end repeats an idle claim with that
offset (:class:`~stream.core.packets.IdleClaim`), each time in two packets. The second moves the
source's watermark up to the largest watermark known at the first, and never further. So no record
counts as late because of a claim, whatever happens meanwhile::

    internal log      announced at 7 ── packets of other sources ── confirmed at 7
    source's reader            acknowledged ── requests the end: 7 ──┘

A record that arrives after the end was requested is newer than everything before the announcement,
if events reach their partitions in the order of their times (give or take the allowed lateness).
One packet alone proves nothing: packets of other sources may overtake it, with times after those of
records that arrive meanwhile. The worker that reads the source may also fail right after a claim;
another takes over when the other sources are far ahead.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Generic, Protocol, Self, TypeVar

import numpy as np
from msgspec.structs import replace as replace_claim

from stream.store.order import run_sizes, run_starts

if TYPE_CHECKING:
    from collections.abc import Collection

    from stream.core.batch import Array, Mask
    from stream.core.packets import IdleClaim


class SplittableRows(Protocol):
    """A batch of rows that can be split."""

    def __len__(self) -> int:
        """Return the number of rows."""
        ...

    def take(self, index: Array | slice, /) -> Self:
        """Return the rows at ``index`` (a mask, positions or a slice)."""
        ...

    def without(self, accounts: Collection[str], /) -> tuple[Self, Mask]:
        """Return the rows without some accounts, and which of the rows these are, ``(n,)``."""
        ...


R = TypeVar("R", bound=SplittableRows)


@dataclass(frozen=True, slots=True)
class SourceProgress:
    """How far one source has been applied.

    ``last_applied_offset`` is the largest source offset applied or, for the stages after intake,
    the end of the last window applied in full: a row at or below it is a duplicate. So are the
    first ``rows_applied`` rows of the window that follows. Both count within one ``topic_id``
    (KIP-516): a topic that was deleted and created again numbers its records from 0. A recovered
    task starts with ``rows_applied`` 0, because it reads an open window from its first row.
    ``idle`` is the claim that the source's last packet announced or confirmed, as announced, and
    ``idle_until`` the largest watermark known then.
    """

    last_applied_offset: float = -math.inf
    watermark: float = -math.inf
    topic_id: str = ""
    rows_applied: int = 0
    idle: IdleClaim | None = None
    idle_until: float = -math.inf

    def for_topic(self, topic_id: str) -> SourceProgress:
        """Return what still holds when the source is this topic; "" may be the same topic."""
        if not topic_id or not self.topic_id or topic_id == self.topic_id:
            return replace(self, topic_id=topic_id or self.topic_id)
        return SourceProgress(watermark=self.watermark, topic_id=topic_id)


@dataclass(frozen=True, slots=True)
class BufferedRows(Generic[R]):
    """Rows of one internal record whose windows are open, and the progress before the record."""

    offset: int
    rows: R
    ends: Array  # window end of each row, epoch seconds
    weights: Array  # for how many rows each counts in memory
    before: dict[int, SourceProgress]


def window_ends(times: Array, window_s: float) -> Array:
    """Return the end of the window that each time lies in, shape ``(n,)``, f8."""
    return np.asarray((np.floor(times / window_s) + 1) * window_s)


@dataclass
class EventTimeBuffer(Generic[R]):
    """Sources with their watermarks, and buffered rows; ``output_watermark`` never decreases."""

    window_s: float
    output_watermark: float = -math.inf
    sources: dict[int, SourceProgress] = field(default_factory=dict)
    expected_sources: int = 0
    next_offset: int | None = None
    buffered_rows: int = 0  # by their weights
    _buffered: list[BufferedRows[R]] = field(default_factory=list)

    def observe_watermark(
        self,
        source: int,
        *,
        sources: int,
        watermark: float,
        idle: IdleClaim | None,
        last_applied_offset: float,
        rows_applied: int = 0,
        topic_id: str = "",
    ) -> None:
        """Record the progress of one of ``sources`` sources.

        A watermark never decreases. ``last_applied_offset`` decreases only with a new topic.
        """
        before = self.sources.get(source, SourceProgress())
        known = before.for_topic(topic_id)
        if before.topic_id and known.topic_id != before.topic_id:
            # The new topic may have fewer partitions: do not wait for the others any longer.
            self.sources = {n: seen for n, seen in self.sources.items() if n < sources}
            self.expected_sources = sources
        announced, until = self._idle_claim(known, idle)
        confirmed = until if idle is not None and idle.confirmed else -math.inf
        self.sources[source] = SourceProgress(
            max(known.last_applied_offset, last_applied_offset),
            max(known.watermark, watermark, confirmed),
            known.topic_id,
            rows_applied,
            announced,
            until,
        )
        self.expected_sources = max(self.expected_sources, sources)

    def _idle_claim(
        self, known: SourceProgress, claim: IdleClaim | None
    ) -> tuple[IdleClaim | None, float]:
        """Return the claim that a packet leaves announced, and up to which watermark it holds."""
        if claim is not None and not claim.confirmed:
            return claim, max((one.watermark for one in self.sources.values()), default=-math.inf)
        if claim is not None and known.idle == replace_claim(claim, confirmed=False):
            return known.idle, known.idle_until
        return None, -math.inf

    def buffer(
        self,
        offset: int,
        rows: R,
        ends: Array,
        before: dict[int, SourceProgress],
        weights: Array | None = None,
    ) -> None:
        """Keep the rows of the internal record at ``offset`` until their windows close."""
        self.next_offset = offset + 1
        if len(rows):
            weights = np.ones(len(rows), np.int8) if weights is None else weights
            self.buffered_rows += int(weights.sum())
            self._buffered.append(BufferedRows(offset, rows, ends, weights, before))

    def skip(self, offset: int) -> None:
        """Note that the internal record at ``offset`` was read and has no rows."""
        self.next_offset = offset + 1

    def forget(self, accounts: Collection[str]) -> None:
        """Drop the buffered rows of accounts."""
        buffered, self._buffered = self._buffered, []
        for part in buffered:
            rows, kept = part.rows.without(accounts)
            self.buffered_rows -= int(part.weights[~kept].sum())
            if len(rows):
                left = rows, part.ends[kept], part.weights[kept]
                self._buffered.append(BufferedRows(part.offset, *left, part.before))

    def next_window_end(self) -> float:
        """Return the end of the last window that every source has passed, epoch seconds.

        -inf while a source is unknown: windows up to this end can be closed.
        """
        if len(self.sources) < self.expected_sources or not self.sources:
            return -math.inf
        return self._window_border(min(source.watermark for source in self.sources.values()))

    def close(self, until: float) -> list[tuple[float, list[R]]]:
        """Close all windows up to ``until``: return (end, rows) for each one that has rows."""
        if until <= self.output_watermark:
            return []
        self.output_watermark = until
        windows: dict[float, list[R]] = {}
        buffered, self._buffered = self._buffered, []
        for part in buffered:
            ends = part.ends
            if ends.min() == ends.max() <= until:  # most small ones: nothing is copied
                self.buffered_rows -= int(part.weights.sum())
                windows.setdefault(float(ends[0]), []).append(part.rows)
                continue
            closing, open_ = np.flatnonzero(ends <= until), np.flatnonzero(ends > until)
            if not len(closing):
                self._buffered.append(part)
                continue
            self.buffered_rows -= int(part.weights[closing].sum())
            closing = closing[np.argsort(ends[closing], kind="stable")]
            # Sorted once: then the rows of each window are a slice.
            rows, at = part.rows.take(closing), ends[closing]
            starts = run_starts(at)
            stops = starts + run_sizes(starts, len(at))
            for start, stop in zip(starts.tolist(), stops.tolist(), strict=True):
                windows.setdefault(float(at[start]), []).append(rows.take(slice(start, stop)))
            if len(open_):
                left = part.rows.take(open_), ends[open_], part.weights[open_]
                self._buffered.append(BufferedRows(part.offset, *left, part.before))
        return sorted(windows.items())

    def early_firing_end(self, limit: int) -> float | None:
        """Return up to where to close so that at most half of ``limit`` rows stay buffered.

        None when the buffer is within the limit.
        """
        if self.buffered_rows <= limit:
            return None
        ends = np.concatenate([np.repeat(part.ends, part.weights) for part in self._buffered])
        ends.sort()
        return float(ends[len(ends) - limit // 2 - 1])

    @property
    def last_window_end(self) -> float | None:
        """Return the end of the last window that has buffered rows, epoch seconds, or None."""
        return max((float(part.ends.max()) for part in self._buffered), default=None)

    @property
    def resume_point(self) -> tuple[int | None, dict[int, SourceProgress]]:
        """Return where a recovered task starts reading, and the progress before that record."""
        if self._buffered:
            oldest = self._buffered[0]
            return oldest.offset, oldest.before
        return self.next_offset, dict(self.sources)

    def _window_border(self, time: float) -> float:
        """Return the last window border at or before ``time``."""
        return math.floor(time / self.window_s) * self.window_s if math.isfinite(time) else time
