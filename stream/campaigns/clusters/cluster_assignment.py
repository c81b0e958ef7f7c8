"""Which clusters belong together: those that share a value, or a good part of their owners.

Says nothing of what a cluster means. One object serves one judging.
"""

from __future__ import annotations

from bisect import insort
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from stream.campaigns.graph.snapshot import Snapshot
    from stream.campaigns.links.edges import EdgeTable

#: A candidate that shares this part of its members' owners with a cluster belongs to it.
_OVERLAP: Final = 0.1
_LEAST_OVERLAP: Final = 2
#: Ids of clusters taken in that a cluster remembers, the latest: their incidents end soon.
_MOST_ABSORBED: Final = 1000

ValueId = tuple[int, int]


class ClusterState(msgspec.Struct, kw_only=True):
    """What is remembered of a cluster."""

    campaign_id: str
    founded: float
    values: set[ValueId]
    members: set[str]
    absorbed: list[str] = []


def _age(kept: ClusterState) -> tuple[float, str]:
    return kept.founded, kept.campaign_id


class ClusterAssignment:
    """Puts candidates into clusters, and clusters into one another; the older one stays."""

    def __init__(self, kept: dict[str, ClusterState], table: EdgeTable, snapshot: Snapshot) -> None:
        """Work on ``kept``, the clusters by their id."""
        self._kept = kept
        self._table = table
        self._snapshot = snapshot
        self._order = sorted(kept.values(), key=_age)
        self._owners: dict[str, set[int]] = {}

    def place(self, new: ClusterState) -> None:
        """Put a candidate into the oldest cluster it belongs to, or found one."""
        for kept in self._order:
            if self._together(kept, new):
                self._take_in(kept, new)
                return
        self._kept[new.campaign_id] = new
        insort(self._order, new, key=_age)

    def unite(self) -> None:
        """Let older clusters take in younger ones that they have come to overlap with."""
        order, at = self._order, 0
        while at < len(order):
            older = order[at]
            younger = next((k for k in order[at + 1 :] if self._together(older, k)), None)
            if younger is None:
                at += 1
                continue
            self._take_in(older, younger)
            older.absorbed += [younger.campaign_id, *younger.absorbed]
            del older.absorbed[:-_MOST_ABSORBED]
            del self._kept[younger.campaign_id]
            order.remove(younger)
            # Now that it has grown, one before it may have come to overlap with it.
            at = next((i for i in range(at) if self._together(order[i], older)), at)

    def _together(self, one: ClusterState, other: ClusterState) -> bool:
        if not one.values.isdisjoint(other.values):
            return True
        a, b = self._owners_of(one), self._owners_of(other)
        if a.isdisjoint(b):
            return False
        return len(a & b) >= max(_LEAST_OVERLAP, _OVERLAP * min(len(a), len(b)))

    def _take_in(self, into: ClusterState, other: ClusterState) -> None:
        into.values |= other.values
        into.members |= other.members
        self._owners[into.campaign_id] = self._owners_of(into) | self._owners_of(other)

    def _owners_of(self, kept: ClusterState) -> set[int]:
        found = self._owners.get(kept.campaign_id)
        if found is None:
            slots = self._table.find_accounts([*kept.members])
            found = set(self._snapshot.owner[slots[slots >= 0]].tolist())
            self._owners[kept.campaign_id] = found
        return found
