"""What an account has done lately: rolling sums, sketches and moments, vectorised over accounts.

All state is in the fields of a AccountTable; all time is the event's. Nothing here judges.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from stream.accounts.windows.content_means import ContentMeans
from stream.accounts.windows.panes import HORIZONS, PaneRing
from stream.accounts.windows.sketches import DAY_S, DistinctSketch, LeaderSketch
from stream.store.columns import Field

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stream.core.batch import AccountSlots, Array, Mask, Seconds
    from stream.store.account_table import AccountTable

#: What the rings sum up, in order; the hour and the week have the first of them.
METRICS: Final = ("requests", "input_tokens", "output_tokens", "errors", "logprobs")

#: What is counted for ever, the first of them.
COUNTED: Final = METRICS[:3]

_HOUR_S: Final = 3600.0
_FIRST_ERROR_STATUS: Final = 400
#: A request this long ago counts half in shares and means.
_HALF_LIFE_S: Final = DAY_S
#: Eviction bonus for each doubling of a week's requests, and for each of its active days.
_BUSY_BONUS_S: Final = 6 * _HOUR_S
_DAY_BONUS_S: Final = DAY_S
#: Without a creation time an account counts as new only when it came after this much stream.
_KNOWN_STREAM_S: Final = 3 * DAY_S
_ONE: Final = np.uint64(1)
_WORD: Final = np.uint64(2**64 - 1)
_DAY_BITS: Final = np.uint64(2**24 - 1)

_DISTINCT: Final = {
    sketch.name: sketch
    for sketch in (
        DistinctSketch("addresses", "address"),
        DistinctSketch("user_agents", "user_agent"),
        DistinctSketch("prompts", "prompt", words=4),
    )
}
_LEADERS: Final = {
    sketch.name: sketch
    for sketch in (
        LeaderSketch("template", "template"),
        LeaderSketch("system_prompt", "system_prompt"),
    )
}
#: Decayed moments: name -> (column, smallest value that says something).
_MEANS: Final[Mapping[str, tuple[str, float]]] = {
    "temperature": ("temperature", 0.0),
    "max_tokens": ("max_tokens", 1.0),
}
_MOMENTS: Final = {"gap": ("n", "sum", "square"), **dict.fromkeys(_MEANS, ("n", "sum"))}


@dataclass(frozen=True, slots=True)
class StepRows:
    """The events of one step, sorted by account and time; account i's begin at ``at[i]``."""

    time: float  # end of the step, epoch seconds
    window_s: float
    accounts: list[str]  # distinct, in the order of the rows
    at: Array  # shape (n,), i8
    columns: Mapping[str, Array]  # shape (rows,)


