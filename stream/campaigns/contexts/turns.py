"""The last turns of accounts that send context they have not produced, and whose it may be.

A context may be another account's turn and a question. By chance as many turns fit that come after
the context as before it, so the *nearest* turn that fits, on either side, is a fair coin; only what
is handed over comes before. That holds whatever the token counts are, and round ones, too.
"""

from __future__ import annotations

import math
import zlib
from typing import TYPE_CHECKING, Final

import numpy as np

from stream.core.errors import StateError
from stream.core.findings import TURN
from stream.store.layouts import of_dtype

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from stream.core.batch import Array
    from stream.core.findings import LightTurns

#: A conversation is continued within this time. Measured on a public trace with prefix fingerprints
#: (Mooncake): 126 s at the median, 612 s at the 95th percentile.
WITHIN_S: Final = 600.0
#: Tokens of a question, from the first up to below the second: fewer than of an account's own
#: (accounts/windows/contexts.py), for each token more lets more turns fit by chance. Measured on
#: the same trace: 56 % of the questions.
QUESTION: Final = (-16, 64)
#: Turns that are kept (assumed: five a second of such accounts; deploy/bounds.md).
MOST_TURNS: Final = 8192
#: Contexts are matched this often (assumed: a quarter of an hour delays nothing that takes hours).
_EVERY_S: Final = 900.0
_PORTION: Final = 64

_KEPT: Final = np.dtype([*TURN.descr, ("account", "<u4")])
#: A context with the account whose turn is nearest, and on which side.
MATCH: Final = np.dtype([("time", "<f8"), ("account", "<u4"), ("other", "<u4"), ("before", "?")])


class RecentTurns:
    """Turns of the last half an hour or so, and up to when their contexts were matched."""

    #: What the stored row consists of.
    layout: Final = {"recent turns": of_dtype(_KEPT)}

    def __init__(self) -> None:
        """Start without any."""
        self._turns: Array = np.zeros(0, _KEPT)
        self._new: list[Array] = []  # that are not among these yet
        self._dropped = 0  # for want of room
        self._matched = -math.inf
        self._changed = False

    def add(self, rows: Sequence[LightTurns]) -> None:
        """Take in the turns of a window, in any order."""
        for row in rows:
            turns = np.frombuffer(row.turns, TURN)
            kept = np.zeros(len(turns), _KEPT)
            for name in TURN.names or ():
                kept[name] = turns[name]
            kept["account"] = number(row.member.account_id)
            # A turn of another time than its window is damaged.
            self._new.append(kept[np.abs(kept["time"] - row.time) <= WITHIN_S])
        if len(self._new) >= MOST_TURNS:
            self._merge()

    def _merge(self) -> None:
        """Put the new turns in order, and keep the latest."""
        if not self._new:
            return
        turns, self._new = np.concatenate([self._turns, *self._new]), []
        order = np.lexsort((turns["after"], turns["input"], turns["account"], turns["time"]))
        self._turns = turns[order[-MOST_TURNS:]]
        self._changed = True
        self._dropped += len(turns) - len(self._turns)

    def forget(self, accounts: Iterable[str]) -> None:
        """Forget the turns of accounts; few others have the same number."""
        self._merge()
        of_them = np.isin(self._turns["account"], [number(name) for name in accounts])
        if of_them.any():
            self._turns, self._changed = self._turns[~of_them], True

    def due(self, time: float) -> bool:
        """Return whether contexts may be matched again."""
        return time - WITHIN_S >= self._matched + _EVERY_S

    def match(self, time: float) -> tuple[Array, int]:
        """Return the contexts that have a match, of those up to :data:`WITHIN_S` before ``time``.

        Rows of :data:`MATCH`, each once, by time; and how many turns there was no room for. All
        turns up to ``time`` are known.
        """
        self._merge()
        dropped, self._dropped = self._dropped, 0
        turns, until = self._turns, time - WITHIN_S
        open_ = (turns["input"] > 0) & (turns["time"] > self._matched) & (turns["time"] <= until)
        contexts = turns[open_]
        parts = [
            _matched(contexts[first : first + _PORTION], turns)
            for first in range(0, len(contexts), _PORTION)
        ]
        self._matched, self._changed = until, True
        self._turns = turns[turns["time"] > until - WITHIN_S]
        return np.concatenate([np.zeros(0, MATCH), *parts]), dropped

    # -- durable rows -------------------------------------------------------------------------

    def take_changes(self) -> list[bytes]:
        """Return the row when it changed since the last call."""
        self._merge()
        changed, self._changed = self._changed, False
        return [np.float64(self._matched).tobytes() + self._turns.tobytes()] if changed else []

    def load(self, row: bytes) -> None:
        """Continue from a stored row; raises StateError when it is damaged."""
        size = np.dtype(np.float64).itemsize
        if len(row) < size or (len(row) - size) % _KEPT.itemsize:
            raise StateError("stored turns cannot be read")
        self._matched = float(np.frombuffer(row[:size], np.float64)[0])
        self._turns = np.frombuffer(row[size:], _KEPT)


def number(account: str) -> int:
    """Return a number of an account, the same everywhere; few accounts share one."""
    return zlib.crc32(account.encode())


def _matched(contexts: Array, turns: Array) -> Array:
    """Return the rows of :data:`MATCH` of ``contexts`` (n,) among ``turns`` (m,)."""
    least, below = QUESTION
    question = contexts["input"].astype(np.int64)[:, None] - turns["after"].astype(np.int64)
    apart = contexts["time"][:, None] - turns["time"]
    fits = (question >= least) & (question < below) & (np.abs(apart) <= WITHIN_S)
    fits &= contexts["account"][:, None] != turns["account"]
    distance = np.where(fits, np.abs(apart), np.inf)
    before = np.where(apart > 0, distance, np.inf)
    after = np.where(apart < 0, distance, np.inf).min(axis=1)
    # The nearest of both sides; where both are equally near, or infinite, nothing is known.
    found = np.flatnonzero(before.min(axis=1) != after)
    is_before = before.min(axis=1)[found] < after[found]
    side = np.where(apart[found] > 0, distance[found], np.inf)
    side[~is_before] = np.where(apart[found] < 0, distance[found], np.inf)[~is_before]
    matches = np.zeros(len(found), MATCH)
    matches["time"], matches["account"] = contexts["time"][found], contexts["account"][found]
    matches["other"] = turns["account"][side.argmin(axis=1)] if len(found) else 0
    matches["before"] = is_before
    return matches
