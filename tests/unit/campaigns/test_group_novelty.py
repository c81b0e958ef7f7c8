"""The novelty model learns harmless groups, from no drill, and survives restarts."""

from __future__ import annotations

import pytest
import river

from stream.campaigns.clusters.detector import ClusterDetector
from stream.campaigns.settings import CampaignSettings
from stream.core.errors import ModelError
from stream.core.links import LinkKind
from stream.metrics import Metrics
from testlib.durable import changes, restore
from testlib.groups import DAY_S, OTHERS, START_S, group, pool


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


def trained(clusters: ClusterDetector, hours: int) -> ClusterDetector:
    """Show harmless groups for hours."""
    for hour in range(hours):
        show(clusters, hour)
        clusters.detect(START_S + 3600 * hour)
    return clusters


def show(clusters: ClusterDetector, hour: int) -> None:
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


def novelties(clusters: ClusterDetector, time: float) -> set[float]:
    scored = clusters.detect(time)
    return {e.value for c in scored for e in c.evidence if e.feature == "group_novelty"}


def test_the_model_learns_from_harmless_groups_and_not_from_alerted_ones(metrics: Metrics) -> None:
    clusters = trained(ClusterDetector(CampaignSettings(), metrics=metrics), hours=12)
    for hour in range(12, 72):  # as long as a harmless group takes to become usual, and longer
        time = START_S + 3600 * hour
        clusters.add(time, pool(1))
        assert novelties(clusters, time) == {0.001}


def test_a_drill_is_compared_with_real_groups_and_the_model_does_not_learn_from_it(
    metrics: Metrics,
) -> None:
    real = trained(ClusterDetector(CampaignSettings(), metrics=metrics), hours=12)
    before = real._novelty._groups.state()
    drill = ClusterDetector(CampaignSettings(), metrics=metrics, baseline=real.baseline)
    drill.add(
        START_S + 43_200, [*pool(1), group(LinkKind.TEMPLATE, 7, [f"d{i}" for i in "abcdefgh"])]
    )
    assert novelties(drill, START_S + 43_200) == {0.001}
    assert real._novelty._groups.state() == before
    assert not [key for key, _ in changes(drill) if key[:1] == b"u"]


def test_the_model_does_not_learn_from_parts_of_an_alerted_campaign(metrics: Metrics) -> None:
    clusters = ClusterDetector(CampaignSettings(), metrics=metrics)
    part = group(LinkKind.TEMPLATE, 77, [f"p1-{i:02}" for i in range(8)])
    clusters.add(START_S + 60, [OTHERS, *pool(1), part])
    scored = clusters.detect(clusters.due)
    assert [len(c.members) for c in scored if c.score > 0.5] == [24]
    assert clusters._novelty._groups._population.counter == 1  # the others, who are harmless


def test_the_model_learns_many_indicators_of_the_same_accounts_once(metrics: Metrics) -> None:
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


def test_the_model_survives_a_restart(metrics: Metrics) -> None:
    clusters = trained(ClusterDetector(CampaignSettings(), metrics=metrics), hours=12)
    again = ClusterDetector(CampaignSettings(), metrics=metrics)
    restore(again, changes(clusters))
    for hour in range(12, 30):
        time = START_S + 3600 * hour
        for one in (clusters, again):
            show(one, hour)
            one.add(time, pool(1))
            one.detect(time)
        assert clusters._novelty._groups.state() == again._novelty._groups.state()
    assert novelties(again, time + 300) == novelties(clusters, time + 300) == {0.001}


def test_a_model_of_another_version_is_learnt_again(
    metrics: Metrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = changes(trained(ClusterDetector(CampaignSettings(), metrics=metrics), hours=12))
    monkeypatch.setattr(river, "__version__", "9.1.0")
    again = ClusterDetector(CampaignSettings(), metrics=metrics)
    with pytest.raises(ModelError, match="river"):
        restore(again, rows)
    again = ClusterDetector(CampaignSettings(), metrics=metrics)
    restore(again, [row for row in rows if row[0][:1] != b"u"])
    again.add(START_S + 43_200, pool(1))
    assert [len(c.members) for c in again.detect(START_S + 43_200) if c.score > 0.5] == [24]
