"""When a step of event time is over: rows wait here until every source has moved past them.

A step is closed once, whole, and in a sorted order by its consumer, so that what follows depends
on the events alone: not on their interleaving, on batch borders or on the number of workers.
The watermarks are those of Akidau et al., "The Dataflow Model" (VLDB 2015), per source::

    source 0   ────────────●  mark 12:03:20
    source 1   ──────●        mark 12:01:50   ◀─ holds the gate
    source 2   ─ idle ──●     as far as the furthest whenever it says so
    steps      |12:00|12:01|12:02|12:03|      closed up to 12:01

A source that is read to its end and silent says so again and again. Each time it has nothing older
than what the others have come to, and no more than that: whoever reads it may fail the next moment,
and what it has by the time that somebody reads on is not late.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Generic, Protocol, Self, TypeVar

import numpy as np

from stream.store.order import run_sizes, run_starts

if TYPE_CHECKING:
    from stream.core.events import Array


class Rows(Protocol):
    """A batch of rows that can be cut."""

    def __len__(self) -> int:
        """Return the number of rows."""
        ...

    def take(self, index: Array | slice, /) -> Self:
        """Return the rows at ``index`` (a mask, positions or a slice)."""
        ...


R = TypeVar("R", bound=Rows)


@dataclass(frozen=True, slots=True)
class Source:
    """What a source has said so far.

    ``floor`` is the last thing of it that was taken (a source offset, or a mark): anything at or
    below is a repetition, unless it is of another ``origin``, which counts anew. So are the first
    ``taken`` rows of the step that follows a mark. A successor starts with none taken: it reads an
    open step from its first row on.
    """

    floor: float = -math.inf
    mark: float = -math.inf
    origin: str = ""
    taken: int = 0

    def as_of(self, origin: str) -> Source:
        """Return what still holds for this source of an origin; an unknown one may be the same."""
        if not origin or not self.origin or origin == self.origin:
            return replace(self, origin=origin or self.origin)
        return Source(mark=self.mark, origin=origin)


@dataclass(frozen=True, slots=True)
class Waiting(Generic[R]):
    """Rows of one internal record that are not closed yet, and what was known before it."""

    offset: int
    rows: R
    ends: Array  # step end of each row, epoch seconds
    weights: Array  # for how many rows each counts in memory
    before: dict[int, Source]


def step_ends(times: Array, window_s: float) -> Array:
    """Return the end of the step that each time lies in, shape ``(n,)``, f8."""
    return np.asarray((np.floor(times / window_s) + 1) * window_s)


@dataclass
class StepGate(Generic[R]):
    """Sources, their marks, and the rows that wait; ``closed`` never runs backwards."""

    window_s: float
    closed: float = -math.inf
    sources: dict[int, Source] = field(default_factory=dict)
    expected: int = 0
    next_offset: int | None = None
    waiting_rows: int = 0  # by their weights
    _waiting: list[Waiting[R]] = field(default_factory=list)

    def hear(
        self,
        source: int,
        *,
        sources: int,
        mark: float,
        idle: bool,
        floor: float,
        taken: int = 0,
        origin: str = "",
    ) -> None:
        """Take note of a source's mark; marks never run backwards, floors only with the origin."""
        before = self.sources.get(source, Source())
        known = before.as_of(origin)
        if before.origin and known.origin != before.origin:
            # What was made anew may have fewer partitions: nobody waits for the others any more.
            self.sources = {n: said for n, said in self.sources.items() if n < sources}
            self.expected = sources
        others = (said.mark for said in self.sources.values() if idle)
        self.sources[source] = Source(
            max(known.floor, floor), max(known.mark, mark, *others), known.origin, taken
        )
        self.expected = max(self.expected, sources)

    def hold(
        self,
        offset: int,
        rows: R,
        ends: Array,
        before: dict[int, Source],
        weights: Array | None = None,
    ) -> None:
        """Keep the rows of the internal record at ``offset`` until their steps close."""
        self.next_offset = offset + 1
        if len(rows):
            weights = np.ones(len(rows), np.int8) if weights is None else weights
            self.waiting_rows += int(weights.sum())
            self._waiting.append(Waiting(offset, rows, ends, weights, before))

    def pass_over(self, offset: int) -> None:
        """Note that the internal record at ``offset`` was read and has no rows."""
        self.next_offset = offset + 1

    def closable(self) -> float:
        """Return the end of the last step that every source has passed, epoch seconds."""
        if len(self.sources) < self.expected or not self.sources:
            return -math.inf
        return self.floor_step(min(source.mark for source in self.sources.values()))

    def floor_step(self, time: float) -> float:
        """Return the last step border at or before ``time``."""
        return math.floor(time / self.window_s) * self.window_s if math.isfinite(time) else time

    def close(self, until: float) -> list[tuple[float, list[R]]]:
        """Close all steps up to ``until``: return (end, rows) for each step that has rows."""
        if until <= self.closed:
            return []
        self.closed = until
        steps: dict[float, list[R]] = {}
        waiting, self._waiting = self._waiting, []
        for held in waiting:
            ends = held.ends
            over, rest = np.flatnonzero(ends <= until), np.flatnonzero(ends > until)
            if not len(over):
                self._waiting.append(held)
                continue
            self.waiting_rows -= int(held.weights[over].sum())
            over = over[np.argsort(ends[over], kind="stable")]
            # Taken once, in order: of many steps each is a slice.
            rows, at = held.rows.take(over), ends[over]
            starts = run_starts(at)
            stops = starts + run_sizes(starts, len(at))
            for start, stop in zip(starts.tolist(), stops.tolist(), strict=True):
                steps.setdefault(float(at[start]), []).append(rows.take(slice(start, stop)))
            if len(rest):
                left = held.rows.take(rest), ends[rest], held.weights[rest]
                self._waiting.append(Waiting(held.offset, *left, held.before))
        return sorted(steps.items())

    def overfull_until(self, limit: int) -> float | None:
        """Return up to where to close so that at most half of ``limit`` rows wait, or None."""
        if self.waiting_rows <= limit:
            return None
        ends = np.concatenate([np.repeat(held.ends, held.weights) for held in self._waiting])
        ends.sort()
        return float(ends[len(ends) - limit // 2 - 1])

    @property
    def last_end(self) -> float | None:
        """Return the end of the last step that has rows waiting, epoch seconds, or None."""
        return max((float(held.ends.max()) for held in self._waiting), default=None)

    @property
    def resume(self) -> tuple[int | None, dict[int, Source]]:
        """Return where a successor must start reading, and what was known before that record."""
        if self._waiting:
            oldest = self._waiting[0]
            return oldest.offset, oldest.before
        return self.next_offset, dict(self.sources)
