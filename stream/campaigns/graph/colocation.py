"""Co-location: accounts that share rare phrases and leave through several of the same addresses.

Customers of one VPN share its addresses, users of one tool its words, but with other people each
time: words and addresses are independent among unrelated accounts. An operator that deals sessions
of other people over many accounts behind one pool of addresses cannot avoid sharing both. One
common address is not enough: a class has the same homework and the address of its school.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from stream.core.links import LinkKind
from stream.store.order import ascending

if TYPE_CHECKING:
    from stream.campaigns.graph.snapshot import Snapshot
    from stream.campaigns.types import SlotPairs
    from stream.core.batch import AccountSlots, Mask, Positions, ValueSlots

#: Common addresses that make a pair co-located (assumed: one is a school's or an office's).
_COMMON: Final = 2
#: An account and an address that it uses are one number: account << 32 | address.
_VALUE: Final = 0xFFFFFFFF
#: Pairs are compared in portions, so that memory stays bounded (assumed).
_PORTION: Final = 65_536
#: Accounts and addresses become a table of bits where it is no larger than this (16 MiB,
#: assumed).
_MOST_BYTES: Final = 1 << 24


def co_located(snapshot: Snapshot, left: AccountSlots, right: AccountSlots) -> Mask:
    """Return whether each pair of accounts shares several addresses, shape ``(pairs,)``."""
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


def _share(uses: SlotPairs, first: Positions, left: AccountSlots, right: AccountSlots) -> Mask:
    accounts = ascending(np.append(left, right))
    own = _uses_of(uses, first, accounts)
    values = ascending(own & _VALUE)
    if len(accounts) * len(values) <= _MOST_BYTES:
        return _by_bits(own, values, accounts, left, right)
    count = np.diff(first)
    # Look up the addresses of the account that has fewer of them.
    few = np.where(count[left] <= count[right], left, right)
    other = left + right - few
    found = [
        _by_lookup(uses, first, few[i : i + _PORTION], other[i : i + _PORTION])
        for i in range(0, len(few), _PORTION)
    ]
    return np.concatenate(found)


def _uses_of(uses: SlotPairs, first: Positions, accounts: AccountSlots) -> SlotPairs:
    """Return the uses of accounts (ascending)."""
    wanted = np.zeros(len(first) - 1, bool)
    wanted[accounts] = True
    return np.asarray(uses[wanted[uses >> 32]])


def _by_bits(
    own: SlotPairs,
    values: ValueSlots,
    accounts: AccountSlots,
    left: AccountSlots,
    right: AccountSlots,
) -> Mask:
    """Compare accounts by a bit for each address: many accounts share hundreds."""
    bits = np.zeros((len(accounts), len(values)), bool)
    bits[np.searchsorted(accounts, own >> 32), np.searchsorted(values, own & _VALUE)] = True
    packed = np.packbits(bits, axis=1)
    a, b = np.searchsorted(accounts, left), np.searchsorted(accounts, right)
    portion = max(1, _MOST_BYTES // packed.shape[1])
    found = [
        np.bitwise_count(packed[a[i : i + portion]] & packed[b[i : i + portion]]).sum(
            axis=1, dtype=np.int64
        )
        for i in range(0, len(a), portion)
    ]
    return np.asarray(np.concatenate(found) >= _COMMON)


def _by_lookup(uses: SlotPairs, first: Positions, few: AccountSlots, other: AccountSlots) -> Mask:
    """Look up each address of ``few`` among those of ``other``."""
    count = first[few + 1] - first[few]
    pair = np.repeat(np.arange(len(few)), count)
    before = np.cumsum(count) - count
    own = uses[np.arange(len(pair)) - before[pair] + first[few][pair]]
    wanted = other[pair] << 32 | (own & _VALUE)
    place = np.minimum(np.searchsorted(uses, wanted), len(uses) - 1)
    return np.bincount(pair[uses[place] == wanted], minlength=len(few)) >= _COMMON
