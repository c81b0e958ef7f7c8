"""Recent activity of accounts: rolling sums, sketches and moments, vectorised over accounts.

All state is in the fields of an AccountTable; all time is event time. It scores nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from stream.accounts.windows.content_means import ContentMeans
from stream.accounts.windows.contexts import Contexts
from stream.accounts.windows.main_place import MainPlace
from stream.accounts.windows.moments import Moments
from stream.accounts.windows.panes import HORIZONS, PaneRing
from stream.accounts.windows.questions import Questions
from stream.accounts.windows.retention import Retention
from stream.accounts.windows.sketches import DAY_S, DistinctSketch, Expiry, LeaderSketch
from stream.store.columns import Field

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stream.core.batch import (
        AccountSlots,
        Array,
        Counts,
        Floats,
        Positions,
        Seconds,
    )
    from stream.store.account_table import AccountTable

#: Metrics that the rings sum, in order; the hour and the week have the first of them.
METRICS: Final = ("requests", "input_tokens", "output_tokens", "errors", "logprobs")

#: What is counted without end: COUNTS.
COUNTED: Final = (*METRICS[:3], "reasoning_tokens")

_HOUR_S: Final = 3600.0
_FIRST_ERROR_STATUS: Final = 400
#: A request this long ago counts half in shares and means.
_HALF_LIFE_S: Final = DAY_S
#: Without a creation time an account counts as new only if it came after this much stream
#: (assumed: most regular accounts send a request within three days).
_KNOWN_STREAM_S: Final = 3 * DAY_S
_ONE: Final = np.uint64(1)
_WORD: Final = np.uint64(2**64 - 1)
_TOP_BIT: Final = 63
#: The last 48 hours, the newest first.
_BACK: Final = np.arange(48, dtype=np.uint64)
_DAY_BITS: Final = np.uint64(2**24 - 1)

_DISTINCT: Final = {
    sketch.name: sketch
    for sketch in (
        DistinctSketch("addresses", "address"),
        DistinctSketch("user_agents", "user_agent"),
        DistinctSketch("networks", "network"),
        DistinctSketch("countries", "country", spread=True),
        DistinctSketch("countries_hour", "country", period_s=_HOUR_S, spread=True),
        DistinctSketch("prompts", "prompt", words=4),
    )
}
_PERIODS: Final = frozenset(sketch.period_s for sketch in _DISTINCT.values())
_LEADERS: Final = {
    sketch.name: sketch
    for sketch in (
        LeaderSketch("template", "template"),
        LeaderSketch("system_prompt", "system_prompt"),
    )
}


@dataclass(frozen=True, slots=True)
class WindowRows:
    """The events of one window, sorted by account and time; account i's begin at ``at[i]``."""

    time: float  # end of the window, epoch seconds
    window_s: float
    accounts: list[str]  # distinct, in the order of the rows
    at: Positions  # shape (n,)
    columns: Mapping[str, Array]  # shape (rows,)


