"""Scored clusters become campaign incidents: opened, grown and merged as the clusters are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from msgspec.structs import replace

from stream.alerting import summaries
from stream.alerting.incident import Finding, Incident, alert_id
from stream.alerting.roster import Roster
from stream.alerting.severity import severity
from stream.alerting.tally import more, observed, united, unpacked
from stream.alerting.traffic_groups import traffic_groups
from stream.core.ledger import Amounts
from stream.core.links import LinkKind
from stream.core.membership import MEMBERSHIP, accused
from stream.core.traffic import matrix

if TYPE_CHECKING:
    from collections.abc import Collection

    from stream.alerting.egress_ledger import EgressLedger
    from stream.alerting.lifecycle import Lifecycle
    from stream.alerting.metrics import AlertingMetrics
    from stream.alerting.score_watch import ScoreWatch
    from stream.alerting.settings import AlertingSettings
    from stream.alerting.store import IncidentStore
    from stream.alerting.verdict_table import VerdictTable
    from stream.campaigns.types import Cluster, Records
    from stream.core.findings import Observed

_MODEL: Final = "campaigns-9"
#: Kinds of links that show proxies.
_EXITS: Final = frozenset({LinkKind.ADDRESS, LinkKind.NETWORK})


class CampaignIncidents:
    """Opens, updates and merges the incidents of kind campaign."""

    def __init__(  # noqa: PLR0913 - what all incidents have, and what campaigns have
        self,
        settings: AlertingSettings,
        store: IncidentStore,
        lifecycle: Lifecycle,
        verdicts: VerdictTable,
        *,
        ledger: EgressLedger,
        min_members: int,
        max_members: int,
        metrics: AlertingMetrics,
        watch: ScoreWatch,
    ) -> None:
        """Adjust scores with ``verdicts``; show each to ``watch``; the ``ledger`` gets what left.

        An incident has ``min_members`` accounts that it accuses, and ``max_members`` in all.
        """
        self._settings = settings
        self._store = store
        self._lifecycle = lifecycle
        self._verdicts = verdicts
        self._ledger = ledger
        self._min_members = min_members
        self._max_members = max_members
        self._metrics = metrics
        self._watch = watch

    def apply(self, time: float, cluster: Cluster) -> None:
        """Take in a cluster as scored at ``time``."""
        score = self._verdicts.adjusted("campaign", cluster.score, cluster.evidence)
        self._metrics.score.labels(kind="campaign").observe(score)
        self._watch(time, _watched(cluster), score)
        incident = self._merged(time, cluster)
        if score < self._settings.least_score(is_open=incident is not None and incident.is_open):
            return
        # Old evidence neither opens an incident nor keeps one open.
        if cluster.last + self._settings.resolve_after_s <= time:
            return
        if incident is None:
            if not self._store.has_room("campaign"):
                return
            incident = _opened(time, cluster)
        found = _roster(incident).updated(cluster.members, cluster.memberships)
        incident = self._with_accounts(incident, found)
        if len(incident.members) < self._min_members:
            return
        incident, total = self._counted(incident, time, cluster)
        self._lifecycle.apply(incident, self._finding(cluster, score, incident, total), time)

    def forget(self, accounts: Collection[str]) -> None:
        """Drop accounts from all campaigns."""
        for incident in self._store:
            named = [*incident.members, *incident.peripheral]
            if incident.kind == "campaign" and not {*named}.isdisjoint(accounts):
                left = self._with_accounts(incident, _roster(incident).without(accounts))
                self._store.put(_without_examples(left, accounts))
        self._store.open.forget(accounts)

    def _finding(
        self, cluster: Cluster, score: float, incident: Incident, total: Observed
    ) -> Finding:
        members = len(incident.members)
        return Finding(
            score=score,
            severity=severity(self._settings, score=score, members=members, observed=total),
            last=cluster.last,
            evidence=cluster.evidence,
            observed=total,
            traffic=traffic_groups(unpacked(incident.tally), self._ledger.model_name),
            shared=cluster.shared,
            proxies=cluster.payments > 1 or not _EXITS.isdisjoint(cluster.kinds),
            model_version=self._verdicts.version("campaign", _MODEL),
            summary=summaries.campaign(
                _roster(incident).counts, cluster.kinds, cluster.payments, total
            ),
        )

    def _merged(self, time: float, cluster: Cluster) -> Incident | None:
        """Return the oldest incident of a cluster and of those it absorbed; close the others."""
        found = [
            incident
            for name in (cluster.campaign_id, *cluster.absorbed)
            if (incident := self._store.find("campaign", name)) is not None
        ]
        if not found:
            return None
        oldest, *others = sorted(found, key=lambda i: (not i.is_open, i.detected, i.alert_id))
        for other in others:
            both = _roster(oldest).united(_roster(other))
            oldest = self._with_accounts(oldest, both, other)
            renamed = self._store.rename(other, "")
            if renamed.is_open:
                self._lifecycle.merge(renamed, time, oldest.alert_id)
        return self._store.rename(oldest, cluster.campaign_id)

    def _with_accounts(
        self, incident: Incident, roster: Roster, other: Incident | None = None
    ) -> Incident:
        """Return an incident with other accounts, as many as are remembered.

        Its members have the figures that they had in it, or in the ``other`` one.
        """
        self._count_excess(len(roster.names) - self._max_members)
        roster = roster.bounded(self._max_members, [*incident.members, *incident.peripheral])
        members, _ = roster.part(accused_ones=True)
        known = (incident.members, unpacked(incident.tally))
        added = ((other.members, unpacked(other.tally)),) if other else ()
        return incident.replace_members(roster, united(members, known, *added).tobytes())

    def _counted(
        self, incident: Incident, time: float, cluster: Cluster
    ) -> tuple[Incident, Observed]:
        """Return an incident with what its members did since they were counted last, and sums."""
        position = {name: i for i, name in enumerate(incident.members)}
        pairs = [(position[n], i) for i, n in enumerate(cluster.members) if n in position]
        at, reported = np.array(pairs, np.int64).reshape(-1, 2).T
        tally, reports = unpacked(incident.tally).copy(), cluster.reports[reported]
        before = tally[at]
        tally[at] = more(before, reports)
        self._note(time, incident, before, tally[at])
        counted = incident.replace_members(_roster(incident), tally.tobytes())
        return counted, observed(tally, reports, time)

    def _note(self, time: float, incident: Incident, before: Records, now: Records) -> None:
        """Add to the ledger what members sent, those that are new apart."""
        grown = matrix(now["counted"]) - matrix(before["counted"])
        new = np.isnan(before["since"])
        known, found = (Amounts(*grown[rows].sum(axis=0).tolist()) for rows in (~new, new))
        self._ledger.add_campaign(time, incident.alert_id, known, found)

    def _count_excess(self, excess: int) -> None:
        if excess > 0:
            self._metrics.limit_hits_total.labels(limit="members").inc(excess)


def _watched(cluster: Cluster) -> list[str]:
    """Return the accounts that a cluster's score is of: all, where no degrees are known."""
    which = np.flatnonzero(accused(cluster.memberships)).tolist()
    return [cluster.members[i] for i in which] or cluster.members


def _without_examples(incident: Incident, accounts: Collection[str]) -> Incident:
    """Return an incident whose shared values do not name accounts."""
    shared = [
        replace(one, members=[name for name in one.members if name not in accounts])
        for one in incident.shared
    ]
    return replace(incident, shared=shared)


def _roster(incident: Incident) -> Roster:
    """Return the accounts that an incident accuses and those beside them, with their degrees."""
    rows = np.frombuffer(incident.memberships + incident.peripheral_memberships, MEMBERSHIP)
    return Roster.of([*incident.members, *incident.peripheral], rows)


def _opened(time: float, cluster: Cluster) -> Incident:
    return Incident(
        alert_id=alert_id("campaign", cluster.campaign_id),
        kind="campaign",
        subject=cluster.campaign_id,
        campaign_id=cluster.campaign_id,
        started=cluster.since,
        detected=time,
        last=cluster.last,
    )
