"""Companions: accounts that met in rare phrases and leave through several of the same addresses.

Customers of one VPN share its addresses and users of one tool its words, but with ever other
people: what is said and where it comes from are independent among strangers. Whoever deals other
people's sessions over many accounts behind one pool of addresses cannot avoid both at once. One
address in common is not enough: a class asks the same behind that of its school.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from stream.core.links import LinkKind
from stream.store.order import ascending

if TYPE_CHECKING:
    from stream.campaigns.graph.snapshot import Snapshot
    from stream.core.batch import Array

_COMMON: Final = 2
_VALUE: Final = 0xFFFFFFFF
#: Pairs are looked at in portions, so that no more is held at once.
_PORTION: Final = 65_536
#: Accounts and addresses become a table where it is no larger than this.
_MOST_BYTES: Final = 1 << 24


def companions(snapshot: Snapshot, left: Array, right: Array) -> Array:
    """Say of each pair of accounts (slots) whether they share several addresses, ``(n,)``."""
    size = snapshot.stop - snapshot.start
    shared = (size > 1) & (snapshot.kind == LinkKind.ADDRESS)
    at = np.flatnonzero(shared[snapshot.value])
    uses = np.sort(snapshot.account[at] << 32 | snapshot.value[at])
    if not len(uses):
        return np.zeros(len(left), bool)
    accounts = np.arange(len(snapshot.owner) + 1) << 32
    first = np.searchsorted(uses, accounts)
    count = np.diff(first)
    enough = np.flatnonzero((count[left] >= _COMMON) & (count[right] >= _COMMON))
    found = np.zeros(len(left), bool)
    if len(enough):
        found[enough] = _share(uses, first, left[enough], right[enough])
    return found


def _share(uses: Array, first: Array, left: Array, right: Array) -> Array:
    who = ascending(np.append(left, right))
    own = _of(uses, first, who)
    values = ascending(own & _VALUE)
    if len(who) * len(values) <= _MOST_BYTES:
        return _by_bits(own, values, who, left, right)
    count = np.diff(first)
    # Whoever of the two has fewer addresses is asked for them.
    few = np.where(count[left] <= count[right], left, right)
    other = left + right - few
    found = [
        _meet(uses, first, few[i : i + _PORTION], other[i : i + _PORTION])
        for i in range(0, len(few), _PORTION)
    ]
    return np.concatenate(found)


def _of(uses: Array, first: Array, accounts: Array) -> Array:
    """Return the uses of accounts (slots, ascending)."""
    wanted = np.zeros(len(first) - 1, bool)
    wanted[accounts] = True
    return np.asarray(uses[wanted[uses >> 32]])


def _by_bits(own: Array, values: Array, who: Array, left: Array, right: Array) -> Array:
    """Compare accounts by a bit for each address: many share hundreds."""
    bits = np.zeros((len(who), len(values)), bool)
    bits[np.searchsorted(who, own >> 32), np.searchsorted(values, own & _VALUE)] = True
    packed = np.packbits(bits, axis=1)
    a, b = np.searchsorted(who, left), np.searchsorted(who, right)
    portion = max(1, _MOST_BYTES // packed.shape[1])
    found = [
        np.bitwise_count(packed[a[i : i + portion]] & packed[b[i : i + portion]]).sum(
            axis=1, dtype=np.int64
        )
        for i in range(0, len(a), portion)
    ]
    return np.asarray(np.concatenate(found) >= _COMMON)


def _meet(uses: Array, first: Array, few: Array, other: Array) -> Array:
    count = first[few + 1] - first[few]
    pair = np.repeat(np.arange(len(few)), count)
    before = np.cumsum(count) - count
    own = uses[np.arange(len(pair)) - before[pair] + first[few][pair]]
    wanted = other[pair] << 32 | (own & _VALUE)
    place = np.minimum(np.searchsorted(uses, wanted), len(uses) - 1)
    return np.bincount(pair[uses[place] == wanted], minlength=len(few)) >= _COMMON
