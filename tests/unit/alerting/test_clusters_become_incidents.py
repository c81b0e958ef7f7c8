"""Incidents take scored clusters and look-ups of links, whatever detector they come from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from stream.alerting.egress_ledger import EgressLedger
from stream.alerting.incidents import Incidents
from stream.alerting.settings import AlertingSettings
from stream.campaigns.clusters.member_traffic import MEMBER_TRAFFIC
from stream.campaigns.types import Cluster, Indicator
from stream.core.findings import Evidence
from stream.core.links import LinkKind
from stream.core.membership import MEMBERSHIP, Degree
from stream.metrics import Metrics

if TYPE_CHECKING:
    from collections.abc import Iterable

INDICATOR: Indicator = (int(LinkKind.SYSTEM_PROMPT), 7)
MEMBERS = [f"a{i}" for i in range(9)]


class Links:
    """One indicator that all members use."""

    def indicators_of(self, campaign_id: str) -> set[Indicator]:
        return {INDICATOR} if campaign_id == "cmp_1" else set()

    def accounts_using(self, indicators: Iterable[Indicator]) -> dict[Indicator, set[str]]:
        return {one: {*MEMBERS} for one in indicators if one == INDICATOR}

    def under_previous(self, indicators: Iterable[Indicator]) -> set[Indicator]:
        return set(indicators)


def cluster(time: float, score: float) -> Cluster:
    return Cluster(
        campaign_id="cmp_1",
        founded=0.0,
        since=0.0,
        last=time,
        score=score,
        evidence=[
            Evidence(
                feature="newness", value=1, unit="share", baseline=0, contribution=1, meaning="new"
            )
        ],
        members=MEMBERS,
        memberships=np.array([(Degree.CERTAIN, 2, 0)] * len(MEMBERS), MEMBERSHIP),
        reports=np.zeros(len(MEMBERS), MEMBER_TRAFFIC),
        kinds=[LinkKind.SYSTEM_PROMPT],
        payments=0,
        shared=[],
        absorbed=[],
    )


def test_a_cluster_above_the_open_score_becomes_a_campaign_and_resolves_without_evidence() -> None:
    settings = AlertingSettings()
    metrics = Metrics()
    incidents = Incidents(
        settings,
        links=Links(),
        ledger=EgressLedger(800, metrics=metrics),
        min_members=8,
        max_members=100,
        metrics=metrics,
    )
    incidents.apply_clusters(300.0, [cluster(300.0, 0.6)])
    assert incidents.take() == []
    incidents.apply_clusters(600.0, [cluster(600.0, 0.9)])
    (alert,) = incidents.take()
    assert (alert.kind, alert.status, alert.account_ids) == ("campaign", "firing", MEMBERS)
    incidents.advance(600.0 + settings.resolve_after_s, including=False)
    assert incidents.take() == []
    incidents.advance(600.0 + settings.resolve_after_s, including=True)
    (alert,) = incidents.take()
    assert alert.status == "resolved"
