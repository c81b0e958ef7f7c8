"""The reference population without a cluster equals counting the other accounts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.campaigns.graph.snapshot import Snapshot
from stream.campaigns.links.account_facts import note_accounts
from stream.campaigns.links.bipartite_graph import BipartiteGraph
from stream.campaigns.population.reference_population import ReferencePopulation
from stream.campaigns.settings import CampaignSettings
from stream.core.links import LinkKind
from testlib.groups import DAY_S, START_S

uses = st.lists(
    st.tuples(
        st.integers(0, 11),  # account
        st.sampled_from([LinkKind.PAYMENT, LinkKind.ADDRESS, LinkKind.TEMPLATE]),
        st.integers(1, 4),  # value
    ),
    min_size=1,
    max_size=40,
)


@given(uses, st.lists(st.none() | st.integers(0, 60), min_size=12, max_size=12), st.data())
def test_a_population_without_some_accounts_equals_counting_the_others(rows, ages, data) -> None:
    table = BipartiteGraph()
    time = START_S
    rows = sorted(set(rows))
    values = table.value_slots([int(kind) for _, kind, _ in rows], [value for _, _, value in rows])
    accounts = table.account_slots([f"a{account}" for account, _, _ in rows])
    edges = table.edge_slots(values, accounts, most=100)
    table.edges["last"][edges] = time
    table.edges["requests"][edges] = 3
    created = [np.nan if ages[a] is None else time - ages[a] * DAY_S for a, _, _ in rows]
    known = {
        "organization": np.zeros(len(accounts), np.uint64),
        "created_at": np.array(created, float),
        "first_seen": np.full(len(accounts), START_S),
        "day_requests": np.full(len(accounts), 4.0),
        "active_hours": np.ones(len(accounts), np.uint8),
    }
    note_accounts(table, accounts, known)
    snapshot = Snapshot.of(table, time)
    some = data.draw(st.sets(st.sampled_from(snapshot.known.tolist())))
    but = np.array(sorted(some), np.int64)
    population = ReferencePopulation.of(
        table, snapshot, CampaignSettings(young_s=30 * DAY_S), origin=START_S
    )
    others = np.setdiff1d(snapshot.known, but)
    shares, owners, payers = {}, set(), {}
    for account in others.tolist():
        owner = int(snapshot.owner[account])
        owners.add(owner)
        age = time - table.accounts["created_at"][account]
        if not np.isnan(age):
            shares.setdefault(owner, []).append(age <= 30 * DAY_S)
        if (payment := int(snapshot.payment[account])) >= 0:
            payers[payment] = payers.get(payment, 0) + 1
    means = [sum(young) / len(young) for young in shares.values()]
    assert population.young.share(but) == pytest.approx((sum(means) + 1) / (len(means) + 10))
    cards = sum(count > 1 for count in payers.values())
    assert population.shared_payment_share(but) == pytest.approx((cards + 1) / (len(owners) + 10))
    for account in snapshot.known.tolist():
        found = snapshot.at_accounts(np.array([account]))
        assert set(found.tolist()) == set(np.flatnonzero(snapshot.account == account).tolist())
