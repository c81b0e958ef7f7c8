"""SipHash-2-4 as its authors define it."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from stream.trace.siphash import SipHash

KEY = bytes(range(16))
#: Of the bytes 00 to 07 under that key: vectors.h of the authors' reference implementation.
PUBLISHED = 0x93F5F5799A932462
_64 = 2**64 - 1


def plain(key: bytes, number: int) -> int:
    """Return the hash of one number, step by step."""
    k0, k1 = (int.from_bytes(key[at : at + 8], "little") for at in (0, 8))
    v = [
        k0 ^ 0x736F6D6570736575,
        k1 ^ 0x646F72616E646F6D,
        k0 ^ 0x6C7967656E657261,
        k1 ^ 0x7465646279746573,
    ]

    def left(x: int, bits: int) -> int:
        return (x << bits | x >> (64 - bits)) & _64

    def rounds(count: int) -> None:
        for _ in range(count):
            v[0] = (v[0] + v[1]) & _64
            v[2] = (v[2] + v[3]) & _64
            v[1], v[3] = left(v[1], 13) ^ v[0], left(v[3], 16) ^ v[2]
            v[0] = left(v[0], 32)
            v[2] = (v[2] + v[1]) & _64
            v[0] = (v[0] + v[3]) & _64
            v[1], v[3] = left(v[1], 17) ^ v[2], left(v[3], 21) ^ v[0]
            v[2] = left(v[2], 32)

    for block in (number, 8 << 56):
        v[3] ^= block
        rounds(2)
        v[0] ^= block
    v[2] ^= 0xFF
    rounds(4)
    return v[0] ^ v[1] ^ v[2] ^ v[3]


def test_the_published_value():
    number = int.from_bytes(bytes(range(8)), "little")
    assert SipHash(KEY).of(np.array([number], np.uint64)).tolist() == [PUBLISHED]


@given(st.binary(min_size=16, max_size=16), st.lists(st.integers(0, _64), max_size=9))
def test_many_at_once_are_as_each_by_itself(key, numbers):
    given_ = np.array(numbers, np.uint64)
    assert SipHash(key).of(given_).tolist() == [plain(key, number) for number in numbers]
    assert given_.tolist() == numbers
