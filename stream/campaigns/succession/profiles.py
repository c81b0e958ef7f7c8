"""What accounts do, as numbers that two accounts can be compared by.

Two accounts have the same mix when their prompts' mean content differs by no more than the chance
of that number of prompts, and their tokens per request and requests per hour by no more than a
factor.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

import numpy as np

from stream.core.events import CONTENT_DIMENSIONS
from stream.core.traffic import TRAFFIC, matrix, rows_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stream.core.batch import Floats, Mask, Positions, Seconds
    from stream.core.findings import Turnover

_HOUR_S: Final = 3600.0
#: With fewer prompts the content is unknown, and only the rest is compared.
_FEW: Final = 10.0
#: The least scatter that is believed (as accounts/windows/content_means.py).
_LEAST_SCATTER: Final = 0.05
#: Means of the same content are at most this many times as far apart as by chance, and a little:
#: a mix moves within days. Assumed: of means over 16 dimensions one in thirty is further.
_CHANCE: Final = 2.0
_MOVES: Final = 0.02
#: Tokens per request and requests per hour agree within these factors (assumed: means of 30
#: requests of a lognormal spread of 1 differ by 1.7 at the 97th percentile).
_TOKENS_FACTOR: Final = 2.0
_RATE_FACTOR: Final = 3.0
#: Accounts that are compared at once, so that it takes little memory.
_AT_ONCE: Final = 1 << 14
_FACTORS: Final = np.log([_TOKENS_FACTOR, _TOKENS_FACTOR, _RATE_FACTOR])


@dataclass(frozen=True, slots=True)
class Profiles:
    """Profiles of n accounts."""

    content: Floats  # (n, dimensions)
    noise: Floats  # (n,), squared distance by chance; NaN: content unknown
    amounts: Floats  # (n, 3), ln of input and output tokens per request, requests per hour
    per_hour: Floats  # (n,), requests in an hour with any

    @classmethod
    def of(cls, rows: Sequence[Turnover]) -> Self:
        """Return the profiles of accounts, in the order given."""
        content = np.frombuffer(b"".join(row.content for row in rows), "<f4")
        content = content.reshape(-1, CONTENT_DIMENSIONS).astype(np.float64)
        prompts = np.array([row.prompts for row in rows], np.float64)
        scatter = np.maximum(1 - np.square(content).sum(axis=1), _LEAST_SCATTER)
        traffic = rows_of(TRAFFIC, [row.traffic for row in rows])
        life = _life_s(rows)
        total = np.maximum(matrix(traffic["total"]).astype(np.float64), 0)
        requests = np.maximum(total[:, 0], 1)
        day = [row.day_requests / max(row.active_hours, 1) for row in rows]
        return cls(
            content=content,
            noise=np.where(prompts >= _FEW, scatter / np.maximum(prompts, 1), np.nan),
            amounts=np.stack(
                [
                    np.log1p(total[:, 1] / requests),
                    np.log1p(total[:, 2] / requests),
                    np.log(requests / life * _HOUR_S),
                ],
                axis=1,
            ),
            per_hour=np.array(day, np.float64),
        )

    def alike(self, some: Positions, others: Positions, of: Profiles | None = None) -> Mask:
        """Return whether each of ``some`` has the mix of the same place of ``others``, ``(n,)``.

        ``others`` are positions in ``of``, if given.
        """
        other = self if of is None else of
        amounts = np.abs(self.amounts[some] - other.amounts[others])
        same = np.asarray((amounts <= _FACTORS).all(axis=1))
        same[same] = self._same_content(some[same], others[same], other)
        return same

    def _same_content(self, some: Positions, others: Positions, of: Profiles) -> Mask:
        apart = np.square(self.content[some] - of.content[others]).sum(axis=1)
        chance = self.noise[some] + of.noise[others]
        return np.asarray(~(apart > _CHANCE * chance + _MOVES))  # the unknown differs in nothing

    def all_alike(self, some: Positions, others: Positions, of: Profiles | None = None) -> Mask:
        """Return which of ``others`` have the mix of each of ``some``, ``(some, others)``."""
        other = self if of is None else of
        alike = np.ones((len(some), len(others)), bool)
        rows = max(_AT_ONCE // max(len(others), 1), 1)
        for start in range(0, len(some), rows):
            part, found = some[start : start + rows], alike[start : start + rows]
            # Few pairs agree in all three, and only those are compared by content.
            for one, another, factor in zip(
                self.amounts[part].T, other.amounts[others].T, _FACTORS, strict=True
            ):
                found &= np.abs(one[:, None] - another) <= factor
            which, whose = np.nonzero(found)
            found[which, whose] = self._same_content(part[which], others[whose], other)
        return alike


def _life_s(rows: Sequence[Turnover]) -> Seconds:
    until = [row.time if row.silent_since is None else row.silent_since for row in rows]
    life = [end - row.first_seen for end, row in zip(until, rows, strict=True)]
    return np.maximum([one if math.isfinite(one) else 0.0 for one in life], _HOUR_S)
