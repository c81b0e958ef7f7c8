"""Crowded accounts that begin together, and those whose customers carry on under another one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from stream.campaigns.graph.snapshot import Snapshot
from stream.campaigns.links.bipartite_graph import BipartiteGraph
from stream.campaigns.population.crowded_accounts import CrowdedAccounts
from stream.campaigns.population.recency import Recency
from stream.campaigns.settings import CampaignSettings
from stream.core.links import LinkKind

if TYPE_CHECKING:
    from collections.abc import Sequence

HOUR_S = 3600.0
ORIGIN = 1_772_409_600.0
NOW = ORIGIN + 72 * HOUR_S

#: Name, hours after the log began of the first and last request, addresses.
Life = tuple[str, float, float, range]


def customers_of(
    lives: Sequence[Life], *, others: int = 0
) -> tuple[BipartiteGraph, CrowdedAccounts]:
    """Return a graph of crowded accounts, and of others that came on the second day."""
    rows = [(name, LinkKind.CUSTOMERS, 1, first, last) for name, first, last, _ in lives]
    rows += [
        (name, LinkKind.ADDRESS, 100 + address, first, last)
        for name, first, last, addresses in lives
        for address in addresses
    ]
    rows += [(f"other-{i}", LinkKind.TEMPLATE, 7, 30.0, 40.0) for i in range(others)]
    graph = BipartiteGraph()
    values = graph.value_slots([int(k) for _, k, *_ in rows], [v for _, _, v, *_ in rows])
    accounts = graph.account_slots([name for name, *_ in rows])
    edges = graph.edge_slots(values, accounts, most=100)
    first, last = (ORIGIN + HOUR_S * np.array([row[i] for row in rows]) for i in (3, 4))
    graph.edges["since"][edges], graph.edges["last"][edges] = first, last
    graph.accounts["first_seen"][accounts] = first
    graph.accounts["traffic"]["seen"][accounts] = last
    snapshot = Snapshot.of(graph, NOW)
    return graph, CrowdedAccounts.of(graph, snapshot, Recency(CampaignSettings(), ORIGIN, NOW))


def size(lives: Sequence[Life], *, others: int = 0, share: float = 0.0):
    graph, customers = customers_of(lives, others=others)
    accounts = np.sort(graph.find_accounts([name for name, *_ in lives]))
    return customers.among(accounts, share=share)


def together(count: int) -> list[Life]:
    return [(f"c{i}", 30 + i / 10, 60.0, range(10 * i, 10 * i + 5)) for i in range(count)]


def test_many_that_begin_together_are_less_likely_the_fewer_others_are_crowded() -> None:
    found = size(together(10), others=20)
    assert (found.count, found.new, found.share) == (10, 30, 0.02)
    assert found.log_p > size(together(10), others=20, share=0.2).log_p > 0
    assert size(together(10), others=200, share=0.1).log_p == 0


def test_those_that_were_there_when_the_log_began_are_not_new() -> None:
    found = size([(name, 1.0, last, where) for name, _, last, where in together(10)], others=20)
    assert (found.count, found.log_p) == (0, 0.0)


def test_customers_who_carry_on_are_followed_over_every_account() -> None:
    lives: Sequence[Life] = [
        ("a1", 30, 40, range(9)),
        ("a2", 40.5, 50, range(2, 12)),
        ("a3", 50.5, 60, range(5, 14)),
        ("b1", 31, 50, range(20, 30)),
        ("b2", 50.8, 60, range(20, 24)),
    ]
    found = size(lives, others=20)
    assert (found.carried, found.occasions) == (3, 2)  # two of them within an hour
    assert found.count == 2  # successors did not begin together with the others


def test_a_few_people_in_common_are_no_customers_of_both() -> None:
    assert size([("a", 30, 40, range(9)), ("b", 41, 50, range(7, 20))]).carried == 0


def test_accounts_that_are_used_at_the_same_time_do_not_replace_each_other() -> None:
    assert size([("a", 30, 60, range(9)), ("b", 31, 60, range(9))]).carried == 0
    assert size([("a", 30, 42, range(9)), ("b", 41, 60, range(9))]).carried == 0


def test_the_key_of_an_account_of_long_standing_is_renewed() -> None:
    found = size(
        [*together(9), ("old", 1, 40, range(200, 210)), ("new", 40.5, 60, range(200, 210))]
    )
    assert (found.carried, found.count) == (0, 9)


def test_an_address_of_many_accounts_is_no_customers() -> None:
    shop = [(f"c{i}", 30 + 2 * i, 31 + 2 * i, range(5)) for i in range(9)]
    assert size(shop).carried == 0
    assert size(shop[:8]).carried == 7


def test_no_crowded_accounts_are_no_evidence() -> None:
    _, customers = customers_of([("a", 30, 40, range(0))], others=5)
    assert customers.among(np.zeros(0, np.int64), share=0.0).log_p == 0
