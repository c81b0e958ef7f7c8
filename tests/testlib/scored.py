"""What a cluster detector scored, also below the score from which it founds a cluster.

The one place that knows how to watch the detector.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from unittest import mock

from stream.campaigns.clusters import scorer
from stream.core.thresholds import DEFAULT_THRESHOLDS
from testlib.traffic.link_traffic import run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stream.campaigns.scoring.decision import ClusterDecision
    from stream.campaigns.scoring.features import ClusterFeatures
    from stream.campaigns.scoring.score import ClusterScore
    from stream.core.alerts import Alert
    from testlib.traffic.link_traffic import Account


@dataclass(frozen=True)
class ScoredGroup:
    """A group of accounts as it was scored at a time; a candidate or a cluster."""

    time: float
    members: frozenset[str]
    score: float
    decision: ClusterDecision
    evidence: tuple[str, ...]  # names of the claims that raised the score


@contextmanager
def scored_groups() -> Iterator[list[ScoredGroup]]:
    """Note every group that is scored while the block runs."""
    noted: list[ScoredGroup] = []
    features, score = scorer.features, scorer.score
    scored: dict[int, tuple[float, frozenset[str]]] = {}

    def noting_features(table: Any, population: Any, joined: Any, **options: Any) -> Any:
        found = features(table, population, joined, **options)
        scored[id(found)] = population.snapshot.time, frozenset(table.names(joined.accounts))
        return found

    def noting_score(found: ClusterFeatures, **options: Any) -> ClusterScore:
        made = score(found, **options)
        if options:  # without, it is the score that decides what is learnt from
            time, members = scored[id(found)]
            names = tuple(evidence.feature for evidence in made.evidence)
            noted.append(ScoredGroup(time, members, made.score, made.decision, names))
        return made

    with (
        mock.patch.object(scorer, "features", noting_features),
        mock.patch.object(scorer, "score", noting_score),
    ):
        yield noted


def assert_scored_and_silent(
    accounts: list[Account], *, hours: float, twin: str | tuple[str, ...]
) -> ScoredGroup:
    """Hold that a benign twin was a candidate, scored below the line and raised no alert.

    The names of its accounts begin with ``twin``, or one of these. Return the group
    of it that scored highest.
    """
    alerts, groups = _played(accounts, hours, twin)
    assert alerts == []
    assert groups, f"no group of {twin} was a candidate: its silence proves nothing"
    highest = max(groups, key=lambda group: group.score)
    assert highest.score < DEFAULT_THRESHOLDS.open_score
    return highest


def assert_no_candidate(
    accounts: list[Account], *, hours: float, twin: str | tuple[str, ...]
) -> None:
    """Hold that no group of accounts whose names begin with ``twin`` was even a candidate."""
    alerts, groups = _played(accounts, hours, twin)
    assert alerts == []
    assert groups == [], "it is a candidate: assert how high it scores"


def _played(
    accounts: list[Account], hours: float, twin: str | tuple[str, ...]
) -> tuple[list[Alert], list[ScoredGroup]]:
    """Return the alerts, and the scored groups most of whose members are of the twin."""
    assert any(account.name.startswith(twin) for account in accounts)
    with scored_groups() as groups:
        alerts = run(accounts, hours=hours)
    return alerts, [
        group
        for group in groups
        if 2 * sum(name.startswith(twin) for name in group.members) > len(group.members)
    ]
