"""Scoring takes no longer however much is shared, and no account can keep others waiting."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pytest
import river
from hypothesis import given
from hypothesis import strategies as st

from stream.campaigns.clusters import candidates, cluster_store
from stream.campaigns.clusters.cluster_assignment import ClusterAssignment, ClusterState
from stream.campaigns.clusters.detector import ClusterDetector
from stream.campaigns.graph.snapshot import Snapshot
from stream.campaigns.links.account_facts import note_accounts
from stream.campaigns.links.bipartite_graph import BipartiteGraph
from stream.campaigns.population.reference_population import ReferencePopulation
from stream.campaigns.settings import CampaignSettings
from stream.core.findings import Group, Member
from stream.core.links import LinkKind
from stream.core.traffic import COUNTS, TRAFFIC
from stream.metrics import Metrics

START_S = 1_772_409_600.0
DAY_S = 86_400.0


def group(kind: LinkKind, value: int, names: list[str], *, age_s: float = DAY_S) -> Group:
    members = [
        Member(
            account_id=name,
            since=START_S,
            last=START_S,
            requests=20,
            organization=0,
            created_at=START_S - age_s,
            first_seen=START_S,
            day_requests=20,
            active_hours=3,
            before=bytes(COUNTS.itemsize),
            traffic=bytes(TRAFFIC.itemsize),
        )
        for name in names
    ]
    return Group(
        kind=kind, value=value, time=START_S, since=START_S, size=len(names), members=members
    )


def pool(prompt: int) -> list[Group]:
    """Two dozen young accounts with one prompt, six on each payment."""
    names = [f"p{prompt}-{i:02}" for i in range(24)]
    cards = [names[i : i + 6] for i in range(0, 24, 6)]
    return [
        group(LinkKind.SYSTEM_PROMPT, prompt, names),
        *(group(LinkKind.PAYMENT, 1000 * prompt + i, card) for i, card in enumerate(cards)),
    ]


#: Old accounts that have an opening in common, so that not population is young.
OTHERS = group(LinkKind.TEMPLATE, 1, [f"old-{i}" for i in range(400)], age_s=400 * DAY_S)


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


def limit_hits(metrics: Metrics, limit: str) -> float:
    return metrics.registry.get_sample_value("distillwatch_limit_hits_total", {"limit": limit}) or 0


def test_many_values_of_a_few_accounts_do_not_keep_a_campaign_waiting(
    monkeypatch: pytest.MonkeyPatch, metrics: Metrics
) -> None:
    monkeypatch.setattr(candidates, "MOST_CANDIDATES", 5)
    clusters = ClusterDetector(CampaignSettings(), metrics=metrics)
    few = [f"few-{i}" for i in range(8)]
    decoys = [group(LinkKind.TEMPLATE, 5000 + i, few) for i in range(100)]
    clusters.add(START_S + 60, [OTHERS, *decoys, *pool(1)])
    judged = clusters.detect(clusters.due)
    assert [len(c.members) for c in judged if "p1-01" in c.members] == [24]
    waiting = limit_hits(metrics, "candidates")
    assert waiting >= 90
    # The others come in their turn, without anything new, and then it is quiet.
    for _ in range(30):
        if clusters.due < np.inf:
            clusters.detect(clusters.due)
    assert clusters.due == np.inf
    assert not clusters._graph.values["changed"].any()


def test_the_most_suspicious_clusters_are_remembered(
    monkeypatch: pytest.MonkeyPatch, metrics: Metrics
) -> None:
    monkeypatch.setattr(cluster_store, "MOST_CLUSTERS", 3)
    clusters = ClusterDetector(CampaignSettings(), metrics=metrics)
    groups = [g for n in range(6) for g in pool(1 + n)]
    clusters.add(START_S + 60, [OTHERS, *groups])
    assert len(clusters.detect(clusters.due)) == 3
    assert limit_hits(metrics, "clusters") == 3
    assert sum(key[:1] == b"c" for key, _ in clusters.take_changes()) == 3


def test_a_value_remembers_so_many_accounts_and_counts_the_others(metrics: Metrics) -> None:
    clusters = ClusterDetector(CampaignSettings(max_members=10), metrics=metrics)
    clusters.add(START_S + 60, [group(LinkKind.TEMPLATE, 1, [f"a{i:02}" for i in range(30)])])
    assert limit_hits(metrics, "links") == 20
    # Whoever is not counted leaves nothing behind.
    assert len(clusters._graph.accounts) == 10


def test_a_cluster_remembers_so_many_values(
    monkeypatch: pytest.MonkeyPatch, metrics: Metrics
) -> None:
    monkeypatch.setattr(cluster_store, "MOST_VALUES", 4)
    clusters = ClusterDetector(CampaignSettings(), metrics=metrics)
    names = [f"p1-{i:02}" for i in range(24)]
    more = [group(LinkKind.TEMPLATE, 100 + i, names) for i in range(9)]
    clusters.add(START_S + 60, [OTHERS, *pool(1), *more])
    clusters.detect(clusters.due)
    assert [len(kept.values) for kept in clusters._store.states.values()] == [4]


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
def test_everybody_but_some_equals_counting_the_others(rows, ages, data) -> None:
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


@dataclass
class Fake:
    """A table and snapshot in which account ``n`` belongs to owner ``n // 2``."""

    owner: np.ndarray

    def find_accounts(self, names: list[str]) -> np.ndarray:
        return np.array([-1 if name == "gone" else int(name) for name in names], np.int64)


