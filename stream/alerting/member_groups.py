"""Accounts of an incident as alerts have them: grouped by how sure they are, and why, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from stream.core.alerts import MemberGroup
from stream.core.links import LinkKind
from stream.core.membership import MEMBERSHIP, Behaviour, Degree, DegreeName

if TYPE_CHECKING:
    from stream.alerting.incident import Incident
    from stream.core.batch import Array

_NAMES: Final[dict[Degree, DegreeName]] = {
    Degree.CERTAIN: "certain",
    Degree.LIKELY: "likely",
    Degree.PERIPHERAL: "peripheral",
}
_ACTS: Final = {
    Behaviour.NEW: "as new as they are",
    Behaviour.PACE: "as busy as they are",
    Behaviour.OWNER: "their owner's other accounts are members, too",
    Behaviour.UNLIKE: "does not act like them",
    Behaviour.REPEATED: "they repeat its requests",
}


def member_groups(incident: Incident) -> list[MemberGroup]:
    """Return every account of a campaign once, the surest first."""
    return [*_groups(incident.memberships), *_groups(incident.peripheral_memberships)]


def _groups(packed: bytes) -> list[MemberGroup]:
    rows = np.frombuffer(packed, MEMBERSHIP)
    if not len(rows):
        return []
    different, group = np.unique(rows, return_inverse=True)
    order = np.argsort(group, kind="stable")
    places = np.split(order, np.flatnonzero(np.diff(group[order])) + 1)
    found = [
        MemberGroup(
            degree=_NAMES[Degree(int(row["degree"]))], why=_why(row), members=place.tolist()
        )
        for row, place in zip(different, places, strict=True)
    ]
    return sorted(found, key=lambda one: (_ORDER[one.degree], -len(one.members), one.why))


def _why(row: Array) -> str:
    kinds, acts = int(row["kinds"]), Behaviour(int(row["behaviour"]))
    shared = [kind.label.replace("_", " ") for kind in LinkKind if kinds & 1 << kind]
    reasons = [f"shares with certain members: {', '.join(shared)}"] if shared else []
    reasons += [words for act, words in _ACTS.items() if act in acts]
    return "; ".join(reasons) or "it shares little with them"


_ORDER: Final = {name: place for place, name in enumerate(_NAMES.values())}
