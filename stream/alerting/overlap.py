"""How much of a set belongs to an earlier one, of which only a sample is kept.

The sample is of the least hashes (bottom-k; Cohen and Kaplan, "Summarizing data using bottom-k
sketches", PODC 2007): in a later set, those below its bound are a random part of it, and how many
of these are in the sample estimates the share without bias.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from stream.core.batch import Array

#: The estimated share is within 0.1 of the true one in 99.8 % of cases.
SIZE: Final = 256
_HIGHEST: Final = 2**64 - 1


class Sample(msgspec.Struct, frozen=True, array_like=True):
    """The least hashes of a set, ascending; nothing is known of it above ``bound``."""

    hashes: list[int] = []
    bound: int = _HIGHEST

    @classmethod
    def of(cls, hashes: Array) -> Sample:
        """Return the sample of a set given as :func:`hashed`."""
        least = hashes[:SIZE].tolist()
        return cls(least, _HIGHEST if len(hashes) <= SIZE else least[-1])

    def without(self, gone: Collection[int]) -> Sample:
        """Return the sample without some hashes."""
        return Sample([one for one in self.hashes if one not in gone], self.bound)

    def share(self, hashes: Array) -> float:
        """Return which share of another set (:func:`hashed`) belongs to this one."""
        comparable = hashes[hashes <= np.uint64(self.bound)]
        if not len(comparable):
            return 0.0
        return float(np.isin(comparable, np.array(self.hashes, np.uint64)).mean())


def hashed(things: Iterable[str]) -> Array:
    """Return the hash of each of distinct things, ascending, shape ``(n,)``, u8."""
    digests = b"".join(hashlib.blake2b(t.encode(), digest_size=8).digest() for t in things)
    return np.sort(np.frombuffer(digests, "<u8"))
