"""Members counted for many indicators at once are those that each has as a cluster of its own."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from stream.campaigns.graph.handovers import Handovers
from stream.campaigns.graph.membership import ALONE, members_of, members_of_each
from stream.campaigns.graph.snapshot import Snapshot
from stream.campaigns.links.bipartite_graph import BipartiteGraph

TIME = 1_772_409_600.0
HOUR_S = 3600.0
links = st.lists(
    st.tuples(
        st.integers(0, 5),  # account
        st.sampled_from(ALONE),
        st.integers(1, 4),  # value
        st.integers(1, 4),  # requests
        st.integers(0, 12),  # hours between first and last use
    ),
    min_size=1,
    max_size=40,
    unique_by=lambda link: link[:3],
)


@given(links, st.lists(st.integers(0, 12), min_size=6, max_size=6))
def test_one_by_one_or_all_at_once_it_is_the_same(found, day_requests) -> None:
    graph = BipartiteGraph()
    names, kinds, numbers, requests, hours = zip(*found, strict=True)
    values = graph.value_slots([int(kind) for kind in kinds], numbers)
    accounts = graph.account_slots([f"a{name}" for name in names])
    edges = graph.edge_slots(values, accounts, most=100)
    graph.edges["requests"][edges] = requests
    graph.edges["last"][edges] = TIME
    graph.edges["since"][edges] = TIME - np.array(hours) * HOUR_S
    graph.accounts["day_requests"][accounts] = np.array(day_requests)[list(names)]
    snapshot = Snapshot.of(graph, TIME)
    handovers = Handovers.of(graph, snapshot)
    alone = np.unique(values)
    each = [len(members_of(graph, snapshot, alone[[i]], handovers)[0]) for i in range(len(alone))]
    assert members_of_each(graph, snapshot, alone).tolist() == each
