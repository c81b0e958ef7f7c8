"""A window in chunks is applied once and whole, however it is split the second time."""

import itertools
import math
import re
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.alerting.incident import Incident
from stream.alerting.rendering import alert_of
from stream.campaigns.clusters.cluster_assignment import ClusterState
from stream.campaigns.clusters.cluster_store import MOST_VALUES
from stream.campaigns.clusters.shared_indicators import MOST_NAMED
from stream.campaigns.clusters.shared_indicators import MOST_VALUES as MOST_SHOWN
from stream.campaigns.settings import CampaignSettings
from stream.core.errors import PacketError
from stream.core.events import EVENT_COLUMNS, EventBatch
from stream.core.feedback import Verdict
from stream.core.findings import Evidence, Group, Observed, Shared
from stream.core.links import LinkKind
from stream.core.packets import ChunkHeader, event_rows, pack, unpack
from stream.core.records import Record
from stream.intake.codec.settings import IntakeSettings
from stream.kafka.settings import TopicSettings
from stream.metrics import Metrics
from stream.pipeline.build import (
    accounts_task,
    alerting_task,
    intake,
    links_task,
)
from stream.pipeline.chunks import find_new_rows, pack_events, pack_windows
from stream.pipeline.event_time import SourceProgress
from stream.pipeline.settings import StageSettings
from stream.settings import Settings
from testlib.traffic.floods import START
from testlib.traffic.small import SCENARIO

SETTINGS = Settings().stages


def group(end: float, number: int) -> Group:
    return Group(kind=LinkKind.SYSTEM_PROMPT, value=number, time=end, since=0.0, size=3, members=[])


def packed(windows: list[int], first: int, most: int) -> list[bytes]:
    """Return the packets with the given number of rows in each window after ``first``."""
    ends = np.repeat(np.arange(first, first + len(windows)) + 1.0, windows)
    groups = [group(end, i) for i, end in enumerate(ends.tolist())]

    def encode(part, header):
        return pack(source=0, sources=1, header=header, groups=groups[part])

    return pack_windows(ends, encode, watermark=float(first + len(windows)), max_bytes=most)


THREE = pack(
    source=0, sources=1, header=ChunkHeader(1.0, 1, continues=True), groups=[group(1.0, 1)] * 3
)
ROOM = len(THREE) + 40
window_lists = st.lists(st.integers(0, 9), min_size=1, max_size=6)
room = st.integers(ROOM, 4 * ROOM)


@given(window_lists, room)
def test_parts_fit_and_together_are_the_whole(rows, most):
    packets = [unpack(value) for value in packed(rows, 0, most)]
    assert [g.value for p in packets for g in p.groups] == list(range(sum(rows)))
    assert all(len(value) <= most for value in packed(rows, 0, most))
    assert packets[-1].watermark == len(rows)
    for packet, later in itertools.pairwise(packets):
        assert packet.watermark < later.groups[0].time
        assert packet.continues == (packet.groups[-1].time == later.groups[0].time)


@given(
    window_lists,
    window_lists,
    st.lists(st.tuples(room, st.integers(0, 99), st.booleans()), max_size=4),
    room,
)
@settings(max_examples=300)
def test_rows_count_once_however_often_and_wherever_they_are_cut(one, other, broken, most):
    """A source is interrupted, restarts, splits its rows elsewhere, and continues."""
    known, taken = SourceProgress(), []
    for first, rows in ((0, one), (len(one), other)):
        tries = [packed(rows, first, again)[:upto] for again, upto, _ in broken]
        for value in [value for part in [*tries, packed(rows, first, most)] for value in part]:
            packet = unpack(value)
            ends = np.array([g.time for g in packet.groups], float)
            new, floor, count = find_new_rows(packet, ends, known)
            known = SourceProgress(floor, packet.watermark, rows_applied=count)
            taken += [(g.time, g.value) for g, n in zip(packet.groups, new, strict=True) if n]
    expected = [
        (end, i)
        for first, rows in ((0, one), (len(one), other))
        for i, end in enumerate(np.repeat(np.arange(first, first + len(rows)) + 1.0, rows).tolist())
    ]
    assert taken == expected


def events(offsets: list[int]) -> EventBatch:
    columns = {name: np.zeros(len(offsets), dtype) for name, dtype in EVENT_COLUMNS.items()}
    columns["offset"] = np.array(offsets, np.int64)
    return EventBatch(["a"] if offsets else [], columns)


@given(st.lists(st.integers(1, 5), max_size=30), st.integers(3000, 9000))
def test_the_events_of_a_record_stay_together(sizes, most):
    batch = events(np.repeat(np.arange(len(sizes)), sizes).tolist())
    values = pack_events(batch, source=0, sources=1, watermark=5.0, max_bytes=most)
    assert all(len(value) <= most for value in values)
    parts = [event_rows(unpack(value)).columns["offset"].tolist() for value in values]
    assert sum(parts, []) == batch.columns["offset"].tolist()  # noqa: RUF017 - short lists
    for part, later in itertools.pairwise(parts):
        assert part[-1] < later[0]
    watermarks = [unpack(value).watermark for value in values]
    assert watermarks == [-math.inf] * (len(values) - 1) + [5.0]


