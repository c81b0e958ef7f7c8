"""Who an incident accuses: newest evidence counts, and the surest are kept."""

from __future__ import annotations

import numpy as np

from stream.alerting.roster import Roster
from stream.core.membership import MEMBERSHIP, Degree

C, L, P, U = Degree.CERTAIN, Degree.LIKELY, Degree.PERIPHERAL, Degree.UNKNOWN


def roster(**degrees: Degree) -> Roster:
    return Roster.of([*degrees], rows(*degrees.values()))


def rows(*degrees: Degree) -> np.ndarray:
    return np.array([(degree, 0, 0) for degree in degrees], MEMBERSHIP)


def degrees(found: Roster) -> dict[str, int]:
    return dict(zip(found.names, found.rows["degree"].tolist(), strict=True))


def test_newer_evidence_replaces_older_and_none_keeps_it() -> None:
    found = roster(b=L, a=C, c=P).updated(["c", "a", "b", "d", "e"], rows(L, P, U, C, U))
    assert degrees(found) == {"a": P, "b": L, "c": L, "d": C}
    assert found.part(accused_ones=True)[0] == ["b", "c", "d"]
    assert found.part(accused_ones=False)[0] == ["a"]
    assert found.counts == (1, 2, 1)


def test_of_two_incidents_the_surer_degree_stays() -> None:
    both = roster(a=C, b=P, c=L).united(roster(a=L, b=L, d=P))
    assert degrees(both) == {"a": C, "b": L, "c": L, "d": P}


def test_the_surest_are_kept_and_of_equals_those_that_were_there() -> None:
    found = roster(a=L, b=P, c=L, d=C).bounded(2, before=["c"])
    assert degrees(found) == {"c": L, "d": C}
