"""What the members of a cluster share, for people to look at; it judges nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from stream.core.findings import Shared
from stream.core.links import LinkKind
from stream.store.order import cumcount

if TYPE_CHECKING:
    from stream.campaigns.graph.snapshot import Snapshot
    from stream.campaigns.links.edges import EdgeTable
    from stream.core.batch import Array

#: Values that are told of, so many of one kind, and members that are named of each.
MOST_VALUES: Final = 24
_MOST_OF_A_KIND: Final = 8
MOST_NAMED: Final = 64
#: From this part of a value's accounts on it is the members' rather than everybody's.
_THEIRS: Final = 0.5


def shared(table: EdgeTable, snapshot: Snapshot, members: Array, own: Array) -> list[Shared]:
    """Return the values that members (slots) share, the most shared of each kind first.

    Those of the cluster itself (``own``, slots), and others that hardly anybody else has.
    """
    at = snapshot.at_accounts(members)
    values, count = np.unique(snapshot.value[at], return_counts=True)
    theirs = np.isin(values, own) | (count >= _THEIRS * table.values["size"][values])
    values, count = values[theirs & (count > 1)], count[theirs & (count > 1)]
    kind, number = snapshot.kind[values], table.values["value"][values]
    order = np.lexsort((number, -count, kind))
    place = cumcount(kind[order])  # each kind's first comes before any kind's second
    order = order[np.argsort(place, kind="stable")][: (place < _MOST_OF_A_KIND).sum()]
    return [
        Shared(
            kind=LinkKind(int(kind[i])),
            value=int(number[i]),
            accounts=int(count[i]),
            members=_named(table, snapshot, values[i], members),
        )
        for i in order[:MOST_VALUES].tolist()
    ]


def _named(table: EdgeTable, snapshot: Snapshot, value: Array, members: Array) -> list[str]:
    having = snapshot.account[snapshot.start[value] : snapshot.stop[value]]
    return sorted(table.names(having[np.isin(having, members)]))[:MOST_NAMED]
