"""Who belongs to a cluster: accounts with evidence of their own, nobody by an address alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from stream.campaigns.graph.snapshot import CONTENT, LINKING
from stream.core.links import LinkKind

if TYPE_CHECKING:
    from stream.campaigns.graph.snapshot import Snapshot
    from stream.campaigns.links.edges import EdgeTable
    from stream.core.batch import Array

#: A member used the cluster's content at least this often and for this part of its day, or once
#: when that is this part of its day ...
_LEAST_REQUESTS: Final = 2
_LEAST_SHARE: Final = 0.1
_ONCE_SHARE: Final = 0.2
#: ... or used this many of its values.
_SEVERAL_VALUES: Final = 3
#: Of phrases it takes as many, and for so many requests of its day one.
_PHRASES_SHARE: Final = 0.25
#: Who took longer answers for this long has turned; another provider's outage is over before.
_TURN_LASTS_S: Final = 6 * 3600.0
#: A value is a core's when this many and this part of the core have it.
_CORE_USERS: Final = 3
_CORE_SHARE: Final = 0.05


def own_evidence(table: EdgeTable, snapshot: Snapshot, values: Array) -> tuple[Array, Array]:
    """Return the members of a cluster of values (slots), and when each joined (epoch seconds).

    Both of shape ``(n,)``; members are account slots, ascending.
    """
    at = snapshot.at(values)
    accounts, row = np.unique(snapshot.account[at], return_inverse=True)
    edges, kind = snapshot.edges[at], snapshot.kind[snapshot.value[at]]

    def count(which: Array) -> Array:
        return np.bincount(row[which], minlength=len(accounts))

    requests = _most_by_kind(table.edges["requests"][edges], row, kind, len(accounts))
    phrase, turn = kind == LinkKind.PHRASE, kind == LinkKind.CHANGE_POINT
    day = np.maximum(table.accounts["day_requests"][accounts], 1)
    often = (requests >= _LEAST_REQUESTS) & (requests >= _LEAST_SHARE * day)
    devoted = (count(np.isin(kind, CONTENT)) > 0) & (often | (requests >= _ONCE_SHARE * day))
    asked = count(phrase) >= np.maximum(_SEVERAL_VALUES, _PHRASES_SHARE * day)
    several = (count(~(phrase | turn)) >= _SEVERAL_VALUES) | asked
    since = np.full(len(accounts), np.inf)
    np.minimum.at(since, row, table.edges["since"][edges])
    paid_or_turned = (kind == LinkKind.PAYMENT) | (turn & turn_lasts(table, edges))
    member = devoted | several | (count(paid_or_turned) > 0)
    return accounts[member], since[member]


def turn_lasts(table: EdgeTable, edges: Array) -> Array:
    """Say of each edge (slot) of a turn whether it has lasted, shape ``(n,)``."""
    return np.asarray(table.edges["last"][edges] - table.edges["since"][edges] >= _TURN_LASTS_S)


def core_values(snapshot: Snapshot, core: Array) -> Array:
    """Return the linking values (slots) that the accounts of a core have in common."""
    value = snapshot.value[snapshot.at_accounts(core)]
    value = value[np.isin(snapshot.kind[value], LINKING)]
    values, count = np.unique(value, return_counts=True)
    return np.asarray(values[count >= max(_CORE_USERS, _CORE_SHARE * len(core))])


def cards(snapshot: Snapshot, members: Array) -> int:
    """Return how many payments pay for several of the members."""
    payments = snapshot.payment[members]
    _, count = np.unique(payments[payments >= 0], return_counts=True)
    return int((count > 1).sum())


def _most_by_kind(amount: Array, row: Array, kind: Array, rows: int) -> Array:
    most = np.zeros(rows)
    for one in CONTENT:
        of_kind = kind == one
        most = np.maximum(most, np.bincount(row[of_kind], amount[of_kind], rows))
    return most
