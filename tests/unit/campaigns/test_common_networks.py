"""Groups that share several rare networks equal a search by sets; an owner is one of them."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from stream.campaigns.graph.common_networks import (
    networks_of,
    shared_networks,
    sharing_rare_networks,
)
from stream.campaigns.graph.snapshot import Snapshot
from stream.campaigns.links.account_facts import known_accounts
from stream.campaigns.links.bipartite_graph import BipartiteGraph
from stream.core.links import LinkKind

TIME = 1_772_409_600.0
uses = st.sets(st.tuples(st.integers(0, 11), st.integers(1, 9)), min_size=4, max_size=90)
#: More accounts than these, and a network is not rare.
RARE = 8


def rare(pairs):
    """Return the pairs whose network is rare."""
    return {(a, n) for a, n in pairs if sum(m == n for _, m in pairs) <= RARE}


def snapshot_of(pairs, organizations=None):
    """Return the graph of (account, network) and a decoy of another kind; its snapshot."""
    graph = BipartiteGraph()
    rows = [(a, int(LinkKind.NETWORK), n) for a, n in sorted(pairs)]
    rows += [(a, int(LinkKind.TEMPLATE), 77) for a in sorted({a for a, _ in pairs})]
    values = graph.value_slots([k for _, k, _ in rows], [v for *_, v in rows])
    accounts = graph.account_slots([f"a{a:02}" for a, *_ in rows])
    edges = graph.edge_slots(values, accounts, most=100)
    graph.edges["since"][edges] = graph.edges["last"][edges] = TIME
    for name, organization in (organizations or {}).items():
        graph.accounts["organization"][graph.find_accounts([name])] = organization
    return graph, Snapshot.of(graph, TIME)


def core(pairs, owner, most=3):
    """Return the pairs that are left when accounts with few shared networks are taken out."""
    pairs = set(pairs)
    while True:
        owners = {n: {owner(a) for a, m in pairs if m == n} for _, n in pairs}
        shared = {(a, n) for a, n in pairs if len(owners[n]) > 1}
        kept = {(a, n) for a, n in shared if sum(b == a for b, _ in shared) >= most}
        if kept == pairs:
            return pairs
        pairs = kept


def joined(pairs):
    groups = []
    for account in {a for a, _ in pairs}:
        group, networks = {account}, {n for a, n in pairs if a == account}
        while True:
            more = {a for a, n in pairs if n in networks}
            if more == group:
                break
            group = more
            networks = {n for a, n in pairs if a in group}
        groups.append(frozenset(group))
    return set(groups)


@given(uses, st.booleans())
def test_groups_are_the_connected_parts_of_the_core(pairs, one_company):
    company = {f"a{a:02}": 5 for a in range(6)} if one_company else {}
    known = {
        name: number for name, number in company.items() if int(name[1:]) in {a for a, _ in pairs}
    }
    graph, snapshot = snapshot_of(pairs, known)

    def owner(account):
        return known.get(f"a{account:02}", -account)

    found = {
        frozenset(int(name[1:]) for name in graph.names(accounts))
        for accounts in sharing_rare_networks(snapshot)
    }
    assert found == joined(core(rare(pairs), owner))


@given(uses)
def test_shared_networks_are_those_that_others_of_the_accounts_use(pairs):
    graph, snapshot = snapshot_of(pairs)
    names = sorted(known_accounts(graph, (f"a{a:02}" for a in range(0, 12, 2))))
    accounts = np.sort(graph.find_accounts(names))
    of = {int(n[1:]): {m for a, m in rare(pairs) if a == int(n[1:])} for n in names}
    counts = dict(zip(graph.names(accounts), shared_networks(snapshot, accounts), strict=True))
    for account, networks in of.items():
        others = set().union(*(n for a, n in of.items() if a != account))
        assert counts[f"a{account:02}"] == len(networks & others)
    common = graph.values["value"][networks_of(snapshot, accounts)].tolist()
    assert sorted(common) == sorted(
        n for n in range(1, 10) if sum(n in networks for networks in of.values()) > 1
    )
