"""Keyed 64-bit fingerprints: BLAKE2b (RFC 7693) with the operator's salt as its key.

Without the salt a fingerprint cannot be tried against a list of likely texts or addresses.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from stream.types.batch import Array

#: Values remembered per column; then the memory starts afresh.
_REMEMBERED: Final = 100_000


class KeyedHash(dict[str | None, int]):
    """Maps strings to fingerprints, remembering recent ones; None and "" give 0, absent.

    ``prepare`` brings a string to its normal form before it is hashed. ``purpose`` keeps equal
    strings of different columns apart.
    """

    def __init__(
        self, salt: bytes, purpose: str, prepare: Callable[[str], str] = lambda text: text
    ) -> None:
        """Derive the column's hash from the salt."""
        super().__init__()
        # BLAKE2b takes keys up to 64 bytes: longer salts are hashed first.
        key = salt if len(salt) <= hashlib.blake2b.MAX_KEY_SIZE else hashlib.sha512(salt).digest()
        self._hash = hashlib.blake2b(key=key, digest_size=8, person=purpose.encode()[:16])
        self._prepare = prepare

    def __missing__(self, text: str | None) -> int:
        """Hash a string that is not remembered."""
        value = self.one(text)
        if len(self) >= _REMEMBERED:
            self.clear()
        self[text] = value
        return value

    def one(self, text: str | None) -> int:
        """Return the fingerprint of a string without remembering it."""
        prepared = self._prepare(text) if text else ""
        if not prepared:
            return 0
        state = self._hash.copy()
        state.update(prepared.encode("utf-8", "surrogatepass"))
        return int.from_bytes(state.digest(), "little") or 1

    def remembered(self, texts: Iterable[str | None], count: int) -> Array:
        """Return the fingerprints of values that recur, shape ``(count,)``, u8."""
        return np.fromiter(map(self.__getitem__, texts), np.uint64, count)

    def fresh(self, texts: Iterable[str | None], count: int) -> Array:
        """Return the fingerprints of values that hardly recur, shape ``(count,)``, u8."""
        return np.fromiter(map(self.one, texts), np.uint64, count)