FAKE = Fake(np.arange(40) // 2)
sets = st.lists(
    st.tuples(
        st.sets(st.integers(1, 12), min_size=1, max_size=3),
        st.sets(st.sampled_from([*map(str, range(40)), "gone"]), min_size=1, max_size=8),
    ),
    max_size=9,
)


def all_kept(found) -> list[ClusterState]:
    return [
        ClusterState(
            campaign_id=f"c{i}",
            founded=float(i // 2),
            values={(1, value) for value in values},
            members=set(members),
        )
        for i, (values, members) in enumerate(found)
    ]


def one_by_one(found: list[ClusterState]) -> list[ClusterState]:
    """Unite the first two that belong together, again and again."""
    kept = {k.campaign_id: k for k in found}
    assignment = ClusterAssignment({}, FAKE, FAKE)
    while True:
        assignment._owners.clear()
        order = sorted(kept.values(), key=lambda k: (k.founded, k.campaign_id))
        pair = next((p for p in combinations(order, 2) if assignment._overlap(*p)), None)
        if pair is None:
            return order
        older, younger = pair
        older.values |= younger.values
        older.members |= younger.members
        older.absorbed += [younger.campaign_id, *younger.absorbed]
        del kept[younger.campaign_id]


@given(sets)
def test_uniting_equals_uniting_one_pair_after_the_other(found) -> None:
    kept = {k.campaign_id: k for k in all_kept(found)}
    ClusterAssignment(kept, FAKE, FAKE).merge()
    assert sorted(kept.values(), key=lambda k: (k.founded, k.campaign_id)) == one_by_one(
        all_kept(found)
    )


def taught(clusters: ClusterDetector, hours: int) -> ClusterDetector:
    """Show harmless groups for hours."""
    for hour in range(hours):
        taught_at(clusters, hour)
        clusters.detect(START_S + 3600 * hour)
    return clusters


def taught_at(clusters: ClusterDetector, hour: int) -> None:
    """Show harmless groups of twelve sizes, others each hour."""
    groups = [
        group(
            LinkKind.TEMPLATE,
            9000 + size,
            [f"h{size}-{hour % 7}-{i:02}" for i in range(8 + 3 * size + hour % 3)],
            age_s=400 * DAY_S,
        )
        for size in range(12)
    ]
    clusters.add(START_S + 3600 * hour, [OTHERS, *groups])


def unusual(clusters: ClusterDetector, time: float) -> set[float]:
    judged = clusters.detect(time)
    return {e.value for c in judged for e in c.evidence if e.feature == "group_novelty"}


def test_harmless_groups_teach_what_is_usual_and_told_ones_do_not(metrics: Metrics) -> None:
    clusters = taught(ClusterDetector(CampaignSettings(), metrics=metrics), hours=12)
    for hour in range(12, 72):  # as long as a harmless group takes to become usual, and longer
        time = START_S + 3600 * hour
        clusters.add(time, pool(1))
        assert unusual(clusters, time) == {0.001}


def test_a_drill_is_compared_with_real_groups_and_teaches_nothing(metrics: Metrics) -> None:
    real = taught(ClusterDetector(CampaignSettings(), metrics=metrics), hours=12)
    before = real._novelty._groups.state()
    drill = ClusterDetector(CampaignSettings(), metrics=metrics, baseline=real.baseline)
    drill.add(
        START_S + 43_200, [*pool(1), group(LinkKind.TEMPLATE, 7, [f"d{i}" for i in "abcdefgh"])]
    )
    assert unusual(drill, START_S + 43_200) == {0.001}
    assert real._novelty._groups.state() == before
    assert not [key for key, _ in drill.take_changes() if key[:1] == b"u"]


def test_parts_of_a_told_campaign_teach_nothing(metrics: Metrics) -> None:
    clusters = ClusterDetector(CampaignSettings(), metrics=metrics)
    part = group(LinkKind.TEMPLATE, 77, [f"p1-{i:02}" for i in range(8)])
    clusters.add(START_S + 60, [OTHERS, *pool(1), part])
    judged = clusters.detect(clusters.due)
    assert [len(c.members) for c in judged if c.score > 0.5] == [24]
    assert clusters._novelty._groups._population.counter == 1  # the others, who are harmless


def test_many_values_of_the_same_accounts_teach_once(metrics: Metrics) -> None:
    one, many = (ClusterDetector(CampaignSettings(), metrics=metrics) for _ in range(2))
    few = [f"few-{i}" for i in range(9)]
    for clusters, values in ((one, 1), (many, 50)):
        same = [group(LinkKind.TEMPLATE, 500 + i, few, age_s=400 * DAY_S) for i in range(values)]
        clusters.add(START_S + 60, [OTHERS, *same])
        clusters.detect(clusters.due)
    assert [c._novelty._groups._population.counter for c in (one, many)] == [
        2,
        2,
    ]  # with the others


def test_what_is_usual_survives_a_restart(metrics: Metrics) -> None:
    clusters = taught(ClusterDetector(CampaignSettings(), metrics=metrics), hours=12)
    again = ClusterDetector(CampaignSettings(), metrics=metrics)
    again.load(clusters.take_changes())
    again.loaded()
    for hour in range(12, 30):
        time = START_S + 3600 * hour
        for one in (clusters, again):
            taught_at(one, hour)
            one.add(time, pool(1))
            one.detect(time)
        assert clusters._novelty._groups.state() == again._novelty._groups.state()
    assert unusual(again, time + 300) == unusual(clusters, time + 300) == {0.001}


def test_what_was_learnt_of_groups_otherwise_is_learnt_anew(
    metrics: Metrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = taught(ClusterDetector(CampaignSettings(), metrics=metrics), hours=12).take_changes()
    monkeypatch.setattr(river, "__version__", "9.1.0")
    again = ClusterDetector(CampaignSettings(), metrics=metrics)
    again.load(rows)
    again.loaded()
    again.add(START_S + 43_200, pool(1))
    assert [len(c.members) for c in again.detect(START_S + 43_200) if c.score > 0.5] == [24]
