"""Keyed 64-bit fingerprints: BLAKE2b (RFC 7693) with the operator's salt as its key.

Without the salt a fingerprint cannot be tried against a list of likely texts or addresses.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final, TypeVar

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from stream.core.batch import Fingerprints, Positions

T = TypeVar("T")

#: Values cached per column, and characters of them all; then the cache starts empty again.
MAX_CACHED: Final = 65_536
MAX_CACHED_CHARACTERS: Final = 2**21
#: Longer strings, which only a hostile client sends, are hashed every time.
_LONGEST_CACHED: Final = 512
#: What gateways write for a value that they do not have.
ABSENT: Final = (None, "", "-")


def indexed(values: Sequence[T]) -> tuple[list[T], Positions]:
    """Return the distinct values in order, and the place of each value among them, u4."""
    distinct = list(dict.fromkeys(values))
    place = {value: i for i, value in enumerate(distinct)}
    return distinct, np.fromiter(map(place.__getitem__, values), np.uint32, len(values))


def utf8(text: str) -> bytes:
    """Return the bytes of a string as it stands."""
    return text.encode("utf-8", "surrogatepass")


def mixed(hashes: Fingerprints) -> Fingerprints:
    """Mix hashes in place, so that every bit depends on every other, and return them.

    SplitMix64 (Steele et al., 2014).
    """
    shifted = hashes >> np.uint64(30)
    hashes ^= shifted
    hashes *= np.uint64(0xBF58476D1CE4E5B9)
    hashes ^= np.right_shift(hashes, np.uint64(27), out=shifted)
    hashes *= np.uint64(0x94D049BB133111EB)
    hashes ^= np.right_shift(hashes, np.uint64(31), out=shifted)
    return hashes


def blake2b(salt: bytes, purpose: str, digest_bytes: int) -> hashlib.blake2b:
    """Return the hash that is keyed by ``salt``; ``purpose`` keeps its uses apart."""
    # BLAKE2b takes keys up to 64 bytes: longer salts are hashed first.
    key = salt if len(salt) <= hashlib.blake2b.MAX_KEY_SIZE else hashlib.sha512(salt).digest()
    return hashlib.blake2b(key=key, digest_size=digest_bytes, person=purpose.encode()[:16])


class KeyedHash(dict[str | None, int]):
    """Maps values of one column to fingerprints and caches short ones; absent values give 0.

    ``prepare`` returns the bytes of a value that are hashed; no bytes mean absent. ``purpose``
    keeps equal values of different columns apart.
    """

    def __init__(self, salt: bytes, purpose: str, prepare: Callable[[str], bytes] = utf8) -> None:
        """Derive the column's hash from the salt."""
        super().__init__()
        self._hash = blake2b(salt, purpose, 8)
        self._prepare = prepare
        self._start()

    def __missing__(self, value: str) -> int:
        """Hash a value that is not cached."""
        found = self.one(value)
        size = len(value)
        if size <= _LONGEST_CACHED:
            if len(self) >= MAX_CACHED or self._characters + size > MAX_CACHED_CHARACTERS:
                self._start()
            self._characters += size
            self[value] = found
        return found

    def one(self, value: str | None) -> int:
        """Return the fingerprint of a value without caching it."""
        prepared = self._prepare(value) if value is not None and value not in ABSENT else b""
        if not prepared:
            return 0
        state = self._hash.copy()
        state.update(prepared)
        return int.from_bytes(state.digest(), "little") or 1

    def cached(self, values: Sequence[str | None]) -> Fingerprints:
        """Return the fingerprints of attributes, which recur; shape ``(n,)``, u8."""
        return np.fromiter(map(self.__getitem__, values), np.uint64, len(values))

    def uncached(self, texts: Sequence[str | None]) -> Fingerprints:
        """Return the fingerprints of texts, which are not kept; shape ``(n,)``, u8.

        Equal texts of one call are hashed once.
        """
        return self.beside((), texts)[0]

    def beside(
        self, others: Sequence[KeyedHash], texts: Sequence[str | None]
    ) -> list[Fingerprints]:
        """Return the same, then that of each of the other hashes, of texts prepared once."""
        hashes = (self, *others)
        if not any(texts):
            return [np.zeros(len(texts), np.uint64) for _ in hashes]
        distinct, row = indexed(texts)
        prepared = [b"" if text in ABSENT else self._prepare(text) for text in distinct]
        return [one.of_bytes(prepared)[row] for one in hashes]

    def of_bytes(self, prepared: Sequence[bytes]) -> Fingerprints:
        """Return the fingerprints of prepared values, 0 for empty ones; shape ``(n,)``, u8."""
        start, digests = self._hash.copy, []
        for value in prepared:
            state = start()
            state.update(value)
            digests.append(state.digest())
        found = np.maximum(np.frombuffer(b"".join(digests), "<u8"), 1)
        return np.where(np.fromiter(map(len, prepared), np.int64, len(prepared)), found, 0)

    def _start(self) -> None:
        self._characters = 0
        self.clear()
        self.update(dict.fromkeys(ABSENT, 0))
