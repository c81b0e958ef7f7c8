"""Which context an account has produced itself, from token counts alone, where a log has no text.

A client sends the conversation so far with every request, so the input of a turn is the input and
the output of the turn before it, and a new question. Context that no recent request and answer of
the account adds up to comes from elsewhere: documents, a trimmed history, a fixed prompt, or a
conversation that another account began. Which of these it is, is not known here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from stream.accounts.windows.sketches import DAY_S
from stream.store.columns import Field

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stream.core.batch import AccountSlots, Array, Counts, Floats, Mask, Positions
    from stream.store.account_table import AccountTable

#: Turns of an account whose tokens are known, the latest (assumed: of conversations side by side).
KEPT: Final = 8
#: Tokens of input from which a request carries context (assumed: longer than most questions).
LEAST_TOKENS: Final = 512
#: Tokens of a new question, from the first up to below the second. Measured on a public trace with
#: prefix fingerprints (Mooncake, 3,975 requests that continue another): 74 % are in between, the
#: median is 26, and answers lose a few tokens on the way into the context. Others bring documents.
QUESTION: Final = (-32, 512)
#: Fewer requests with context give no share. Assumed: its standard error is then 0.16.
_FEW: Final = 10
_FIRST_ERROR_STATUS: Final = 400
_BACK: Final = np.arange(1, KEPT + 1)


class Turns(NamedTuple):
    """The requests of a window that were answered, where the log has no text; ``(k,)`` each."""

    rows: Positions  # of the window
    account: Positions  # of each, from 0 to n
    unexplained: Mask  # the request carries context that the account has not produced


class Contexts:
    """A ring of the tokens after an account's last turns, and what they explained."""

    FIELDS: Final = (
        Field("turn_tokens", np.dtype("<u4"), (KEPT,)),
        Field("turn_next", np.dtype("u1")),  # the place of the next one
        Field("contexts", np.dtype("<f4"), (2,)),  # all and unexplained, by then:
        Field("context_time", np.dtype("<f8")),  # epoch seconds
    )

    def __init__(self, table: AccountTable) -> None:
        """Work on ``table``, which has to have :attr:`FIELDS`."""
        self._table = table

    def add(
        self, slots: AccountSlots, columns: Mapping[str, Array], at: Positions, time: float
    ) -> Turns:
        """Note the turns of the window that ends at ``time``; account i's rows begin at ``at[i]``.

        A request that failed is no turn. With text, conversations are known themselves
        (questions.py).
        """
        answered = (columns["output_tokens"] > 0) & (columns["status"] < _FIRST_ERROR_STATUS)
        answered &= (columns["prompt"] | columns["conversation"]) == 0
        rows = answered.nonzero()[0]
        unexplained = np.zeros(len(rows), bool)
        account = at.searchsorted(rows, side="right") - 1
        if not len(rows):
            return Turns(rows, account, unexplained)
        tokens = columns["input_tokens"][rows].astype(np.int64)
        after = tokens + columns["output_tokens"][rows]
        first = account.searchsorted(account)  # turn of the same account in this window
        carrying = (tokens >= LEAST_TOKENS).nonzero()[0]
        if len(carrying):
            known = self._before(slots[account[carrying]], carrying, first[carrying], after)
            question = tokens[carrying, None] - known
            least, below = QUESTION
            unexplained[carrying] = ~((question >= least) & (question < below)).any(axis=1)
            self._count(slots, account[carrying], unexplained[carrying], time)
        self._keep(slots, account, np.arange(len(rows)) - first, after)
        return Turns(rows, account, unexplained)

    def _before(
        self, slots: AccountSlots, turns: Positions, first: Positions, after: Counts
    ) -> Counts:
        """Return the tokens after the account's turns before each of ``turns`` (c,), ``(c, t)``.

        Those of earlier windows, and those of this one from ``first`` (c,) on; 0 where none.
        """
        known = np.empty((len(turns), 2 * KEPT), np.int64)
        known[:, :KEPT] = self._table["turn_tokens"][slots]
        before = turns[:, None] - _BACK
        known[:, KEPT:] = np.where(before >= first[:, None], after[np.maximum(before, 0)], 0)
        return known

    def _count(
        self, slots: AccountSlots, account: Positions, unexplained: Mask, time: float
    ) -> None:
        """Count requests with context (c,) by account."""
        table, count = self._table, np.zeros((len(slots), 2))
        count[:, 0] = np.bincount(account, minlength=len(slots))
        count[:, 1] = np.bincount(account, unexplained, len(slots))
        some = count[:, 0].nonzero()[0]
        slots = slots[some]
        decay = np.exp2(-np.maximum(time - table["context_time"][slots], 0) / DAY_S)
        table["contexts"][slots] = table["contexts"][slots] * decay[:, None] + count[some]
        table["context_time"][slots] = time

    def _keep(self, slots: AccountSlots, account: Positions, rank: Counts, after: Counts) -> None:
        """Keep the latest turns; ``rank`` (k,) is that of each among its account's."""
        count = np.bincount(account, minlength=len(slots))
        if count.max() > KEPT:
            last = rank >= count[account] - KEPT
            account, rank, after = account[last], rank[last], after[last]
        following = self._table["turn_next"][slots]
        self._table["turn_tokens"][slots[account], (following[account] + rank) % KEPT] = after
        self._table["turn_next"][slots] = (following + count) % KEPT

    def counts(self, slots: AccountSlots) -> Floats:
        """Return each account's requests with context and the unexplained of them, ``(n, 2)``.

        Those a day before the last one count half.
        """
        return self._table["contexts"][slots].astype(np.float64)

    def unexplained_share(self, slots: AccountSlots) -> Floats:
        """Return the share of unexplained context, shape ``(n,)``; NaN where there is little."""
        every, unexplained = self.counts(slots).T
        return np.where(every >= _FEW, unexplained / np.maximum(every, 1), np.nan)
