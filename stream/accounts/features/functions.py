"""The features as pure functions of a snapshot; every result has the shape ``(n,)``, f8.

A ratio whose denominator is too small to mean something is NaN, never 0 or infinite.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from stream.accounts.features.snapshot import DAY_S, HOUR_S

if TYPE_CHECKING:
    from collections.abc import Callable

    from stream.accounts.features.snapshot import AccountSnapshot
    from stream.core.batch import Floats

#: Fewer requests give no share and no mean. Assumed: the standard error of a share is then 0.16.
_FEW: Final = 10
#: The distinct count of prompts is exact enough up to here (windows/sketches.py).
_MOST_PROMPTS: Final = 1000
#: The same of networks.
_MOST_NETWORKS: Final = 150
#: Younger accounts count as this old. Assumed: the first hours of any account are steep.
_YOUNGEST_D: Final = 1.0


def _ratio(part: Floats, whole: Floats, *, least: float) -> Floats:
    known = whole >= least
    return np.where(known, part / np.where(known, whole, 1), np.nan)


def total(horizon: str, metric: str) -> Callable[[AccountSnapshot], Floats]:
    """Return the function that reads one rolling sum."""

    def of(seen: AccountSnapshot) -> Floats:
        sums: Floats = getattr(seen, horizon)[metric]
        return sums

    return of


def per_request(metric: str) -> Callable[[AccountSnapshot], Floats]:
    """Return the function for a metric's mean over the last day's requests."""

    def of(seen: AccountSnapshot) -> Floats:
        return _ratio(seen.day[metric], seen.day["requests"], least=_FEW)

    return of


def distinct(what: str) -> Callable[[AccountSnapshot], Floats]:
    """Return the function for a distinct count, NaN when the gateway logs none."""

    def of(seen: AccountSnapshot) -> Floats:
        count = seen.distinct[what]
        return np.where(count > 0, count, np.nan)

    return of


def output_ratio(seen: AccountSnapshot) -> Floats:
    """Output over input tokens of the last day."""
    enough = seen.day["requests"] >= _FEW
    ratio = _ratio(seen.day["output_tokens"], seen.day["input_tokens"], least=1)
    return np.where(enough, ratio, np.nan)


def volume_for_age(seen: AccountSnapshot) -> Floats:
    """Requests of the last day for each day of the account's life: high only without a ramp."""
    return np.asarray(seen.day["requests"] / np.maximum(seen.age_s / DAY_S, _YOUNGEST_D))


def no_ramp(seen: AccountSnapshot) -> Floats:
    """Requests a day at the account's mean pace since its first request, of one day at most.

    Never more than at twice the pace of the last hour: high only for who keeps on as it began.
    """
    pace = seen.day["requests"] / np.clip(seen.known_s / DAY_S, HOUR_S / DAY_S, 1)
    last = 24 * seen.hour["requests"]
    return np.where(seen.known_s < DAY_S, np.minimum(pace, 2 * last), seen.day["requests"])


def age_days(seen: AccountSnapshot) -> Floats:
    """Days since the account was opened."""
    return seen.age_s / DAY_S


def active_hours(seen: AccountSnapshot) -> Floats:
    """Hours of the last 24 with a request."""
    return seen.active_hours


def around_the_clock(seen: AccountSnapshot) -> Floats:
    """Hours on end with a request, up to now."""
    return seen.hours_on_end


def templated_breadth(seen: AccountSnapshot) -> Floats:
    """Requests of the last day with a new prompt in the most frequent frame.

    The distinct count is bounded: beyond the bound, the share of new prompts is that up to it.
    """
    count, requests = seen.distinct["prompts"], seen.day["requests"]
    new = np.minimum(count / np.clip(requests, 1, _MOST_PROMPTS), 1)
    return np.where(count > 0, seen.template_share * new * requests, np.nan)


def template_share(seen: AccountSnapshot) -> Floats:
    """Share of the most frequent prompt opening."""
    return seen.template_share


def system_share(seen: AccountSnapshot) -> Floats:
    """Share of the most frequent system prompt."""
    return seen.system_share


def many_clients(seen: AccountSnapshot) -> Floats:
    """Addresses times user agents: high only when one account has many of both."""
    addresses, agents = seen.distinct["addresses"], seen.distinct["user_agents"]
    return np.where((addresses > 0) & (agents > 0), addresses * agents, np.nan)


def exit_rotation(seen: AccountSnapshot) -> Floats:
    """Networks of the last one or two days times networks per request: high only when each differs.

    A company has a few exits for very many requests, and a traveller few exits at all. The distinct
    count is bounded: beyond the bound, the share of new networks is that up to it.
    """
    count, requests = seen.distinct["networks"], seen.day["requests"]
    new = np.minimum(count / np.clip(requests, 1, _MOST_NETWORKS), 1)
    return np.where((count > 0) & (requests >= _FEW), count * new, np.nan)


def hosted_browser(seen: AccountSnapshot) -> Floats:
    """Share of the requests that a browser sent from a hosting network or an anonymiser."""
    enough = seen.day["requests"] >= _FEW
    return np.where(enough, seen.hosted_browser_share, np.nan)


def ramp(seen: AccountSnapshot) -> Floats:
    """The last hour's rate over the day's mean rate: 1 is steady, 24 is all at once."""
    return 24 * _ratio(seen.hour["requests"], seen.day["requests"], least=_FEW)


def week_growth(seen: AccountSnapshot) -> Floats:
    """The last day's requests over the daily mean of the week before, where there was one."""
    days = np.clip(seen.known_s / DAY_S, 0, 7) - 1
    before = seen.week["requests"] - seen.day["requests"]
    known = (days >= 1) & (before >= _FEW)
    return np.where(known, seen.day["requests"] * days / np.where(known, before, 1), np.nan)


def gap_variation(seen: AccountSnapshot) -> Floats:
    """Coefficient of variation of the time between requests."""
    return seen.gap_variation


def temperature(seen: AccountSnapshot) -> Floats:
    """Mean sampling temperature of the requests."""
    return seen.temperature


def max_tokens(seen: AccountSnapshot) -> Floats:
    """Mean limit on output tokens of the requests."""
    return seen.max_tokens


def content_shift(seen: AccountSnapshot) -> Floats:
    """Distance of the recent prompts from the account's own past, in multiples of chance."""
    return seen.content_shift


def new_content_ratio(seen: AccountSnapshot) -> Floats:
    """Output over input tokens of the requests whose content is new."""
    return seen.new_content_ratio


def new_content_hours(seen: AccountSnapshot) -> Floats:
    """Hours since the content moved."""
    return seen.new_content_s / HOUR_S


def unexplained_context(seen: AccountSnapshot) -> Floats:
    """Share of the requests with context whose context the account has not produced."""
    return seen.unexplained_share
