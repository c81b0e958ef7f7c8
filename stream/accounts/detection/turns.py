"""Turns: accounts whose answers have grown against their own past, where nothing is said.

Half of the traffic moved to a new model within a day shows without text in both the tokens of an
answer and those per token of input. Of one account that means nothing (a product changes), of
many within a day a lot: says only who, since when and which answers; campaigns compare.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from stream.accounts.detection.baseline import TRACKED
from stream.accounts.features.table import COLUMN, FEATURES
from stream.store.columns import Field

if TYPE_CHECKING:
    from stream.core.events import Array
    from stream.store.account_table import AccountTable

_SHAPE: Final = [TRACKED.index(name) for name in ("output_ratio", "output_per_request")]
_ANSWER: Final = COLUMN["output_per_request"]
#: An account has turned when both surprise so much by its own past, in decades, one in five; and
#: no longer when they do not so much as one in two. What is found hardly depends on the first:
#: from 0.4 to 1.0 the same accounts, but for a few.
_TURNED: Final = 0.7
_BACK: Final = 0.3


class Turns:
    """Since when accounts have turned, in fields of the table."""

    FIELDS: Final = (
        Field("turned_at", np.dtype("<f8"), initial=np.nan),  # epoch seconds
        #: Output tokens from which an answer is one of the new ones: half way, by factors.
        Field("turned_from", np.dtype("<f4"), initial=np.inf),
    )

    def __init__(self, table: AccountTable) -> None:
        """Work on ``table``, which has to have :attr:`FIELDS`."""
        self._table = table

    def update(self, time: float, slots: Array, matrix: Array, own: Array, usual: Array) -> None:
        """Take in one judgement of ``slots``.

        ``own`` and ``usual`` (n, len(TRACKED)) are the surprise over the own past, in decades, and
        the own means on their fixed scale.
        """
        table = self._table
        rise = own[:, _SHAPE].min(axis=1)
        silent = np.isnan(matrix[:, COLUMN["prompts"]])
        turned = ~np.isnan(table["turned_at"][slots])
        begins = np.flatnonzero(silent & ~turned & (rise >= _TURNED))
        before = FEATURES[_ANSWER].unscaled(usual[begins, _SHAPE[1]])
        table["turned_at"][slots[begins]] = time
        table["turned_from"][slots[begins]] = np.sqrt(before * matrix[begins, _ANSWER])
        ends = slots[turned & (~silent | (rise < _BACK))]
        table["turned_at"][ends], table["turned_from"][ends] = np.nan, np.inf

    def of(self, slots: Array) -> tuple[Array, Array]:
        """Return when each slot turned, and from how many tokens an answer is one of the new ones.

        Both of shape ``(n,)``; NaN and inf if it has not.
        """
        return self._table["turned_at"][slots], self._table["turned_from"][slots]