class AccountWindows:
    """Rolling per-account state in event time, over the fields of a table."""

    FIELDS: Final = (
        Field("first_seen", np.dtype("<f8"), initial=np.nan),
        Field("last_seen", np.dtype("<f8"), initial=np.nan),
        Field("created_at", np.dtype("<f8"), initial=np.nan),
        Field("plan", np.dtype("<u4")),  # keyed fingerprint, 0 when unknown
        Field("hours", np.dtype("<u8")),  # bit h % 64: a request in hour h
        Field("total", np.dtype("<i8"), (len(COUNTED),)),  # since first_seen
        *(PaneRing.field(horizon) for horizon in HORIZONS.values()),
        *(sketch.field for sketch in _DISTINCT.values()),
        *(field for sketch in _LEADERS.values() for field in sketch.fields()),
        *Moments.FIELDS,
        *ContentMeans.FIELDS,
        *Questions.FIELDS,
        *Contexts.FIELDS,
        *MainPlace.FIELDS,
    )

    #: What the stored fields mean beyond their names.
    layout: Final = {
        "sums": " ".join(METRICS),
        "beginning of the stream": "epoch seconds",
        **{f"panes of the {name}": f"{h.panes} x {h.width_s:g} s" for name, h in HORIZONS.items()},
    }

    def __init__(self, table: AccountTable) -> None:
        """Work on ``table``, which has to have :attr:`FIELDS`."""
        #: Event time of the first request, also of accounts that were evicted since.
        self.began_s = math.inf
        self._table = table
        self._rings = {name: PaneRing(horizon, table) for name, horizon in HORIZONS.items()}
        self.retention: Final = Retention(table)
        self.moments: Final = Moments(table)
        #: The prompts' content.
        self.content: Final = ContentMeans(table)
        self.questions: Final = Questions(table)
        self.place: Final = MainPlace(table)
        #: Added to apart from :meth:`update`: what it returns is needed later.
        self.contexts: Final = Contexts(table)

    # -- writing ------------------------------------------------------------------------------

    def update(self, rows: WindowRows) -> AccountSlots:
        """Add the events of one window; return the slots of its accounts, shape ``(n,)``, i8."""
        table, columns, at = self._table, rows.columns, rows.at
        keep = self.retention
        slots = table.slots(
            rows.accounts, priority=keep.eviction_priority, protected=keep.protected
        )
        last_seen = table["last_seen"][slots]
        start = rows.time - rows.window_s
        sums = self._sums(columns, at)
        for ring in self._rings.values():
            ring.add(slots, start, last_seen, sums)
        reasoning = np.add.reduceat(columns["reasoning_tokens"], at, dtype=np.int64)
        counted = np.column_stack((sums[:, : len(COUNTED) - 1], reasoning))
        table["total"][slots] += counted.astype(np.int64)
        expiry = {period: Expiry.of(period, start, last_seen) for period in _PERIODS}
        for distinct in _DISTINCT.values():
            values = columns[distinct.column]
            distinct.add(table, slots, expiry[distinct.period_s], values, at)
        first, last = (
            columns["time"][at],
            columns["time"][np.append(at[1:], len(columns["time"])) - 1],
        )
        age = np.where(np.isnan(last_seen), 0, last - last_seen)
        decay = np.exp2(-np.maximum(age, 0) / _HALF_LIFE_S)
        for leader in _LEADERS.values():
            leader.add(table, slots, decay, columns[leader.column], at)
        self.content.add(slots, last - last_seen, columns, at, rows.time)
        self.moments.add(slots, decay, columns, at, last_seen)
        self._add_times(slots, first, last, columns, at)
        self.place.add(slots, columns, at)
        self.questions.add(slots, columns, at, self.requests("day", slots, rows.time))
        return slots

    def _sums(self, columns: Mapping[str, Array], at: Positions) -> Floats:
        rows = np.stack(
            [
                np.ones(len(columns["time"])),
                columns["input_tokens"],
                columns["output_tokens"],
                columns["status"] >= _FIRST_ERROR_STATUS,
                columns["logprobs"],
            ],
            axis=1,
        )
        return np.asarray(np.add.reduceat(rows, at, axis=0))

    def _add_times(
        self,
        slots: AccountSlots,
        first: Seconds,
        last: Seconds,
        columns: Mapping[str, Array],
        at: Positions,
    ) -> None:
        table = self._table
        hour, last_hour = np.floor(last / _HOUR_S), np.floor(table["last_seen"][slots] / _HOUR_S)
        table["hours"][slots] = _aged_hours(table["hours"][slots], last_hour, hour) | _rotated(
            _ONE, hour
        )
        self.began_s = min(self.began_s, float(first.min()))
        table["first_seen"][slots] = np.fmin(table["first_seen"][slots], first)
        table["last_seen"][slots] = np.fmax(table["last_seen"][slots], last)
        plan = np.maximum.reduceat(columns["plan"], at)
        table["plan"][slots] = np.where(plan > 0, plan, table["plan"][slots])
        created = np.fmax.reduceat(columns["created_at"], at)
        table["created_at"][slots] = np.fmax(table["created_at"][slots], created)

    # -- reading ------------------------------------------------------------------------------

    def totals(self, horizon: str, slots: AccountSlots, time: float) -> Floats:
        """Return the rolling sums of the horizon's first :data:`METRICS`, ``(n, metrics)``, f8."""
        return self._rings[horizon].totals(slots, time, self._table["last_seen"][slots])

    def total(self, slots: AccountSlots) -> Counts:
        """Return all of :data:`COUNTED` since the account was first seen, ``(n, 4)``, i8."""
        return np.asarray(self._table["total"][slots])

    def requests(self, horizon: str, slots: AccountSlots, time: float) -> Floats:
        """Return the rolling number of requests alone, shape ``(n,)``, f8."""
        metric, last_seen = METRICS.index("requests"), self._table["last_seen"][slots]
        return self._rings[horizon].total(metric, slots, time, last_seen)

    def known_s(self, slots: AccountSlots, time: float) -> Seconds:
        """Return the time since the first request that was seen, seconds, shape ``(n,)``, f8."""
        return np.asarray(time - self._table["first_seen"][slots])

    def age_s(self, slots: AccountSlots, time: float) -> Seconds:
        """Return the time since creation, or since a first request in a stream that was known.

        Seconds, shape ``(n,)``, f8; NaN when unknown.
        """
        created, came = self._table["created_at"][slots], self._table["first_seen"][slots]
        is_new = np.isnan(created) & (came - self.began_s >= _KNOWN_STREAM_S)
        return np.asarray(np.maximum(time - np.where(is_new, came, created), 0))

    def distinct(self, slots: AccountSlots, time: float) -> dict[str, Floats]:
        """Return estimated distinct values over the last one to two days, each ``(n,)``, f8.

        Of addresses, user_agents, networks, countries and prompts; countries_hour of hours.
        """
        last_seen = self._table["last_seen"][slots]
        expiry = {period: Expiry.of(period, time, last_seen) for period in _PERIODS}
        return {
            name: sketch.estimate(self._table, slots, expiry[sketch.period_s])
            for name, sketch in _DISTINCT.items()
        }

    def networks(self, slots: AccountSlots, time: float) -> Floats:
        """Return the estimated distinct networks alone, as :meth:`distinct`, shape ``(n,)``."""
        return _estimate(self._table, "networks", slots, time)

    def user_agents(self, slots: AccountSlots, time: float) -> Floats:
        """Return the estimated distinct user agents alone, as :meth:`distinct`, shape ``(n,)``."""
        return _estimate(self._table, "user_agents", slots, time)

    def active_hours(self, slots: AccountSlots, time: float) -> Counts:
        """Return how many of the last 24 hours had a request, shape ``(n,)``, i8."""
        last_hour = np.floor(self._table["last_seen"][slots] / _HOUR_S)
        # A window that ends on the hour belongs to the hour before.
        hour = int(np.ceil(time / _HOUR_S)) - 1
        aged = _aged_hours(self._table["hours"][slots], last_hour, hour)
        return np.bitwise_count(aged & _rotated(_DAY_BITS, hour - 23)).astype(np.int64)

    def hours_on_end(self, slots: AccountSlots, time: float) -> Counts:
        """Return for how many hours on end each account had requests, now included, ``(n,)``, i8.

        At most 48; an hour without a request ends the count, 0 when that is the present one.
        """
        last_hour = np.floor(self._table["last_seen"][slots] / _HOUR_S)
        hour = int(np.ceil(time / _HOUR_S)) - 1
        aged = _aged_hours(self._table["hours"][slots], last_hour, hour)
        newest_first = _rotated(aged, _TOP_BIT - hour)[:, None] >> (_TOP_BIT - _BACK)
        return np.asarray(np.cumprod(newest_first & _ONE, axis=1).sum(axis=1).astype(np.int64))

    def leader_share(self, name: str, slots: AccountSlots) -> Floats:
        """Return the share of requests with an account's most frequent value, ``(n,)``.

        ``name`` is ``template`` or ``system_prompt``; 0 to 1, NaN when unknown.
        """
        return _LEADERS[name].share(self._table, slots)


