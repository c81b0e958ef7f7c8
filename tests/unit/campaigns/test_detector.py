"""Scoring takes no longer however much is shared, and no account can keep others waiting."""

from __future__ import annotations

import numpy as np
import pytest

from stream.campaigns.clusters import candidates, cluster_store
from stream.campaigns.clusters.detector import ClusterDetector
from stream.campaigns.settings import CampaignSettings
from stream.core.links import LinkKind
from stream.metrics import Metrics
from testlib.durable import changes
from testlib.groups import OTHERS, START_S, group, pool


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


def limit_hits(metrics: Metrics, limit: str) -> float:
    return metrics.registry.get_sample_value("distillwatch_limit_hits_total", {"limit": limit}) or 0


def test_many_indicators_of_a_few_accounts_do_not_keep_a_campaign_waiting(
    monkeypatch: pytest.MonkeyPatch, metrics: Metrics
) -> None:
    monkeypatch.setattr(candidates, "MOST_CANDIDATES", 5)
    clusters = ClusterDetector(CampaignSettings(), metrics=metrics)
    few = [f"few-{i}" for i in range(8)]
    decoys = [group(LinkKind.TEMPLATE, 5000 + i, few) for i in range(100)]
    clusters.add(START_S + 60, [OTHERS, *decoys, *pool(1)])
    scored = clusters.detect(clusters.due)
    assert [len(c.members) for c in scored if "p1-01" in c.members] == [24]
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
    assert sum(key[:1] == b"c" for key, _ in changes(clusters)) == 3


def test_an_indicator_has_a_bounded_number_of_accounts_and_counts_the_others(
    metrics: Metrics,
) -> None:
    clusters = ClusterDetector(CampaignSettings(max_members=10), metrics=metrics)
    clusters.add(START_S + 60, [group(LinkKind.TEMPLATE, 1, [f"a{i:02}" for i in range(30)])])
    assert limit_hits(metrics, "links") == 20
    # Whoever is not counted leaves nothing behind.
    assert len(clusters._graph.accounts) == 10


def test_a_cluster_remembers_a_bounded_number_of_indicators(
    monkeypatch: pytest.MonkeyPatch, metrics: Metrics
) -> None:
    monkeypatch.setattr(cluster_store, "MOST_VALUES", 4)
    clusters = ClusterDetector(CampaignSettings(), metrics=metrics)
    names = [f"p1-{i:02}" for i in range(24)]
    more = [group(LinkKind.TEMPLATE, 100 + i, names) for i in range(9)]
    clusters.add(START_S + 60, [OTHERS, *pool(1), *more])
    clusters.detect(clusters.due)
    assert [len(kept.values) for kept in clusters._store.states.values()] == [4]
