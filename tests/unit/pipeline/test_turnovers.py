"""Turnovers: the same whatever the partitioning, and reported when there is something to report."""

from __future__ import annotations

from typing import TYPE_CHECKING
from unittest import mock

import numpy as np
import pytest

from stream.campaigns.clusters.detector import ClusterDetector
from testlib.traffic.turnovers import DAY_S, HOUR_S, START_S, Caller, crowd, played

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stream.core.findings import Turnover

SPAN_H = 60.0


def reported(callers: list[Caller], *, tasks: int = 1, batch: int = 4096) -> list[Turnover]:
    """Return all turnovers that reach the clusters, in order."""
    found: list[Turnover] = []

    def noting(self: object, time: float, turnovers: Sequence[Turnover]) -> None:
        del self
        assert all(time - 600 < row.time <= time for row in turnovers)
        found.extend(turnovers)

    with mock.patch.object(ClusterDetector, "add_turnovers", noting):
        played(callers, span_h=SPAN_H, tasks=tasks, batch=batch)
    return found


@pytest.fixture(scope="module")
def callers() -> list[Caller]:
    rng = np.random.default_rng(3)
    return [
        *crowd(rng, 6),
        Caller("leaves", 300, crowd(rng, 1)[0].topics, ends_h=40.3, organization="o"),
        Caller("comes", 300, crowd(rng, 1)[0].topics, begins_h=41.0),
        Caller("pauses", 300, crowd(rng, 1)[0].topics, pauses=((30.0, 36.0),)),
        Caller("light", 3, crowd(rng, 1)[0].topics),
    ]


@pytest.fixture(scope="module")
def rows(callers: list[Caller]) -> list[Turnover]:
    return reported(callers)


def of(rows: list[Turnover], name: str) -> list[Turnover]:
    return [row for row in rows if row.account_id == name]


def test_they_depend_neither_on_partitions_nor_on_batches(
    callers: list[Caller], rows: list[Turnover]
) -> None:
    assert rows
    assert reported(callers, tasks=3, batch=500) == rows


def test_an_account_that_stops_is_reported_once_with_its_last_request(
    rows: list[Turnover],
) -> None:
    *_, last = of(rows, "leaves")
    assert last.silent_since == pytest.approx(START_S + 40.3 * HOUR_S, abs=900)
    assert last.time - last.silent_since <= 3 * HOUR_S
    assert last.time % 900 == 0
    assert last.organization != 0
    assert [row.silent_since is None for row in of(rows, "leaves")].count(False) == 1


def test_a_new_account_is_reported_every_hour_with_its_first_request(rows: list[Turnover]) -> None:
    new = of(rows, "comes")
    assert new[0].first_seen == pytest.approx(START_S + 41 * HOUR_S, abs=900)
    assert len(new) == pytest.approx(SPAN_H - 41 - 2, abs=2)
    assert {row.silent_since for row in new} == {None}


def test_an_account_that_comes_back_is_reported_at_once(rows: list[Turnover]) -> None:
    states = [row.silent_since is None for row in of(rows, "pauses")]
    silent = states.index(False)
    back = of(rows, "pauses")[silent + 1]
    assert states.count(False) == 1
    assert back.time == pytest.approx(START_S + 36 * HOUR_S, abs=1200)


def test_who_has_sent_few_requests_is_not_reported(rows: list[Turnover]) -> None:
    assert of(rows, "light") == []
    assert max(row.time for row in rows) <= START_S + SPAN_H * HOUR_S + DAY_S
