"""The questions with which accounts lately began conversations, so that these are their own.

A request whose context begins with another question carries a conversation that another account
began, or one that began too long ago. Only an account's own requests add to its questions. Of heavy
accounts a sample of the questions is known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from stream.core.events import QUESTION_BITS, questions
from stream.core.links import CONVERSATIONS_A_DAY
from stream.store.columns import Field
from stream.store.order import ascending, cumcount, run_sizes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stream.core.batch import AccountSlots, Array, Floats, Mask, Positions
    from stream.store.account_table import AccountTable

#: Questions of an account that are known, the latest (assumed: a busy person's of half a day).
KEPT: Final = 32
#: The sample that is known is this much larger than the one that is linked, so that an account
#: whose pace drops is not taken for one that was handed its own earlier conversations (assumed).
_MARGIN: Final = 2.0
_ALL: Final = float(1 << QUESTION_BITS)
_SLOT_BITS: Final = np.uint64(32)


class Questions:
    """A ring of questions for each account of a table."""

    FIELDS: Final = (
        Field("questions", np.dtype("<u4"), (KEPT,)),
        Field("questions_next", np.dtype("u1")),  # the place of the next one
    )

    def __init__(self, table: AccountTable) -> None:
        """Work on ``table``, which has to have :attr:`FIELDS`."""
        self._table = table

    def add(
        self, slots: AccountSlots, columns: Mapping[str, Array], at: Positions, day: Floats
    ) -> None:
        """Note the prompts of a window that begin conversations; account i's begin at ``at[i]``.

        ``day`` has the requests of each account in its last day, shape ``(n,)``.
        """
        first = np.flatnonzero((columns["conversation"] == 0) & (columns["prompt"] != 0))
        if not len(first):
            return
        row = _accounts(at, len(columns["time"]))[first]
        question = questions(columns["prompt"][first])
        sampled = question <= _MARGIN * _limit(day)[row]
        pair = ascending(row[sampled].astype(np.uint64) << _SLOT_BITS | question[sampled])
        row, question = (pair >> _SLOT_BITS).astype(np.int64), pair.astype(np.uint32)
        new = ~self._known(slots[row], question)
        row, question = row[new], question[new]
        rank = cumcount(row)
        fits = rank < KEPT
        row, question, rank = row[fits], question[fits], rank[fits]
        following, kept = self._table["questions_next"], self._table["questions"]
        kept[slots[row], (following[slots[row]] + rank) % KEPT] = question
        count = np.bincount(row, minlength=len(slots))
        following[slots] = (following[slots] + count) % KEPT

    def foreign(
        self, slots: AccountSlots, columns: Mapping[str, Array], at: Positions, day: Floats
    ) -> Mask:
        """Return which rows carry a sampled conversation that is not the account's, ``(rows,)``.

        After :meth:`add` of the same window: an account may continue what it has just begun.
        """
        found = np.zeros(len(columns["time"]), bool)
        carrying = np.flatnonzero(columns["conversation"])
        if len(carrying):
            row = _accounts(at, len(found))[carrying]
            question = questions(columns["conversation"][carrying])
            own = self._known(slots[row], question)
            found[carrying] = ~own & (question <= _limit(day)[row])
        return found

    def _known(self, slots: AccountSlots, question: Array) -> Mask:
        return np.asarray((self._table["questions"][slots] == question[:, None]).any(axis=1))


def given(columns: Mapping[str, Array], at: Positions, day: Floats) -> Mask:
    """Return which rows have a sampled answer that a later context may begin with, ``(rows,)``."""
    found = columns["answer"] != 0
    if found.any():
        sampled = questions(columns["answer"]) <= _limit(day)[_accounts(at, len(found))]
        found &= sampled
    return np.asarray(found)


def _limit(day: Floats) -> Floats:
    """Return the greatest question of the sample that is linked, by requests of a day, ``(n,)``."""
    return np.asarray(_ALL * np.minimum(CONVERSATIONS_A_DAY / np.maximum(day, 1), 1))


def _accounts(at: Positions, rows: int) -> Positions:
    return np.repeat(np.arange(len(at)), run_sizes(at, rows))
