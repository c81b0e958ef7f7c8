"""One look at the rolling state: everything the features need, read once per step.

Computes no feature; only makes sure that no window is summed twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from stream.accounts.windows.account_windows import METRICS

if TYPE_CHECKING:
    from stream.accounts.windows.account_windows import AccountWindows
    from stream.core.events import Array

HOUR_S: Final = 3600.0
DAY_S: Final = 86400.0


@dataclass(frozen=True, slots=True)
class Reading:
    """The state of n accounts at one time; every array has the shape ``(n,)``, f8."""

    hour: dict[str, Array]  # the first METRICS -> sum over the last hour
    day: dict[str, Array]
    week: dict[str, Array]
    distinct: dict[str, Array]  # over the last one to two days
    age_s: Array  # since creation, NaN when unknown
    known_s: Array  # since the first request that was seen
    active_hours: Array  # of the last 24
    template_share: Array
    system_share: Array
    gap_variation: Array
    temperature: Array
    max_tokens: Array
    content_shift: Array
    new_content_ratio: Array
    new_content_s: Array


def read(windows: AccountWindows, slots: Array, time: float) -> Reading:
    """Read the state of ``slots`` (n,), i8, at the end of a step, epoch seconds."""
    return Reading(
        hour=_sums(windows, "hour", slots, time),
        day=_sums(windows, "day", slots, time),
        week=_sums(windows, "week", slots, time),
        distinct=windows.distinct(slots, time),
        age_s=windows.age_s(slots, time),
        known_s=windows.known_s(slots, time),
        active_hours=windows.active_hours(slots, time).astype(np.float64),
        template_share=windows.template_share(slots),
        system_share=windows.system_share(slots),
        gap_variation=windows.gap_regularity(slots),
        temperature=windows.temperature_mean(slots),
        max_tokens=windows.max_tokens_mean(slots),
        content_shift=windows.content.shift(slots),
        new_content_ratio=windows.content.new_ratio(slots),
        new_content_s=windows.content.moved_s(slots, time),
    )


def _sums(windows: AccountWindows, horizon: str, slots: Array, time: float) -> dict[str, Array]:
    totals = windows.totals(horizon, slots, time)
    return dict(zip(METRICS, totals.T, strict=False))
