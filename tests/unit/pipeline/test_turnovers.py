"""Turnovers: the same whatever the partitioning, and reported when there is something to report."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from unittest import mock

import numpy as np
import pytest

from stream.campaigns.clusters.detector import ClusterDetector
from stream.core.packets import unpack
from stream.core.records import Record
from stream.metrics import Metrics
from stream.pipeline.build import accounts_task, intake
from stream.settings import Settings
from testlib.traffic.turnovers import DAY_S, HOUR_S, START_S, Caller, crowd, played

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stream.core.findings import Turnover
    from stream.pipeline.settings import StageSettings

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
    assert last.silent_since is not None
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


def test_a_restarted_task_reports_the_same(callers: list[Caller]) -> None:
    stages = replace(Settings().stages, tasks=1)
    packets: list[bytes] = []
    source = intake(stages, topic="t", metrics=Metrics(strict=False))
    rng = np.random.default_rng(1)
    events = sorted(event for caller in callers[:8] for event in caller.lines(rng, 46.0))
    for first in range(0, len(events), 500):
        part = events[first : first + 500]
        records = [Record(first + i, None, line) for i, (_, line) in enumerate(part)]
        packets += [one.value for one in source.process(0, records, now_s=2e9) if one.value]
    whole, restarted = fed(packets, stages), fed(packets, stages, restart=len(packets) - 2)
    assert any(row.silent_since for row in whole)
    assert restarted == whole


def fed(packets: list[bytes], stages: StageSettings, *, restart: int = -1) -> list[Turnover]:
    """Return the turnovers of an accounts task that is restored before one of the packets."""
    task, found = accounts_task(stages, 0, Metrics(strict=False)), []

    def feed(offset: int) -> None:
        for emission in task.feed(offset, packets[offset]):
            if emission.role == "findings":
                found.extend(unpack(emission.value).turnovers)

    for offset in range(len(packets)):
        if offset == restart:
            rows, checkpoint = task.take_changes(), task.checkpoint_record()
            task = accounts_task(stages, 0, Metrics(strict=False))
            task.load(rows)
            task.restore(checkpoint)
            for again in range(task.resume_offset or 0, offset):
                feed(again)  # its windows were open
        feed(offset)
    return found
