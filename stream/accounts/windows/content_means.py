"""The content of an account's prompts, recent and past: their distance, and the new part's tokens.

It keeps two means of content vectors (``intake/fingerprint/content_vectors.py``), for the last
hours and for a past that follows when the detector learns. Their squared distance is the streaming
form of the maximum mean discrepancy. As every vector has the length 1, the scatter of an account's
prompts is one less the squared length of their mean: the distance expected by chance follows
without keeping any prompt, and a shift is counted in multiples of it.

Each vector comes with the tokens of its request. Let a part of the requests be new: the recent mean
has moved by ``d`` towards them, and of the requests' tokens t the covariance with the vectors,
``E[t f] - past E[t]``, lies along ``d`` by just the tokens of a *new* request (least squares).
So the token ratio of a new tenth of the requests is measured, not diluted by the other nine.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from stream.core.events import CONTENT_DIMENSIONS, CONTENT_SCALE
from stream.store.columns import Field

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stream.core.batch import AccountSlots, Array, Floats, Positions, Seconds
    from stream.store.account_table import AccountTable

#: Half-life of content; every hour weighs the same, however many requests it has.
_HALF_LIFE_S: Final = 6 * 3600.0
#: A prompt within seconds of the previous one weighs as much as a minute does.
_LEAST_TIME: Final = 1 - 2 ** (-60 / _HALF_LIFE_S)
#: Length of a vector as it travels.
_LENGTH: Final = CONTENT_SCALE * math.sqrt(CONTENT_DIMENSIONS / 2)
#: With fewer prompts the shift is unknown.
_FEW: Final = 30
#: The least scatter that is believed: prompts that are all alike differ by rounding.
_LEAST_SCATTER: Final = 0.05
#: Multiples of chance from which an account's content counts as moved.
MOVED: Final = 4.0
#: Most tokens of a request that count: one giant request is no habit.
_MOST_TOKENS: Final = 32_000
_VECTOR: Final = (CONTENT_DIMENSIONS,)
_SIDES: Final = ("input", "output")


class ContentMeans:
    """The means of all accounts of a table."""

    FIELDS: Final = (
        # As many prompts of equal weight would make as sure a mean.
        Field("content_n", np.dtype("<f4")),
        Field("content_time", np.dtype("<f4")),  # decayed time that the mean covers: 1 after days
        Field("content_count", np.dtype("<f4")),  # the same in prompts, of a busy hour's a part
        Field("content_recent", np.dtype("<f4"), _VECTOR),
        Field("content_past", np.dtype("<f4"), _VECTOR, initial=np.nan),
        *(Field(f"content_{side}", np.dtype("<f4"), _VECTOR) for side in _SIDES),
        *(Field(f"content_{side}_mean", np.dtype("<f4")) for side in _SIDES),
        Field("content_moved_since", np.dtype("<f8"), initial=np.nan),
    )

    def __init__(self, table: AccountTable) -> None:
        """Work on ``table``, which has to have :attr:`FIELDS`."""
        self._table = table

    def add(
        self,
        slots: AccountSlots,
        elapsed_s: Seconds,
        columns: Mapping[str, Array],
        at: Positions,
        time: float,
    ) -> None:
        """Add the events of a window, sorted by account.

        ``elapsed_s`` (n,) since each account's last event, NaN: none; ``time`` ends the window.
        """
        content = columns["content"]
        vectors = content.view(np.int8).reshape(len(content), CONTENT_DIMENSIONS)
        known = vectors.any(axis=1)
        if not known.any():
            return
        count = np.add.reduceat(known, at, dtype=float)
        some = np.flatnonzero(count)
        slots, count, elapsed_s = slots[some], count[some], elapsed_s[some]
        rate = self._weigh(slots, elapsed_s, count)
        # Whole numbers, so that the order of rows makes no difference.
        vectors = vectors.astype(np.int64)

        def follow(name: str, values: Array, unit: float) -> None:
            means = np.add.reduceat(values, at, axis=0)[some].T / (unit * count)
            kept = self._table[name][slots].T
            self._table[name][slots] = (kept + rate * (means - kept)).T

        follow("content_recent", vectors, _LENGTH)
        for side in _SIDES:
            tokens = np.minimum(columns[f"{side}_tokens"], _MOST_TOKENS) * known
            follow(f"content_{side}", vectors * tokens[:, None], _LENGTH)
            follow(f"content_{side}_mean", tokens, 1)
        since = self._table["content_moved_since"][slots]
        moved = self.shift(slots) >= MOVED
        self._table["content_moved_since"][slots] = np.where(moved, np.fmin(since, time), np.nan)

    def _weigh(self, slots: AccountSlots, elapsed_s: Seconds, count: Floats) -> Floats:
        """Add ``count`` (n,) prompts to the weights; return their share of the mean, ``(n,)``."""
        left = np.exp2(-np.nan_to_num(np.maximum(elapsed_s, 0)) / _HALF_LIFE_S)
        passed = np.maximum(1 - left, _LEAST_TIME)
        time = self._floats("content_time", slots) * left + passed
        total = self._floats("content_count", slots) * left
        # An hour weighs no more than another, but the first prompt after a night is one of many.
        rate = np.minimum(passed / time, count / (total + count))
        self._table["content_time"][slots] = time
        self._table["content_count"][slots] = np.where(
            rate < 1, total / np.where(rate < 1, 1 - rate, 1), count
        )
        before = self._floats("content_n", slots)
        kept = np.where(before > 0, (1 - rate) ** 2 / np.maximum(before, 1), 0)
        self._table["content_n"][slots] = 1 / (kept + rate**2 / count)
        return np.asarray(rate)

    def shift(self, slots: AccountSlots) -> Floats:
        """Return how far each account has moved from its past, in multiples of chance, ``(n,)``.

        NaN where either is not known. About 1 while nothing changes.
        """
        recent = self._floats("content_recent", slots)
        apart = np.square(recent - self._floats("content_past", slots)).sum(axis=1)
        scatter = np.maximum(1 - np.square(recent).sum(axis=1), _LEAST_SCATTER)
        count = self._floats("content_n", slots)
        return np.where(count >= _FEW, count * apart / scatter, np.nan)

    def new_ratio(self, slots: AccountSlots) -> Floats:
        """Return output over input tokens of the requests with new content, shape ``(n,)``.

        NaN where the content has not moved.
        """
        has_moved = self.shift(slots) >= MOVED
        if not has_moved.any():
            return np.full(len(slots), np.nan)
        past = self._floats("content_past", slots)
        moved = self._floats("content_recent", slots) - past
        taken = {
            side: np.sum(
                moved
                * (
                    self._floats(f"content_{side}", slots)
                    - past * self._floats(f"content_{side}_mean", slots)[:, None]
                ),
                axis=1,
            )
            for side in _SIDES
        }
        known = has_moved & (taken["input"] > 0)
        ratio = taken["output"] / np.where(known, taken["input"], 1)
        return np.where(known, np.maximum(ratio, 0), np.nan)

    def moved_s(self, slots: AccountSlots, time: float) -> Seconds:
        """Return for how long each account's content has been new, seconds; 0: not new."""
        return np.nan_to_num(time - self._table["content_moved_since"][slots])

    def learn(self, slots: AccountSlots, rate: Floats) -> None:
        """Move the past of ``slots`` towards the present by ``rate`` (n,), 0 to 1."""
        known = self._table["content_n"][slots] >= _FEW
        slots, rate = slots[known], rate[known]
        recent = self._floats("content_recent", slots)
        past = self._floats("content_past", slots)
        moved = past + rate[:, None] * (recent - past)
        self._table["content_past"][slots] = np.where(np.isnan(past), recent, moved)

    def _floats(self, name: str, slots: AccountSlots) -> Floats:
        return np.asarray(self._table[name][slots].astype(np.float64))
