"""The traffic of members is counted, whatever links them."""

from __future__ import annotations

import numpy as np
import pytest

from stream.alerting.tally import TALLY, more, observed, united
from stream.campaigns.clusters.cluster_assignment import ClusterState
from stream.campaigns.clusters.detector import ClusterDetector
from stream.campaigns.links.account_facts import note_traffic
from stream.campaigns.links.bipartite_graph import BipartiteGraph
from stream.campaigns.links.link_table import LinkTable
from stream.campaigns.settings import CampaignSettings
from stream.core.findings import Observed
from stream.core.links import LINK_COLUMNS, LinkBatch, LinkKind
from stream.core.traffic import TRAFFIC
from stream.metrics import Metrics

START_S = 1_772_409_600.0
HOUR_S = 3600.0
MEMBERS = [f"m{i:02}" for i in range(12)]
VALUES = (12, 14, 16, 18)


def used(end: float, kind: LinkKind, values: tuple[int, ...], done: int, asks: int) -> LinkBatch:
    """Return a step in which members ask so often with each of the values of a kind but one.

    Requests beyond those have nothing in common; ``done`` were made before.
    """
    before, total = ((n, 10 * n, 100 * n, n) for n in (done, done + asks))
    rows = [
        (
            end,
            i,
            kind,
            value,
            1,
            before,
            (START_S, end, total, asks, 100 * asks, 0),
            0,
            np.nan,
            0.0,
            12,
            5,
        )
        for i in range(len(MEMBERS))
        for place, value in enumerate(values)
        if place != i  # conversations of exactly the same accounts would be one
    ]
    columns = zip(*rows, strict=True)
    return LinkBatch(
        MEMBERS,
        {
            name: np.array([*column], dtype)
            for (name, dtype), column in zip(LINK_COLUMNS.items(), columns, strict=True)
        },
    )


class Followed:
    """A cluster of the members by values of one kind, and what is counted of it."""

    def __init__(self, kind: LinkKind) -> None:
        settings = CampaignSettings()
        self.kind = kind
        self.table = LinkTable(settings, metrics=Metrics())
        self.clusters = ClusterDetector(settings, metrics=Metrics())
        self.tally = united(MEMBERS, ((), np.zeros(0, TALLY)))

    def step(self, end: float, *, done: int, asks: int) -> Observed:
        groups = self.table.step(end, used(end, self.kind, VALUES, done, asks))
        self.clusters.add(end, groups)
        values = {(int(self.kind), value) for value in VALUES}
        self.clusters._store.states["c"] = ClusterState(
            campaign_id="c", founded=START_S, values=values, members=set()
        )
        cluster = next(iter(self.clusters.detect(end)), None)
        if cluster is None:  # a turn has to last
            return Observed()
        assert cluster.members == MEMBERS
        self.tally = more(self.tally, cluster.reports)
        return observed(self.tally, cluster.reports, end)


#: Who takes over from whom is concluded, not used: tests/scenarios/test_successions.py counts it.
USED = [kind for kind in LinkKind if kind not in {LinkKind.SUCCESSION, LinkKind.CONTEXT}]


@pytest.mark.parametrize("kind", USED)
def test_no_kind_of_link_leaves_a_campaign_without_figures(kind: LinkKind) -> None:
    campaign = Followed(kind)
    # What they did before they had anything in common is no part of it.
    campaign.step(START_S + 60, done=500, asks=20)
    seen = campaign.step(START_S + 7 * HOUR_S, done=520, asks=30)
    assert seen.requests == 12 * 50  # not once for each of the values
    assert (seen.input_tokens, seen.output_tokens) == (6000, 60_000)
    assert (seen.requests_last_hour, seen.output_tokens_last_hour) == (12 * 30, 36_000)


def test_links_that_expire_take_nothing_away_and_new_ones_add_nothing_twice() -> None:
    campaign = Followed(LinkKind.SYSTEM_PROMPT)
    first = campaign.step(START_S + 60, done=0, asks=20)
    # Four days later the first links are forgotten; 100 requests in between had no link at all.
    later = campaign.step(START_S + 96 * HOUR_S, done=120, asks=5)
    assert (first.requests, later.requests) == (12 * 20, 12 * 125)


def test_an_older_report_of_an_account_changes_nothing() -> None:
    table = BipartiteGraph()
    value = table.value_slots([1], [7])
    account = table.account_slots(["a"])
    table.edge_slots(value, account, most=10)
    newest = np.array([(0.0, 180.0, (9, 9, 9, 0), 1, 1, 0)], TRAFFIC)
    older = np.array([(0.0, 60.0, (5, 5, 5, 0), 1, 1, 0)], TRAFFIC)
    # As of two tasks, of which one has not heard of the account for a while.
    note_traffic(table, np.repeat(account, 2), np.concatenate([newest, older]))
    note_traffic(table, account, older)
    assert table.accounts["traffic"][account].tolist() == newest.tolist()
