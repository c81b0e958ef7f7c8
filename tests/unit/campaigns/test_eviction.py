"""A full graph makes room at the cost of the accounts that filled it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.campaigns.links.bipartite_graph import BipartiteGraph
from stream.campaigns.links.durable_graph import DurableGraph
from stream.campaigns.links.eviction import EvictionPolicy
from stream.campaigns.links.link_table import LinkTable
from stream.campaigns.settings import CampaignSettings
from stream.core.links import LinkKind
from stream.metrics import Metrics
from testlib.links import Use, batch, shared, table

if TYPE_CHECKING:
    from collections.abc import Iterable

PROMPT, TEMPLATE, CLIENT = LinkKind.SYSTEM_PROMPT, LinkKind.TEMPLATE, LinkKind.CLIENT
DAY_S = 86_400.0
#: Values that one account has used, each its own: as a campaign begins.
BEGUN: list[Use] = [(f"begun-{i}", int(PROMPT), 10 + i, 1) for i in range(40)]


def flood(links: LinkTable, rows: list[Use], *, since: float, per_step: int = 500) -> float:
    """Play the rows, so many a minute; return when the last step ends."""
    time = since
    for first in range(0, len(rows), per_step):
        time += 60
        links.step(time, batch(time, rows[first : first + per_step]))
    return time


def still_linked(links: LinkTable, time: float) -> int:
    """Let two more accounts use each of the begun values; return how many groups that gives."""
    rows = [(f"{who}-{name}", kind, value, 1) for name, kind, value, _ in BEGUN for who in "xy"]
    return len(links.step(time, batch(time, rows)))


@pytest.mark.parametrize(
    "rows",
    [
        [("one", int(TEMPLATE), 1000 + i, 1) for i in range(20_000)],
        [(f"one-{i % 20}", int(TEMPLATE), 1000 + i, 1) for i in range(20_000)],
        [(f"one-{i % 2}", int(TEMPLATE), 1000 + i // 2, 1) for i in range(20_000)],
    ],
    ids=["one account", "twenty accounts", "two accounts that share each value"],
)
def test_invented_prompts_of_few_accounts_push_out_their_own(rows: list[Use]) -> None:
    links = table(max_links=2000)
    links.step(60, batch(60, BEGUN))
    time = flood(links, rows, since=60)
    assert len(links) <= 2000
    assert still_linked(links, time + 60) == len(BEGUN)


def test_indicators_of_single_accounts_push_no_shared_one_out() -> None:
    links = table(max_links=2000)
    links.step(60, batch(60, shared(4)))
    rows = [(f"fresh-{i}", int(TEMPLATE), 1000 + i, 1) for i in range(20_000)]
    time = flood(links, rows, since=2.5 * DAY_S)
    late = [("y", int(PROMPT), 7, 1), ("z", int(PROMPT), 7, 1)]
    (group,) = links.step(time + 60, batch(time + 60, late))
    assert group.size == 6


def test_what_is_forgotten_is_counted() -> None:
    metrics = Metrics()
    links = LinkTable(CampaignSettings(max_links=2000), metrics=metrics)
    flood(links, [(f"a{i}", int(TEMPLATE), 1000 + i, 1) for i in range(5000)], since=0)
    count = metrics.registry.get_sample_value
    forgotten = count("distillwatch_indicators_evicted_total", {"reason": "capacity"})
    assert forgotten == 5000 - len(links)
    assert count("distillwatch_indicators_tracked") == len(links)


def test_a_window_larger_than_the_graph_keeps_what_is_shared() -> None:
    links = table(max_links=1000)
    once = [(f"b{i}", int(TEMPLATE), 1000 + i, 1) for i in range(5000)]
    groups = links.step(60, batch(60, once[:2500] + shared(6) + once[2500:]))
    assert [group.size for group in groups] == [6]
    assert len(links) <= 1000


def test_indicators_of_high_prevalence_are_bounded_too() -> None:
    links = table(max_links=1000)
    for value in range(500):
        time = 60.0 * (value + 1)
        links.step(time, batch(time, shared(51, kind=int(CLIENT), value=1 + value)))
    values = links._graph.values
    assert np.count_nonzero(values.used & values["high_prevalence"]) == 1000 / 8


edges = st.lists(
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 30)), min_size=1, max_size=12),
    min_size=4,
    max_size=10,
)


class Graph:
    """A graph of 16 edges that makes room, and its stored rows."""

    def __init__(self, rows: Iterable[tuple[bytes, bytes | None]] = ()) -> None:
        self.graph = BipartiteGraph()
        self.eviction = EvictionPolicy(self.graph, max_edges=16)
        self.rows = DurableGraph(self.graph)
        self.rows.load(rows)
        self.rows.loaded()

    def use(self, time: float, step: list[tuple[int, int]]) -> None:
        graph = self.graph
        pairs = sorted(set(step))
        values = graph.value_slots([1] * len(pairs), [value + 1 for _, value in pairs])
        accounts = graph.account_slots([f"a{account}" for account, _ in pairs])
        slots = graph.edge_slots(values, accounts, most=100)
        graph.edges["since"][slots] = np.minimum(graph.edges["since"][slots], time)
        graph.edges["last"][slots] = time
        graph.touch(slots)
        self.eviction.shrink()

    def kept(self) -> set[tuple[str, int]]:
        edges = self.graph.edges.in_use
        values = self.graph.values["value"][self.graph.edges["value"][edges]].tolist()
        return set(zip(self.graph.names(self.graph.edges["account"][edges]), values, strict=True))


@given(edges, st.integers(1, 9))
def test_a_recovered_graph_forgets_the_same(
    played: list[list[tuple[int, int]]], crash: int
) -> None:
    some, straight = Graph(), Graph()
    stored: dict[bytes, bytes] = {}
    for time, step in enumerate(played):
        if time == crash:
            some = Graph(stored.items())
        for one in (some, straight):
            one.use(float(time), step)
        for key, row in some.rows.take_changes():
            if row is None:
                stored.pop(key, None)
            else:
                stored[key] = row
        assert len(some.graph.edges) <= 16
        assert Graph(stored.items()).kept() == straight.kept()
