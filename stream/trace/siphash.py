"""SipHash-2-4 (Aumasson and Bernstein, INDOCRYPT 2012) of many 64-bit numbers at once.

A keyed hash of 64 bits for short inputs that is a pseudo-random function: its values reveal nothing
about the key or about other values.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from stream.core.batch import Fingerprints

_START: Final = (0x736F6D6570736575, 0x646F72616E646F6D, 0x6C7967656E657261, 0x7465646279746573)
_BYTES: Final = 8
_LAST_BLOCK: Final = np.uint64(_BYTES << 56)
_ROUNDS: Final = 2
_FINAL_ROUNDS: Final = 4


class SipHash:
    """Hashes numbers of eight bytes, little-endian, under one key."""

    KEY_BYTES: Final = 16

    def __init__(self, key: bytes) -> None:
        """Begin with a key of KEY_BYTES."""
        keys = (int.from_bytes(key[:8], "little"), int.from_bytes(key[8:], "little"))
        self._start = [np.uint64(one ^ keys[place % 2]) for place, one in enumerate(_START)]

    def of(self, numbers: Fingerprints) -> Fingerprints:
        """Return the hash of each, shape ``(n,)``."""
        state = [np.full(len(numbers), one) for one in self._start]
        for block in (numbers, _LAST_BLOCK):
            state[3] ^= block
            _rounds(state, _ROUNDS)
            state[0] ^= block
        state[2] ^= np.uint64(0xFF)
        _rounds(state, _FINAL_ROUNDS)
        return state[0] ^ state[1] ^ state[2] ^ state[3]


def _rounds(state: list[Fingerprints], count: int) -> None:
    a, b, c, d = state
    high = np.empty_like(a)

    def half(one: Fingerprints, two: Fingerprints, bits: int) -> None:
        one += two
        _rotate(two, bits, high)
        two ^= one

    for _ in range(count):
        half(a, b, 13)
        _rotate(a, 32, high)
        half(c, d, 16)
        half(a, d, 21)
        half(c, b, 17)
        _rotate(c, 32, high)


def _rotate(numbers: Fingerprints, bits: int, high: Fingerprints) -> None:
    """Rotate to the left in place; ``high`` is overwritten."""
    np.right_shift(numbers, np.uint64(64 - bits), out=high)
    numbers <<= np.uint64(bits)
    numbers |= high
