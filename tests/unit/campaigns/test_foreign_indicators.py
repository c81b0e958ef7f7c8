from __future__ import annotations

import numpy as np
import pytest

from stream.campaigns.clusters.groups import add_groups
from stream.campaigns.graph.snapshot import Snapshot
from stream.campaigns.links.bipartite_graph import BipartiteGraph
from stream.campaigns.population.foreign_indicators import NO_FOREIGN, ForeignIndicators
from stream.core.indicators import confidence_of, with_confidence
from stream.core.links import LinkKind
from testlib.groups import DAY_S, START_S, group

NAMES = [f"a{i}" for i in range(40)]


def found(users: list[str], *, confidence: int = 60, time: float = START_S + 60):
    graph = BipartiteGraph()
    value = int(with_confidence(np.array([2**60], np.uint64), np.array([confidence]))[0])
    groups = [group(LinkKind.TEMPLATE, 1, NAMES), group(LinkKind.INDICATOR, value, users)]
    add_groups(graph, groups, most_members=1000)
    snapshot = Snapshot.of(graph, time)
    owners = len(graph.accounts.used) + len(graph.values.used)
    return graph, ForeignIndicators.of(graph, snapshot, owners)


def test_members_that_use_what_was_reported_are_compared_with_the_others() -> None:
    graph, foreign = found([*NAMES[:5], *NAMES[10:13]])
    size = foreign.among(graph.find_accounts(NAMES[:10]))
    assert (size.count, size.share, size.confidence) == (5, 0.5, 0.6)
    assert size.elsewhere == pytest.approx((3 + 1) / (30 + 10))


def test_a_match_counts_for_a_day() -> None:
    """An indicator that has expired, or was withdrawn, matches no request any more."""
    graph, foreign = found(NAMES[:5], time=START_S + DAY_S - 1)
    assert foreign.among(graph.find_accounts(NAMES[:10])).count == 5
    graph, foreign = found(NAMES[:5], time=START_S + DAY_S)
    assert foreign.among(graph.find_accounts(NAMES[:10])) == NO_FOREIGN


@pytest.mark.parametrize("confidence", [0, 1, 50, 100])
def test_a_value_carries_the_confidence(confidence) -> None:
    values = np.array([1, 2**63, 2**64 - 1], np.uint64)
    marked = with_confidence(values, np.full(3, confidence))
    assert confidence_of(marked).tolist() == [confidence / 100] * 3
    assert (marked >> np.uint64(7)).tolist() == (values >> np.uint64(7)).tolist()
