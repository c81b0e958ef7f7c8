"""The links task while ``intake.salt`` is replaced: links under the previous salt continue.

Each value is there twice. The indicator under the previous salt has the history: it is sent on,
under the name of its successor. That under the new salt counts accounts and is sent on once a link
comes that is not only to be learnt from, which is when the previous salt is removed. So alerting
sees one group for a value, and a common value is not rare for a while.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stream.campaigns.links.bipartite_graph import BipartiteGraph
    from stream.core.batch import Array


def note_successors(graph: BipartiteGraph, columns: Mapping[str, Array]) -> None:
    """Note the successors that links of a window name; what is only learnt from does not change.

    After the links were added; ``columns`` have the shape ``(n,)``.
    """
    if "successor" not in columns:
        return
    slots = graph.find_values(columns["kind"], columns["value"])
    known = slots >= 0
    slots, successor = slots[known], columns["successor"][known]
    learnt = successor == columns["value"][known]
    values = graph.values
    named = ~learnt & (successor != 0)
    values["alias"][slots[named]] = successor[named]
    # It has none itself, also where a rotation was taken back.
    values["alias"][slots[learnt]] = 0
    values["dirty"][slots] = True
    only_learnt = np.setdiff1d(slots[learnt], slots[~learnt])
    values["changed"][only_learnt] = False


def renamed_organizations(columns: Mapping[str, Array]) -> dict[int, int]:
    """Return the organizations of links under both salts, previous to new."""
    if "previous_organization" not in columns:
        return {}
    previous, new = columns["previous_organization"], columns["organization"]
    both = (previous != 0) & (new != 0)
    return dict(zip(previous[both].tolist(), new[both].tolist(), strict=True))


def rename_organizations(graph: BipartiteGraph, renamed: Mapping[int, int]) -> None:
    """Give the accounts of some organizations the new fingerprint of theirs."""
    if not renamed:
        return
    stored = graph.accounts["organization"]
    wanted = np.array([*renamed], np.uint64)
    accounts = np.flatnonzero(graph.accounts.used & np.isin(stored, wanted))
    stored[accounts] = np.array([renamed[one] for one in stored[accounts].tolist()], np.uint64)
    graph.accounts["dirty"][accounts] = True
