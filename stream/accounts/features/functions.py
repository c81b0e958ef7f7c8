"""The features as pure functions of a reading; every result has the shape ``(n,)``, f8.

A ratio whose denominator is too small to say something is NaN, never 0 or infinite.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from stream.accounts.features.reading import DAY_S, HOUR_S

if TYPE_CHECKING:
    from collections.abc import Callable

    from stream.accounts.features.reading import Reading
    from stream.core.events import Array

#: Fewer requests than this say nothing about a share or a mean.
_FEW: Final = 10
#: The distinct count of prompts is exact enough up to here.
_MOST_PROMPTS: Final = 1000
#: Younger accounts count as this old: the first hours of any account are steep.
_YOUNGEST_D: Final = 1.0


def _ratio(part: Array, whole: Array, *, least: float) -> Array:
    known = whole >= least
    return np.where(known, part / np.where(known, whole, 1), np.nan)


def total(horizon: str, metric: str) -> Callable[[Reading], Array]:
    """Return the function that reads one rolling sum."""

    def of(reading: Reading) -> Array:
        sums: Array = getattr(reading, horizon)[metric]
        return sums

    return of


def per_request(metric: str) -> Callable[[Reading], Array]:
    """Return the function for a metric's mean over the last day's requests."""

    def of(reading: Reading) -> Array:
        return _ratio(reading.day[metric], reading.day["requests"], least=_FEW)

    return of


def distinct(what: str) -> Callable[[Reading], Array]:
    """Return the function for a distinct count, NaN when the gateway never tells."""

    def of(reading: Reading) -> Array:
        count = reading.distinct[what]
        return np.where(count > 0, count, np.nan)

    return of


def output_ratio(reading: Reading) -> Array:
    """Output over input tokens of the last day."""
    enough = reading.day["requests"] >= _FEW
    ratio = _ratio(reading.day["output_tokens"], reading.day["input_tokens"], least=1)
    return np.where(enough, ratio, np.nan)


def volume_for_age(reading: Reading) -> Array:
    """Requests of the last day for each day of the account's life: high only without a ramp."""
    return reading.day["requests"] / np.maximum(reading.age_s / DAY_S, _YOUNGEST_D)


def age_days(reading: Reading) -> Array:
    """Days since the account was opened."""
    return reading.age_s / DAY_S


def active_hours(reading: Reading) -> Array:
    """Hours of the last 24 with a request."""
    return reading.active_hours


def templated_breadth(reading: Reading) -> Array:
    """Requests of the last day with a new prompt in the most frequent frame.

    The distinct count sees so many prompts at most: beyond, the share of new ones is what it
    was up to there.
    """
    count, requests = reading.distinct["prompts"], reading.day["requests"]
    new = np.minimum(count / np.clip(requests, 1, _MOST_PROMPTS), 1)
    return np.where(count > 0, reading.template_share * new * requests, np.nan)


def template_share(reading: Reading) -> Array:
    """Share of the most frequent prompt opening."""
    return reading.template_share


def system_share(reading: Reading) -> Array:
    """Share of the most frequent system prompt."""
    return reading.system_share


def identity_spread(reading: Reading) -> Array:
    """Addresses times user agents: high only when one account has many of both."""
    addresses, agents = reading.distinct["addresses"], reading.distinct["user_agents"]
    return np.where((addresses > 0) & (agents > 0), addresses * agents, np.nan)


def ramp(reading: Reading) -> Array:
    """The last hour's rate over the day's mean rate: 1 is steady, 24 is all at once."""
    return 24 * _ratio(reading.hour["requests"], reading.day["requests"], least=_FEW)


def week_growth(reading: Reading) -> Array:
    """The last day's requests over the daily mean of the week before, where there was one."""
    days = np.clip(reading.known_s / DAY_S, 0, 7) - 1
    before = reading.week["requests"] - reading.day["requests"]
    known = (days >= 1) & (before >= _FEW)
    return np.where(known, reading.day["requests"] * days / np.where(known, before, 1), np.nan)


def gap_variation(reading: Reading) -> Array:
    """Coefficient of variation of the time between requests."""
    return reading.gap_variation


def temperature(reading: Reading) -> Array:
    """Mean temperature asked for."""
    return reading.temperature


def max_tokens(reading: Reading) -> Array:
    """Mean limit on output tokens asked for."""
    return reading.max_tokens


def content_shift(reading: Reading) -> Array:
    """Distance of the recent prompts from the own past, in multiples of chance."""
    return reading.content_shift


def new_content_ratio(reading: Reading) -> Array:
    """Output over input tokens of the requests whose content is new."""
    return reading.new_content_ratio


def new_content_hours(reading: Reading) -> Array:
    """Hours since the content became another."""
    return reading.new_content_s / HOUR_S
