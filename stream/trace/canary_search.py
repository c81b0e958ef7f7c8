"""Finds canaries among the words of a data set: whole words, as they are compared everywhere.

All words of their length are looked up at once in a sorted array, so that the time hardly depends
on how many canaries there are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from stream.core.canaries import CANARY_LETTERS
from stream.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from stream.core.batch import Positions
    from stream.trace.text_words import TextWords

_WORD: Final = np.dtype(f"S{CANARY_LETTERS}")
#: Pairs of a canary and a row, 16 bytes each; assumed: every row of a data set has one.
MOST_HITS: Final = 8_000_000


class CanarySearch:
    """Takes in the words of texts; mutable. ``compared`` are words that could have been one."""

    def __init__(self, words: Iterable[str], *, most: int = MOST_HITS) -> None:
        """Look for ``words``; raises UsageError beyond ``most`` rows that have one."""
        self._known = np.array(sorted({*words}), _WORD)
        self._most = most
        self._found: list[Positions] = []
        self._waiting = 0
        self.compared = 0

    def look(self, words: Iterable[TextWords], rows: Positions) -> None:
        """Take in texts, each with its row; all words of the right length count as compared."""
        for places, found in words:
            at = np.flatnonzero(found.end - found.start == CANARY_LETTERS)
            self.compared += len(at)
            if not len(self._known) or not len(at):
                continue
            every = np.ndarray(len(found.text) - CANARY_LETTERS + 1, _WORD, found.text, strides=1)
            these = every[found.start[at]]
            place = np.searchsorted(self._known, these)
            place[place == len(self._known)] = 0
            hit = np.flatnonzero(self._known[place] == these)
            if len(hit):
                text = np.searchsorted(np.cumsum(found.count), at[hit], side="right")
                self._add(place[hit], rows[places[text]])

    def _add(self, canaries: Positions, rows: Positions) -> None:
        pairs = np.unique(canaries.astype(np.uint64) << np.uint64(32) | rows.astype(np.uint64))
        self._found.append(pairs)
        self._waiting += len(pairs)
        if self._waiting > self._most:
            self._found = [np.unique(np.concatenate(self._found))]
            self._waiting = len(self._found[0])
            if self._waiting > self._most:
                raise UsageError(f"more than {self._most:,} rows have a canary: split it")

    def found(self) -> Mapping[str, Positions]:
        """Return canary -> its rows, distinct and ascending, (n,) u4; of those that are there."""
        if not self._found:
            return {}
        pairs = np.unique(np.concatenate(self._found))
        place, rows = pairs >> np.uint64(32), pairs.astype(np.uint32)
        first = np.flatnonzero(np.diff(place, prepend=np.uint64(2**64 - 1)))
        return {
            self._known[place[at]].decode(): part
            for at, part in zip(first.tolist(), np.split(rows, first[1:]), strict=True)
        }
