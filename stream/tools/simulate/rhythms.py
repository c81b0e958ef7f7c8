"""When accounts send requests: the mean rate of an account over the coming step of time.

Rhythms are stateful and are read once per step, in time order. The arrivals inside a step are
made elsewhere. Times are seconds since the epoch, rates are requests per second.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from stream.tools.simulate.dice import Dice

DAY_S = 86_400.0
_WEEKEND = 5

# Relative activity by local hour, mean 1. People sleep, work and have evenings; offices do not.
HOME = (
    0.45, 0.22, 0.11, 0.07, 0.07, 0.12, 0.30, 0.62, 0.95, 1.22, 1.38, 1.42,
    1.25, 1.30, 1.42, 1.45, 1.40, 1.32, 1.28, 1.45, 1.68, 1.75, 1.42, 0.85,
)  # fmt: skip
OFFICE = (
    0.04, 0.02, 0.02, 0.02, 0.03, 0.06, 0.20, 0.70, 1.90, 2.60, 2.75, 2.50,
    1.60, 2.10, 2.60, 2.45, 2.00, 1.10, 0.50, 0.28, 0.20, 0.16, 0.12, 0.05,
)  # fmt: skip


class Rhythm(Protocol):
    """When an account sends requests."""

    def rate(self, at_s: float, step_s: float, dice: Dice) -> float:
        """Mean requests per second over [at_s, at_s + step_s)."""


def local(at_s: float, zone_h: float) -> tuple[int, bool]:
    """Hour of the day at this offset from UTC, and whether it is a weekend there."""
    shifted = at_s + zone_h * 3600
    # 1970-01-01 was a Thursday: day number 3 when Monday is 0.
    weekday = (int(shifted // DAY_S) + 3) % 7
    return int(shifted % DAY_S // 3600), weekday >= _WEEKEND


class Sessions:
    """A person: sessions begin by the clock of a time zone, and each has its own pace."""

    def __init__(
        self,
        *,
        per_day: float,
        gap_s: float,
        messages: float,
        zone_h: float,
        hours: tuple[float, ...] = HOME,
        weekend: float = 0.6,
    ) -> None:
        """Sessions a day, median seconds between messages, median messages per session."""
        self._per_day = per_day
        self._gap_s = gap_s
        self._messages = messages
        self._zone_h = zone_h
        self._hours = hours
        self._weekend = weekend
        self._until_s = 0.0
        self._rate = 0.0

    def rate(self, at_s: float, step_s: float, dice: Dice) -> float:
        """Nothing outside a session; one message per gap inside it."""
        if at_s < self._until_s:
            return self._rate
        hour, weekend = local(at_s, self._zone_h)
        begins = self._per_day * step_s / DAY_S * self._hours[hour]
        if dice.unit() >= (begins * self._weekend if weekend else begins):
            return 0.0
        gap_s = dice.lognormal(self._gap_s, 0.5)
        self._until_s = at_s + max(gap_s * dice.lognormal(self._messages, 0.9), step_s)
        self._rate = 1.0 / gap_s
        return self._rate


class Bursts:
    """A service: on for a few steps, off for more, with heavy-tailed peaks while it is on."""

    def __init__(
        self,
        *,
        per_day: float,
        active: float,
        on_s: float,
        peak_sigma: float,
        zone_h: float = 0.0,
        hours: tuple[float, ...] | None = None,
    ) -> None:
        """Requests a day on average, share of time it is on, mean length of an on-span."""
        self._active = active
        self._on_s = on_s
        self._off_s = on_s * (1 - active) / active
        self._sigma = peak_sigma
        # The mean of a log-normal is exp(sigma^2 / 2) times its median.
        self._median = per_day / DAY_S / active / math.exp(peak_sigma**2 / 2)
        self._zone_h = zone_h
        self._hours = hours
        self._until_s = -1.0
        self._level = 0.0
        self._on = False

    def rate(self, at_s: float, step_s: float, dice: Dice) -> float:
        """Flip between on and off, with a new level whenever it comes on."""
        if self._until_s < 0:
            # Somewhere inside a span when the traffic begins: on as often as on average.
            self._flip(at_s, step_s, dice, on=dice.unit() < self._active)
        elif at_s >= self._until_s:
            self._flip(at_s, step_s, dice, on=not self._on)
        if not self._on:
            return 0.0
        if self._hours is None:
            return self._level
        hour, weekend = local(at_s, self._zone_h)
        return self._level * self._hours[hour] * (0.7 if weekend else 1.0)

    def _flip(self, at_s: float, step_s: float, dice: Dice, *, on: bool) -> None:
        self._on = on
        mean_s = self._on_s if on else self._off_s
        self._until_s = at_s + max(dice.exponential(mean_s), step_s)
        if on:
            self._level = min(dice.lognormal(self._median, self._sigma), 6.0)


class Nightly:
    """A job that starts at one local hour and runs until its requests are done."""

    def __init__(self, *, requests: float, hour: float, rate: float, spread: float = 0.15) -> None:
        """Requests a night, start (UTC hour), requests per second while it runs."""
        self._requests = requests
        self._start_s = hour * 3600
        self._rate = rate
        self._spread = spread
        self._left = 0.0
        self._night = -1

    def rate(self, at_s: float, step_s: float, dice: Dice) -> float:
        """Work off what the night brought."""
        night = int((at_s - self._start_s) // DAY_S)
        if night != self._night:
            # A job that would have begun before the traffic does is not seen half-way.
            first = self._night == -1 and (at_s - self._start_s) % DAY_S > step_s
            self._night = night
            self._left = 0.0 if first else dice.lognormal(self._requests, self._spread)
        if self._left <= 0:
            return 0.0
        rate = self._rate * dice.between(0.75, 1.25)
        self._left -= rate * step_s
        return rate


class Runs:
    """A build pipeline: short runs at a high rate, mostly in office hours, some by a timer."""

    def __init__(self, *, per_day: float, requests: float, rate: float, zone_h: float) -> None:
        """Runs a day, requests per run (median), requests per second in a run."""
        self._per_day = per_day
        self._requests = requests
        self._rate = rate
        self._zone_h = zone_h
        self._left = 0.0

    def rate(self, at_s: float, step_s: float, dice: Dice) -> float:
        """Begin runs by the office clock and work them off."""
        hour, weekend = local(at_s, self._zone_h)
        begins = self._per_day * step_s / DAY_S * (0.25 if weekend else 0.3 + 0.7 * OFFICE[hour])
        if dice.unit() < begins:
            self._left += dice.lognormal(self._requests, 0.7)
        if self._left <= 0:
            return 0.0
        rate = min(self._rate, max(self._left / step_s, 1 / step_s))
        self._left -= rate * step_s
        return rate


class Steady:
    """Round the clock, slowly swinging; nothing of a day or a night in it."""

    def __init__(self, *, per_day: float, swing: float = 0.25) -> None:
        """Requests a day; the swing is the sigma of the logarithm of the rate."""
        self._mean = per_day / DAY_S
        self._swing = swing
        self._state = 0.0

    def rate(self, at_s: float, step_s: float, dice: Dice) -> float:  # noqa: ARG002 - protocol
        """Wander around the mean with a memory of about an hour."""
        keep = math.exp(-step_s / 3600)
        self._state = keep * self._state + math.sqrt(1 - keep * keep) * dice.normal()
        return self._mean * math.exp(self._swing * self._state - self._swing**2 / 2)


class Between:
    """Another rhythm that is silent outside [start_s, end_s)."""

    def __init__(self, inner: Rhythm, start_s: float, end_s: float = math.inf) -> None:
        """Epoch seconds; the inner rhythm is read only while the span lasts."""
        self._inner = inner
        self._start_s = start_s
        self._end_s = end_s

    def rate(self, at_s: float, step_s: float, dice: Dice) -> float:
        """Read the inner rhythm inside the span."""
        if at_s < self._start_s or at_s >= self._end_s:
            return 0.0
        return self._inner.rate(at_s, step_s, dice)


class Scaled:
    """Another rhythm at a share of its rate."""

    def __init__(self, inner: Rhythm, share: float) -> None:
        """Multiply every rate by ``share``."""
        self._inner = inner
        self._share = share

    def rate(self, at_s: float, step_s: float, dice: Dice) -> float:
        """Read the inner rhythm."""
        return self._share * self._inner.rate(at_s, step_s, dice)
