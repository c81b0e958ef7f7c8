"""Names of models as numbers, so that a batch has one column of them, and each name once.

Who writes a request may choose the name. It is kept short and printable, and its number is keyed:
without the salt two names cannot be made to collide.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from stream.core.egress import COUNTRY_BITS
from stream.core.events import MAX_MODEL_CHARACTERS
from stream.intake.fingerprint.keyed import KeyedHash
from stream.store.order import ascending

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stream.core.batch import Array, Fingerprints

#: Names kept between batches (assumed: a gateway has a few hundred).
MAX_MODEL_NAMES: Final = 4096
#: Longer names, which only a hostile client sends, are looked at every time.
_LONGEST_CACHED: Final = 512


class ModelNames(dict[str, int]):
    """Name as logged -> number; 0 for a name without a printable character."""

    def __init__(self, salt: bytes) -> None:
        """Key the numbers with ``salt``."""
        super().__init__()
        self._hash = KeyedHash(salt, "model")
        self._names: dict[int, str] = {}

    def __missing__(self, logged: str) -> int:
        """Number a name that is not cached."""
        name = printable(logged)
        found = self._hash.one(name) >> COUNTRY_BITS << COUNTRY_BITS
        if found:
            self._names[found] = name
        if len(logged) <= _LONGEST_CACHED:
            self[logged] = found
        return found

    def numbers(self, logged: Sequence[str]) -> Fingerprints:
        """Return the number of each name, shape ``(n,)``, u8."""
        return np.fromiter(map(self.__getitem__, logged), np.uint64, len(logged))

    def names_of(self, numbers: Array) -> dict[int, str]:
        """Return number -> name of a batch, then forget if there are many.

        ``numbers`` were returned since the last call.
        """
        found = {one: self._names[one] for one in ascending(numbers).tolist() if one}
        if len(self._names) > MAX_MODEL_NAMES or len(self) > MAX_MODEL_NAMES:
            self.clear()
            self._names.clear()
        return found


def printable(name: str) -> str:
    """Return the beginning of a name without control characters and marks of direction."""
    if not name.isprintable():
        name = "".join(c if c.isprintable() else " " for c in name[: 4 * MAX_MODEL_CHARACTERS])
    return name[:MAX_MODEL_CHARACTERS].strip()
