"""Change points: since when the answers of an account have grown against its own past.

Only accounts whose gateway logs no text are followed. When half of the traffic moves to a new
model within a day, both the tokens of an answer and those per token of input grow. For one account
that means little (a product changes), for many within a day a lot. This module finds who has
changed, since when and which answers are new; the campaigns room compares accounts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from stream.accounts.detection.baseline import TRACKED
from stream.accounts.features.table import COLUMN, FEATURES
from stream.store.columns import Field

if TYPE_CHECKING:
    from stream.core.batch import AccountSlots, Floats, Seconds
    from stream.store.account_table import AccountTable

_SHAPE: Final = [TRACKED.index(name) for name in ("output_ratio", "output_per_request")]
_ANSWER: Final = COLUMN["output_per_request"]
#: An account has changed when the surprisal of both is at least this, one in five. Measured on the
#: benchmark's first set: from 0.4 to 1.0 hartleys, 46 to 41 of 50 changed accounts are found.
_CHANGED_HART: Final = 0.7
#: ... and has changed back when it is less than this, one in two. Assumed, for hysteresis.
_BACK_HART: Final = 0.3


class ChangePoints:
    """The change point of each account, in fields of the account table."""

    FIELDS: Final = (
        Field("change_point", np.dtype("<f8"), initial=np.nan),  # epoch seconds
        #: Output tokens from which an answer is a new one: the geometric mean of old and new.
        Field("new_answer_tokens", np.dtype("<f4"), initial=np.inf),
    )

    def __init__(self, table: AccountTable) -> None:
        """Work on ``table``, which must have :attr:`FIELDS`."""
        self._table = table

    def update(
        self, time: float, slots: AccountSlots, matrix: Floats, own: Floats, means: Floats
    ) -> None:
        """Set and clear the change points of accounts that are scored at ``time``.

        ``own`` and ``means`` (n, len(TRACKED)) are the surprisal over the own baseline, in
        hartleys, and that baseline on the fixed scale; ``matrix`` (n, F) in the features' units.
        """
        table = self._table
        rise = own[:, _SHAPE].min(axis=1)
        without_text = np.isnan(matrix[:, COLUMN["prompts"]])
        changed = ~np.isnan(table["change_point"][slots])
        begins = np.flatnonzero(without_text & ~changed & (rise >= _CHANGED_HART))
        before = FEATURES[_ANSWER].unscaled(means[begins, _SHAPE[1]])
        table["change_point"][slots[begins]] = time
        table["new_answer_tokens"][slots[begins]] = np.sqrt(before * matrix[begins, _ANSWER])
        ends = slots[changed & (~without_text | (rise < _BACK_HART))]
        table["change_point"][ends], table["new_answer_tokens"][ends] = np.nan, np.inf

    def of(self, slots: AccountSlots) -> tuple[Seconds, Floats]:
        """Return the change point and the least tokens of a new answer, both of shape ``(n,)``.

        NaN and inf for accounts without one.
        """
        return self._table["change_point"][slots], self._table["new_answer_tokens"][slots]
