"""Co-occurrence: accounts of different owners that share several *different* rare indicators.

One shared indicator means little (a common tool has one prompt for thousands of accounts); a high
degree over many indicators is what coordinated accounts cannot avoid. Indicators that the same
accounts have (the prompts of one tool) are one indicator here. Scores nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

import numpy as np

from stream.campaigns.graph.components import components
from stream.campaigns.graph.snapshot import LINKING
from stream.core.links import of_kinds
from stream.store.order import ascending, cumcount, run_sizes, run_starts

if TYPE_CHECKING:
    from stream.campaigns.graph.snapshot import Snapshot
    from stream.campaigns.links.bipartite_graph import BipartiteGraph
    from stream.campaigns.types import Kinds, OwnerNumbers
    from stream.core.batch import (
        AccountSlots,
        Counts,
        Fingerprints,
        Floats,
        Mask,
        Positions,
        ValueSlots,
    )
    from stream.core.links import LinkKind

#: Accounts of a cluster that are compared pair by pair, and indicators that they are compared by
#: (assumed: time grows with the product).
_SAMPLE: Final = 128
_MOST_VALUES: Final = 192
#: From this part of the way between chance and equality on (Jaccard index), two indicators are one
#: (assumed).
_SAME: Final = 0.5
#: Different indicators that a pair shares to count for the degree (the least that are several).
_LEAST_SHARED: Final = 2
#: Accounts of an indicator that are paired, and pairs in all (assumed: 276 pairs an indicator).
_PAIR_SAMPLE: Final = 24
_MOST_PAIRS: Final = 500_000
#: Different indicators that connect two accounts of a component (assumed: one more than above).
_COMPONENT_SHARED: Final = 3
_TRIANGLES: Final = [np.triu_indices(count, 1) for count in range(_PAIR_SAMPLE + 1)]


@dataclass(frozen=True, slots=True)
class SampledEdges:
    """The edges of a sample of a cluster's members, shape ``(e,)`` each.

    The sample is by hash of the account id: the same accounts everywhere and always.
    """

    owner: OwnerNumbers  # of each of the m accounts in the sample
    row: Positions  # account of each edge, 0 to m
    value: ValueSlots
    kind: Kinds
    number: Fingerprints  # of its value

    @classmethod
    def of(cls, graph: BipartiteGraph, snapshot: Snapshot, members: AccountSlots) -> Self:
        """Return the edges of at most :data:`_SAMPLE` of the members (slots)."""
        order = np.lexsort((members, graph.accounts["hash"][members]))
        sample = members[order[:_SAMPLE]]
        at = snapshot.at_accounts(sample)
        value = snapshot.value[at]
        return cls(
            owner=snapshot.owner[sample],
            row=np.repeat(
                np.arange(len(sample)), snapshot.first[sample + 1] - snapshot.first[sample]
            ),
            value=value,
            kind=snapshot.kind[value],
            number=graph.values["value"][value],
        )

    def cooccurrence_degree(self, kinds: tuple[LinkKind, ...]) -> Floats:
        """Return with how many others of the sample each shares several indicators, ``(m,)``.

        Counts indicators of ``kinds`` and accounts of other owners.
        """
        matrix = self._incidence(kinds)
        if not matrix.shape[1]:
            return np.zeros(len(matrix))
        matrix = matrix[:, _different(matrix)].astype(np.float32)
        shared = matrix @ matrix.T >= _LEAST_SHARED
        return np.asarray((shared & (self.owner[:, None] != self.owner[None, :])).sum(axis=1))

    def _incidence(self, kinds: tuple[LinkKind, ...]) -> Mask:
        """Return which account has which of the most shared indicators, ``(m, values)``."""
        of_kind = of_kinds(self.kind, kinds)
        value, row, number = self.value[of_kind], self.row[of_kind], self.number[of_kind]
        order = np.argsort(value, kind="stable")
        start = run_starts(value[order])
        count = run_sizes(start, len(order))
        number = number[order[start]]
        best = np.flatnonzero(count >= _LEAST_SHARED)
        best = best[np.lexsort((number[best], -count[best]))][:_MOST_VALUES]
        matrix = np.zeros((len(self.owner), len(best)), bool)
        place = np.full(len(start), -1)
        place[best] = np.arange(len(best))
        column = np.repeat(place, count)
        kept = column >= 0
        matrix[row[order[kept]], column[kept]] = True
        return matrix


def cooccurring(graph: BipartiteGraph, snapshot: Snapshot) -> list[AccountSlots]:
    """Return the components of accounts that share several different indicators in pairs."""
    left, right, _ = sharing_pairs(graph, snapshot, LINKING, least=_COMPONENT_SHARED)
    if not len(left):
        return []
    code, times = np.unique(left << 32 | right, return_counts=True)
    code = code[times >= _COMPONENT_SHARED]
    return components(code >> 32, code & 0xFFFFFFFF, len(snapshot.owner))


def _different(matrix: Mask) -> Positions:
    """Return the columns that are left when near-equal ones are one."""
    dense = matrix.astype(np.float32)
    both = dense.T @ dense
    size = np.diag(both)
    total = size[:, None] + size[None, :]
    # What most of the accounts have, they have in common by chance.
    chance = size[:, None] * size[None, :] / max(len(matrix), 1)
    by_chance = chance / np.maximum(total - chance, 1)
    same = both / np.maximum(total - both, 1) >= by_chance + _SAME * (1 - by_chance)
    return np.flatnonzero(~np.triu(same, 1).any(axis=0))


def sharing_pairs(
    graph: BipartiteGraph, snapshot: Snapshot, kinds: tuple[LinkKind, ...], *, least: int
) -> tuple[AccountSlots, AccountSlots, Counts]:
    """Return pairs of accounts of different owners, one per indicator of ``kinds`` that both have.

    The third array has the number of accounts with that indicator; all have the shape ``(pairs,)``.
    Accounts with fewer than ``least`` shared indicators have no pairs.
    """
    return pairs_of(graph, snapshot, *_shared_edges(snapshot, kinds, least))


def pairs_of(
    graph: BipartiteGraph, snapshot: Snapshot, value: ValueSlots, account: AccountSlots
) -> tuple[AccountSlots, AccountSlots, Counts]:
    """Return the same for edges, given by indicator (ascending) and account, shape ``(e,)``."""
    values, first, size = np.unique(value, return_index=True, return_counts=True)
    # The rarest first. Where not all can be paired, accounts take turns, so that no account with
    # many indicators displaces those with few.
    order = np.lexsort((graph.values["value"][values], size))
    most = np.minimum(size, _PAIR_SAMPLE)
    if (most * (most - 1) // 2).sum() > _MOST_PAIRS:
        lead = np.minimum.reduceat(graph.accounts["hash"][account], first)
        order = order[np.argsort(cumcount(lead[order]), kind="stable")]
    most = most[order]
    order = order[np.cumsum(most * (most - 1) // 2) <= _MOST_PAIRS]
    left, right, users_of = ([np.zeros(0, np.int64)] for _ in range(3))
    for count in ascending(size[order]).tolist():
        start = first[order[size[order] == count]]
        users = account[start[:, None] + np.arange(count)]
        if count > _PAIR_SAMPLE:
            by_hash = np.lexsort((users, graph.accounts["hash"][users]))[:, :_PAIR_SAMPLE]
            users = np.sort(np.take_along_axis(users, by_hash, axis=1), axis=1)
        i, j = _TRIANGLES[users.shape[1]]
        left.append(users[:, i].ravel())
        right.append(users[:, j].ravel())
        users_of.append(np.full(len(right[-1]), count))
    a, b = np.concatenate(left), np.concatenate(right)
    apart = snapshot.owner[a] != snapshot.owner[b]
    return a[apart], b[apart], np.concatenate(users_of)[apart]


def _shared_edges(
    snapshot: Snapshot, kinds: tuple[LinkKind, ...], least: int
) -> tuple[ValueSlots, AccountSlots]:
    """Return the edges of shared indicators, for accounts with at least ``least`` of them."""
    size = snapshot.stop - snapshot.start
    linking = (size > 1) & of_kinds(snapshot.kind, kinds)
    wanted = linking[snapshot.value]
    value, account = snapshot.value[wanted], snapshot.account[wanted]
    degree = np.bincount(account, minlength=len(snapshot.owner))
    enough = degree[account] >= least
    return value[enough], account[enough]
