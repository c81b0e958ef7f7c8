"""The rolling state of accounts at one time: everything the features need, read once.

Computes no feature; only ensures that no window is summed twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from stream.accounts.windows.account_windows import METRICS

if TYPE_CHECKING:
    from stream.accounts.windows.account_windows import AccountWindows
    from stream.core.batch import AccountSlots, Floats

HOUR_S: Final = 3600.0
DAY_S: Final = 86400.0


@dataclass(frozen=True, slots=True)
class AccountSnapshot:
    """The state of n accounts at one time; every array has the shape ``(n,)``, f8."""

    hour: dict[str, Floats]  # the first METRICS -> sum over the last hour
    day: dict[str, Floats]
    week: dict[str, Floats]
    distinct: dict[str, Floats]  # over the last one to two days
    age_s: Floats  # since creation, NaN when unknown
    known_s: Floats  # since the first request that was seen
    active_hours: Floats  # of the last 24
    hours_on_end: Floats  # with requests, up to now
    template_share: Floats
    system_share: Floats
    gap_variation: Floats
    temperature: Floats
    max_tokens: Floats
    hosted_browser_share: Floats
    content_shift: Floats
    new_content_ratio: Floats
    new_content_s: Floats
    unexplained_share: Floats  # of the requests with context


def snapshot(windows: AccountWindows, slots: AccountSlots, time: float) -> AccountSnapshot:
    """Return the state of ``slots`` (n,) at the end of a window, epoch seconds."""
    return AccountSnapshot(
        hour=_sums(windows, "hour", slots, time),
        day=_sums(windows, "day", slots, time),
        week=_sums(windows, "week", slots, time),
        distinct=windows.distinct(slots, time),
        age_s=windows.age_s(slots, time),
        known_s=windows.known_s(slots, time),
        active_hours=windows.active_hours(slots, time).astype(np.float64),
        hours_on_end=windows.hours_on_end(slots, time).astype(np.float64),
        template_share=windows.leader_share("template", slots),
        system_share=windows.leader_share("system_prompt", slots),
        gap_variation=windows.moments.gap_variation(slots),
        temperature=windows.moments.mean("temperature", slots),
        max_tokens=windows.moments.mean("max_tokens", slots),
        hosted_browser_share=windows.moments.mean("hosted_browser", slots),
        content_shift=windows.content.shift(slots),
        new_content_ratio=windows.content.new_ratio(slots),
        new_content_s=windows.content.moved_s(slots, time),
        unexplained_share=windows.contexts.unexplained_share(slots),
    )


def _sums(
    windows: AccountWindows, horizon: str, slots: AccountSlots, time: float
) -> dict[str, Floats]:
    totals = windows.totals(horizon, slots, time)
    return dict(zip(METRICS, totals.T, strict=False))