class AccountWindows:
    """Rolling per-account state in event time, over the fields of a table."""

    FIELDS: Final = (
        Field("first_seen", np.dtype("<f8"), initial=np.nan),
        Field("last_seen", np.dtype("<f8"), initial=np.nan),
        Field("created_at", np.dtype("<f8"), initial=np.nan),
        Field("hours", np.dtype("<u8")),  # bit h % 64: a request in hour h
        Field("total", np.dtype("<i8"), (len(COUNTED),)),  # since first_seen
        *(PaneRing.field(horizon) for horizon in HORIZONS.values()),
        *(sketch.field for sketch in _DISTINCT.values()),
        *(field for sketch in _LEADERS.values() for field in sketch.fields()),
        *(
            Field(f"{name}_{part}", np.dtype("<f4"))
            for name, parts in _MOMENTS.items()
            for part in parts
        ),
        *ContentMeans.FIELDS,
    )

    #: What the stored fields mean beyond their names.
    LAYOUT: Final = {
        "sums": " ".join(METRICS),
        "beginning of the stream": "epoch seconds",
        **{f"panes of the {name}": f"{h.panes} x {h.width_s:g} s" for name, h in HORIZONS.items()},
    }

    def __init__(self, table: AccountTable) -> None:
        """Work on ``table``, which has to have :attr:`FIELDS`."""
        #: Event time of the first request, of accounts that are forgotten by now too.
        self.began_s = math.inf
        self._table = table
        self._rings = {name: PaneRing(horizon, table) for name, horizon in HORIZONS.items()}
        self._content = ContentMeans(table)

    # -- writing ------------------------------------------------------------------------------

    def update(self, rows: StepRows) -> Array:
        """Take in one step; return the slots of its accounts, shape ``(n,)``, i8."""
        table, columns, at = self._table, rows.columns, rows.at
        slots = table.slots(
            rows.accounts, priority=self.eviction_priority, protected=self.protected
        )
        last_seen = table["last_seen"][slots]
        start = rows.time - rows.window_s
        sums = self._sums(columns, at)
        for ring in self._rings.values():
            ring.add(slots, start, last_seen, sums)
        table["total"][slots] += sums[:, : len(COUNTED)].astype(np.int64)
        day, last_day = int(start // DAY_S), _day(last_seen)
        for distinct in _DISTINCT.values():
            distinct.add(table, slots, day, last_day, columns[distinct.column], at)
        first, last = (
            columns["time"][at],
            columns["time"][np.append(at[1:], len(columns["time"])) - 1],
        )
        age = np.where(np.isnan(last_seen), 0, last - last_seen)
        decay = np.exp2(-np.maximum(age, 0) / _HALF_LIFE_S)
        for leader in _LEADERS.values():
            leader.add(table, slots, decay, columns[leader.column], at)
        self._content.add(slots, last - last_seen, columns, at, rows.time)
        self._add_moments(slots, decay, columns, at, last_seen)
        self._add_times(slots, first, last, columns, at)
        return slots

    def _sums(self, columns: Mapping[str, Array], at: Array) -> Array:
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

    def _add_moments(
        self, slots: Array, decay: Array, columns: Mapping[str, Array], at: Array, last_seen: Array
    ) -> None:
        times = columns["time"]
        gaps = np.empty(len(times))
        np.subtract(times[1:], times[:-1], out=gaps[1:])
        gaps[at] = times[at] - last_seen
        self._add_moment("gap", slots, decay, gaps, at)
        for name, (column, least) in _MEANS.items():
            values = columns[column].astype(float)
            self._add_moment(name, slots, decay, np.where(values >= least, values, np.nan), at)

    def _add_moment(self, name: str, slots: Array, decay: Array, values: Array, at: Array) -> None:
        known = ~np.isnan(values)
        values = np.where(known, values, 0)
        new = {"n": known, "sum": values, "square": values * values}
        for part in _MOMENTS[name]:
            field = self._table[f"{name}_{part}"]
            field[slots] = field[slots] * decay + np.add.reduceat(new[part], at, dtype=float)

    def _add_times(
        self, slots: Array, first: Array, last: Array, columns: Mapping[str, Array], at: Array
    ) -> None:
        table = self._table
        hour, last_hour = np.floor(last / _HOUR_S), np.floor(table["last_seen"][slots] / _HOUR_S)
        table["hours"][slots] = _aged_hours(table["hours"][slots], last_hour, hour) | _rotated(
            _ONE, hour
        )
        self.began_s = min(self.began_s, float(first.min()))
        table["first_seen"][slots] = np.fmin(table["first_seen"][slots], first)
        table["last_seen"][slots] = np.fmax(table["last_seen"][slots], last)
        created = np.fmax.reduceat(columns["created_at"], at)
        table["created_at"][slots] = np.fmax(table["created_at"][slots], created)

    # -- reading ------------------------------------------------------------------------------

    def totals(self, horizon: str, slots: Array, time: float) -> Array:
        """Return the rolling sums of the horizon's first :data:`METRICS`, ``(n, metrics)``, f8."""
        return self._rings[horizon].totals(slots, time, self._table["last_seen"][slots])

    def total(self, slots: Array) -> Array:
        """Return all of :data:`COUNTED` since the account was first seen, ``(n, 3)``, i8."""
        return np.asarray(self._table["total"][slots])

    def requests(self, horizon: str, slots: Array, time: float) -> Array:
        """Return the rolling number of requests alone, shape ``(n,)``, f8."""
        metric, last_seen = METRICS.index("requests"), self._table["last_seen"][slots]
        return self._rings[horizon].total(metric, slots, time, last_seen)

    def known_s(self, slots: Array, time: float) -> Array:
        """Return the time since the first request that was seen, seconds, shape ``(n,)``, f8."""
        return np.asarray(time - self._table["first_seen"][slots])

    def age_s(self, slots: Array, time: float) -> Array:
        """Return the time since creation, or since a first request in a stream that was known.

        Seconds, shape ``(n,)``, f8; NaN when unknown.
        """
        created, came = self._table["created_at"][slots], self._table["first_seen"][slots]
        is_new = np.isnan(created) & (came - self.began_s >= _KNOWN_STREAM_S)
        return np.asarray(np.maximum(time - np.where(is_new, came, created), 0))

    def distinct(self, slots: Array, time: float) -> dict[str, Array]:
        """Return estimated distinct values over the last one to two days, each ``(n,)``, f8.

        Of addresses, user_agents and prompts.
        """
        day, last_day = int(time // DAY_S), _day(self._table["last_seen"][slots])
        return {
            name: sketch.estimate(self._table, slots, day, last_day)
            for name, sketch in _DISTINCT.items()
        }

    def active_hours(self, slots: Array, time: float) -> Array:
        """Return how many of the last 24 hours had a request, shape ``(n,)``, i8."""
        last_hour = np.floor(self._table["last_seen"][slots] / _HOUR_S)
        # A step that ends on the hour belongs to the hour before.
        hour = int(np.ceil(time / _HOUR_S)) - 1
        aged = _aged_hours(self._table["hours"][slots], last_hour, hour)
        return np.bitwise_count(aged & _rotated(_DAY_BITS, hour - 23)).astype(np.int64)

    @property
    def content(self) -> ContentMeans:
        """Return what is known of the prompts' content."""
        return self._content

    def template_share(self, slots: Array) -> Array:
        """Return the share of the most frequent prompt template, 0 to 1, NaN when unknown."""
        return _LEADERS["template"].share(self._table, slots)

    def system_share(self, slots: Array) -> Array:
        """Return the share of the most frequent system prompt, 0 to 1, NaN when unknown."""
        return _LEADERS["system_prompt"].share(self._table, slots)

    def gap_regularity(self, slots: Array) -> Array:
        """Return the coefficient of variation of inter-arrival times; NaN when unknown."""
        n, total, square = (
            self._table[f"gap_{part}"][slots].astype(float) for part in ("n", "sum", "square")
        )
        known = (n > 1) & (total > 0)
        n, total = np.where(known, n, 1), np.where(known, total, 1)
        spread = np.sqrt(np.maximum(square / n - (total / n) ** 2, 0))
        return np.where(known, spread / (total / n), np.nan)

    def temperature_mean(self, slots: Array) -> Array:
        """Return the decayed mean temperature; NaN when never given."""
        return self._mean("temperature", slots)

    def max_tokens_mean(self, slots: Array) -> Array:
        """Return the decayed mean of the requested limit in tokens; NaN when never given."""
        return self._mean("max_tokens", slots)

    def _mean(self, name: str, slots: Array) -> Array:
        n = self._table[f"{name}_n"][slots].astype(float)
        total = self._table[f"{name}_sum"][slots].astype(float)
        return np.where(n > 0, total / np.where(n > 0, n, 1), np.nan)

    def protected(self, slots: AccountSlots) -> Mask:
        """Return which accounts are protected: they came back after an hour, shape ``(n,)``."""
        table = self._table
        return np.asarray(table["last_seen"][slots] - table["first_seen"][slots] >= _HOUR_S)

    def eviction_priority(self, slots: AccountSlots) -> Seconds:
        """Return the time last seen, plus a bonus; the lowest is evicted first, shape ``(n,)``.

        Busy accounts last longer, and accounts active on several days: requests are cheap to
        fake, days are not.
        """
        days = self._table["ring_week"][slots, 0]  # requests of each day of the last week
        last_seen = np.nan_to_num(self._table["last_seen"][slots])
        busy = _BUSY_BONUS_S * np.log2(1 + days.sum(axis=1))
        return np.asarray(last_seen + busy + _DAY_BONUS_S * np.count_nonzero(days, axis=1))


def _day(times: Array) -> Array:
    return np.where(np.isnan(times), -(2**40), np.floor(times / DAY_S)).astype(int)


def _aged_hours(hours: Array, last_hour: Array, hour: Array | int) -> Array:
    """Clear the bits of the hours after ``last_hour`` up to ``hour``, which had no request."""
    gap = np.fmin(np.maximum(hour - last_hour, 0), 64)  # of the unknown, all
    # A shift by 64 is undefined: the full word stands for it.
    passed = np.where(gap < 64, (_ONE << (gap % 64).astype(np.uint64)) - _ONE, _WORD)  # noqa: PLR2004
    return np.asarray(hours & ~_rotated(passed, hour - gap + 1))


def _rotated(bits: Array | np.uint64, by: Array | int) -> Array:
    """Return 64-bit words rotated left, so that bit h stands where hour h + ``by`` has its own."""
    left = np.asarray(np.mod(by, 64), np.uint64)
    right = (np.uint64(64) - left) % np.uint64(64)
    return np.asarray((bits << left) | (bits >> right))