def _estimate(table: AccountTable, name: str, slots: AccountSlots, time: float) -> Floats:
    """Return one of :meth:`AccountWindows.distinct` alone, shape ``(n,)``."""
    sketch = _DISTINCT[name]
    expiry = Expiry.of(sketch.period_s, time, table["last_seen"][slots])
    return sketch.estimate(table, slots, expiry)


def _aged_hours(hours: Array, last_hour: Floats, hour: Floats | int) -> Array:
    """Clear the bits of the hours after ``last_hour`` up to ``hour``, which had no request."""
    gap = np.fmin(np.maximum(hour - last_hour, 0), 64)  # of the unknown, all
    if not gap.any():
        return hours
    # A shift by 64 is undefined: the full word stands for it.
    passed = np.where(gap < 64, (_ONE << (gap % 64).astype(np.uint64)) - _ONE, _WORD)  # noqa: PLR2004
    return np.asarray(hours & ~_rotated(passed, hour - gap + 1))


def _rotated(bits: Array | np.uint64, by: Floats | int) -> Array:
    """Return 64-bit words rotated left, so that bit h stands where hour h + ``by`` has its own."""
    left = np.asarray(np.mod(by, 64), np.uint64)
    right = (np.uint64(64) - left) % np.uint64(64)
    return np.asarray((bits << left) | (bits >> right))
