"""The distinct hashes of a data set, each with the first row that has it.

That a row repeats another one, or has a part of it, adds nothing: each hash counts once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

import numpy as np

from stream.core.errors import UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stream.core.batch import Fingerprints, Mask, Positions

Kind = TypeVar("Kind", bound=np.generic)

#: Assumed: ten million answers of a hundred words at one in 32. 36 bytes each are kept, and for a
#: moment another 12: 1.5 GB.
MOST_HASHES: Final = 32_000_000
#: Hashes that are merged at a time; a merge copies everything.
_PORTION: Final = 4_000_000


class FileHashes:
    """``hashes`` (n,) u8, ascending and distinct; ``rows`` (n,) u4, the first row of each."""

    def __init__(self, *, most: int = MOST_HASHES) -> None:
        """Start empty; ``most`` hashes are kept."""
        self.hashes: Fingerprints = np.zeros(0, np.uint64)
        self.rows: Positions = np.zeros(0, np.uint32)
        self._most = most
        self._waiting: list[tuple[Fingerprints, Positions]] = []
        self._waiting_count = 0

    def __len__(self) -> int:
        """Return how many hashes are merged."""
        return len(self.hashes)

    def add(self, hashes: Fingerprints, rows: Positions) -> None:
        """Add hashes, each with its row; rows of later calls are not smaller.

        Raises UsageError beyond the bound.
        """
        self._waiting.append((hashes, rows.astype(np.uint32, copy=False)))
        self._waiting_count += len(hashes)
        if self._waiting_count >= _PORTION:
            self.merge()

    def merge(self) -> None:
        """Merge what was added; before that it is not found. Raises UsageError beyond the bound."""
        if not self._waiting:
            return
        hashes = np.concatenate([one for one, _ in self._waiting])
        rows = np.concatenate([one for _, one in self._waiting])
        self._waiting, self._waiting_count = [], 0
        hashes, first = np.unique(hashes, return_index=True)
        new = self.find(hashes) < 0
        hashes, rows = hashes[new], rows[first[new]]
        if len(self) + len(hashes) > self._most:
            raise UsageError(
                f"the data set has more than {self._most:,} different runs of words: split it"
            )
        place = np.searchsorted(self.hashes, hashes) + np.arange(len(hashes))
        old = np.ones(len(self) + len(hashes), bool)
        old[place] = False
        self.hashes = _merged(old, self.hashes, hashes)
        self.rows = _merged(old, self.rows, rows)

    def seed(self) -> int:
        """Return a number that depends on all hashes: the seed of random samples."""
        return int(np.bitwise_xor.reduce(self.hashes)) if len(self) else 0

    def find(self, hashes: Fingerprints) -> Positions:
        """Return the place of each hash among ``hashes``, -1 where it is not; shape ``(n,)``."""
        if not len(self):
            return np.full(len(hashes), -1, np.int64)
        place = np.searchsorted(self.hashes, hashes)
        place[place == len(self)] = 0
        return np.where(self.hashes[place] == hashes, place, np.int64(-1))


def _merged(old: Mask, known: NDArray[Kind], new: NDArray[Kind]) -> NDArray[Kind]:
    merged = np.empty(len(old), known.dtype)
    merged[old] = known
    merged[~old] = new
    return merged