def test_one_record_that_does_not_fit_is_an_error_and_no_endless_loop():
    with pytest.raises(PacketError, match="belong together"):
        pack_events(events([7] * 100), source=0, sources=1, watermark=0.0, max_bytes=3000)
    with pytest.raises(PacketError, match="belong together"):
        packed([1], 0, 10)


def tight() -> StageSettings:
    """The most that settings allow with the smallest records."""
    changed: dict[str, Any] = {"topics": TopicSettings(max_record_bytes=2**20)}
    for section, kind, name in (
        ("intake", IntakeSettings, "max_record_events"),
        ("campaigns", CampaignSettings, "max_campaign_accounts"),
    ):
        make: Any = kind
        with pytest.raises(ValueError, match=f"{section}.{name}: expected at most") as refused:
            Settings(**changed)
        most = int(re.findall("at most ([0-9]+)", str(refused.value))[0])
        changed[section] = make(**{name: most})
    return Settings(**changed).stages


def test_the_largest_record_that_settings_allow_fits():
    most = tight().intake.max_record_events
    columns = {name: np.full(most, 127, dtype) for name, dtype in EVENT_COLUMNS.items()}
    batch = EventBatch(["\U0001f600" * 64] * most, columns | {"offset": np.full(most, 2**62)})
    assert (
        len(pack_events(batch, source=0, sources=1, watermark=0.0, max_bytes=tight().packet_bytes))
        == 1
    )


def test_the_largest_campaign_that_settings_allow_fits_in_an_alert_and_in_state_rows():
    settings = tight()
    names = [f'{i:04}"'.rjust(256, '"') for i in range(settings.campaigns.max_campaign_accounts)]
    incident = Incident(
        alert_id="inc_0123456789",
        kind="campaign",
        subject="cmp_0123456789abcdef",
        score=0.9,
        started=START,
        detected=START,
        updated=START,
        last=START,
        members=names,
        observed=Observed(),
        evidence=[
            Evidence(
                feature="x" * 40,
                value=1 / 3,
                unit="x" * 20,
                baseline=1 / 3,
                contribution=1 / 3,
                meaning="x" * 200,
            )
        ]
        * 10,
        model_version="campaigns-9",
        verdict=Verdict(
            alert_id=f"inc_{0:020}",
            label="false_positive",
            author="\1" * 128,
            time=START,
            note="\1" * 1000,
        ),
        shared=[
            Shared(
                kind=LinkKind.SYSTEM_PROMPT,
                value=2**64 - 1,
                accounts=10**6,
                members=names[-MOST_NAMED:],
            )
        ]
        * MOST_SHOWN,
        summary="\1" * 1200,
    )
    values = {(1, 2**64 - 1 - i) for i in range(MOST_VALUES)}
    kept = ClusterState(
        campaign_id="cmp_0123456789abcdef",
        founded=START,
        values=values,
        members=set(names),
        absorbed=["cmp_0123456789abcdef"] * 1000,
    )
    for row in (
        msgspec.json.encode(alert_of(incident, settings.alerting.runbook_url)),
        msgspec.msgpack.encode(incident),
        msgspec.msgpack.encode(kept),
    ):
        assert settings.packet_bytes / 3 < len(row) <= settings.packet_bytes


def play(stages, lines):
    """Return the durable state of every task, the alerts, and how many records were written."""
    metrics = Metrics(strict=False)
    source = intake(stages, topic="t", source_partitions=1, metrics=metrics)
    tasks: dict[Any, Any] = {
        ("events", n): accounts_task(stages, n, metrics) for n in range(stages.tasks)
    }
    tasks |= {("links", n): links_task(stages, n, metrics) for n in range(stages.tasks)}
    tasks["findings", 0] = alerting_task(stages, metrics)
    records = [Record(i, None, line) for i, line in enumerate(lines)]
    alerts, count, waiting = [], 0, source.process(0, records, now_s=2e9)
    while waiting:
        emission = waiting.pop(0)
        if emission.role == "alerts":
            alerts.append(emission.value)
        else:
            assert len(emission.value) <= stages.packet_bytes
            count += 1
            waiting += tasks[emission.role, emission.partition].feed(count, emission.value)
    return {at: task.take_changes() for at, task in tasks.items()}, alerts, count


def test_state_and_alerts_are_the_same_in_parts_as_in_one():
    lines = list(SCENARIO.lines())
    state, alerts, count = play(SETTINGS, lines)
    other_state, other_alerts, other_count = play(replace(SETTINGS, packet_bytes=2000), lines)
    assert other_count > 2 * count
    assert other_alerts == alerts
    assert other_state == state
