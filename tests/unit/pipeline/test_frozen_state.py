"""State and packets that earlier versions wrote are read, and go on as if nothing had been.

The files were made by real workers (testlib/frozen_state.py): ``0.1.0`` by the release, ``4`` by
the revision before reasoning tokens were counted.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache
from itertools import count

import msgspec
import pytest

from stream.core.alerts import Alert
from stream.core.errors import NewerVersionError
from stream.core.packets import PACKET_VERSION, unpack
from stream.core.records import Record
from stream.metrics import Metrics
from stream.pipeline.build import intake, task_of
from stream.pipeline.schema import Schema
from stream.settings import Settings
from stream.worker.changelog import CHECKPOINT, SCHEMA
from stream.worker.recovery import ChangelogReader
from testlib.frozen_state import TOPICS, packet_layout, read
from testlib.next_version import make_next
from testlib.paths import SAMPLES

SETTINGS = replace(Settings().stages, tasks=1)
FILES = {"0.1.0": "state-0.1.0.msgpack.xz", "4": "state-4.msgpack.xz"}
VERSIONS = [*FILES]


@cache
def frozen(version):
    return read(SAMPLES / "state" / FILES[version])


def new(role):
    return task_of(role, SETTINGS, 0, Metrics(strict=False))


def recovered(version, role, *abandoned):
    """Return a task that has loaded its changelog as a worker does, and the reader."""
    task = new(role)
    for part in abandoned:
        task.abandon(part, "a test")
    reader = ChangelogReader(task, atomic=True)
    reader.read(frozen(version).state[TOPICS[role]])
    reader.finish()
    assert reader.lost is None, reader.lost
    return task, reader


@pytest.mark.parametrize("role", TOPICS)
def test_a_layout_that_changes_raises_its_version(role):
    (row,) = [row for key, row in frozen("0.1.0").state[TOPICS[role]] if key[:1] == SCHEMA]
    then = msgspec.msgpack.decode(row, type=Schema)
    now = msgspec.msgpack.decode(new(role).schema(), type=Schema)
    assert now.version >= then.version
    for name, part in then.parts.items():
        if now.parts[name].version == part.version:
            assert now.parts[name].layout == part.layout, (
                f"{name}: layout changed without a migration: raise the version in "
                "stream/pipeline/state_parts.py and add a migration to migrations.py"
            )


def test_a_packet_that_changes_raises_its_version():
    then = frozen("0.1.0")
    versions = {
        unversioned(value)["version"] for some in then.packets.values() for _, value in some
    }
    if versions == {PACKET_VERSION}:
        assert packet_layout() == then.packet_layout, (
            "layout changed without a migration: raise PACKET_VERSION in stream/core/packets.py "
            "and add a migration to packet_migrations.py"
        )


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("role", TOPICS)
def test_nothing_is_lost(role, version):
    task, reader = recovered(version, role)
    assert task.relearned == []
    assert reader.schemas == 1
    (row,) = [row for key, row in frozen(version).state[TOPICS[role]] if key[:1] == SCHEMA]
    assert reader.is_current == (row == task.schema())
    assert not (reader.is_current and version == "4")
    assert task.take_changes() == []


@pytest.mark.parametrize("version", VERSIONS)
def test_the_accounts_have_all_their_requests(version):
    task, _ = recovered(version, "events")
    until = task._buffer.output_watermark
    assert math.isfinite(until)
    expected = {}
    for account, time in frozen(version).played:
        if time < until:
            expected[account] = expected.get(account, 0) + 1
    table = task._stage._state.table
    slots = table.columns.in_use
    names = table._names.names(slots)
    totals = table["total"][slots]
    found = dict(zip(names, totals[:, 0].tolist(), strict=True))
    assert found == expected
    assert totals[:, 2].sum() > 0
    if version == "4":
        assert not totals[:, 3].any()
        assert not table["place"][slots].any()


@pytest.mark.parametrize("role", ["links", "findings"])
@pytest.mark.parametrize("version", VERSIONS)
def test_the_graphs_have_all_their_links(version, role):
    task, _ = recovered(version, role)
    stage = task._stage
    graph = stage._table._graph if role == "links" else stage._incidents._detector._graph
    stored = [
        (key, row)
        for key, row in frozen(version).state[TOPICS[role]]
        if key[:2] == b"ra" and row is not None
    ]
    assert len(stored) > 10
    accounts = {key[4:].decode() for key, _ in stored}
    assert {*graph.names(graph.accounts.in_use)} == accounts
    edges = graph.edges
    assert (edges["before"][edges.in_use]["requests"] >= 0).all()
    traffic = graph.accounts["traffic"][graph.accounts.in_use]
    requests = {}
    for account, _ in frozen(version).played:
        requests[account] = requests.get(account, 0) + 1
    names = graph.names(graph.accounts.in_use)
    for name, total in zip(names, traffic["total"]["requests"].tolist(), strict=True):
        assert 0 < total <= requests[name]


def carrier(tasks, first):
    """Return a list of alerts, and what carries emissions from task to task and fills it."""
    alerts, offsets = [], {role: count(offset) for role, offset in first.items()}

    def carry(emissions):
        for one in emissions:
            if one.role in tasks:
                carry(tasks[one.role].feed(next(offsets[one.role]), one.value))
            elif one.role == "alerts":
                alerts.append(msgspec.json.decode(one.value, type=Alert))

    return alerts, carry


def go_on(version, *abandoned):
    """Return the alerts of the rest of the day, by tasks that take over."""
    known = frozen(version)
    tasks, readers = {}, {}
    for role in TOPICS:
        lost = abandoned if role == "findings" else ()
        tasks[role], readers[role] = recovered(version, role, *lost)
    alerts, carry = carrier(tasks, {role: known.packets[role][-1][0] + 1 for role in TOPICS})
    for role in TOPICS:
        first = tasks[role].resume_offset or 0
        for offset, value in known.packets[role]:
            if offset >= first:
                # What it sends was sent before: the next task has it among its own packets.
                tasks[role].feed(offset, value)
    source = intake(SETTINGS, topic="t", source_partitions=1, metrics=Metrics(strict=False))
    source.on_topic_changed(1, topic_id=known.source_topic_id)
    lines = known.rest
    for first in range(0, len(lines), 50):
        start = len(known.played) + first
        some = [Record(start + i, None, line) for i, line in enumerate(lines[first:][:50])]
        carry(source.process(0, some, now_s=2e9))
    for role in TOPICS:
        carry(tasks[role].finish())
    return alerts, tasks


@pytest.mark.parametrize("version", VERSIONS)
def test_the_day_goes_on_with_the_same_incident(version):
    before = [msgspec.json.decode(value) for value in frozen(version).alerts]
    campaigns = {one["alert_id"] for one in before if one["kind"] == "campaign"}
    members = {name for one in before for name in one.get("account_ids") or ()}
    assert len(campaigns) == 1
    alerts, tasks = go_on(version)
    after = [one for one in alerts if one.kind == "campaign"]
    assert {one.alert_id for one in after} <= campaigns
    known = {one.alert_id: one for one in tasks["findings"]._stage._incidents._incidents._store}
    assert campaigns <= known.keys()
    assert members <= {*known[next(iter(campaigns))].members}


def test_what_cannot_be_migrated_is_learnt_again_and_all_else_stays():
    """The population and the links between accounts are lost; the incident goes on."""
    before = [msgspec.json.decode(value) for value in frozen("0.1.0").alerts]
    (campaign,) = {one["alert_id"] for one in before if one["kind"] == "campaign"}
    task, _ = recovered("0.1.0", "findings", "population_model", "cluster_links")
    assert [one.part for one in task.relearned] == ["population_model", "cluster_links"]
    assert all(one.reason == "a test" and one.rows for one in task.relearned)
    changes = dict(task.take_changes())
    stored = {key[1:]: row for key, row in frozen("0.1.0").state["alerting"] if key[:1] == b"r"}
    assert changes.keys() == {key for key in stored if key[:1] in {b"m", b"a", b"v"}}
    models = {key for key in changes if key[:1] == b"m"}
    assert all(row is None for key, row in changes.items() if key not in models)
    assert all(changes[key] not in {None, stored[key]} for key in models)  # begun again
    assert task.take_changes() == []
    assert campaign in {one.alert_id for one in task._stage._incidents._incidents._store}


@pytest.mark.parametrize("role", TOPICS)
def test_without_a_checkpoint_everything_of_the_task_is_learnt_again(role):
    task, _ = recovered("0.1.0", role, "checkpoint")
    (lost,) = task.relearned
    assert lost.part == "checkpoint"
    assert lost.rows > 10
    assert task.resume_offset is None
    assert task.checkpoint_record() == new(role).checkpoint_record()


@pytest.mark.parametrize("role", TOPICS)
def test_packets_of_the_version_before_are_read(role):
    values = [value for _, value in frozen("4").packets[role]]
    assert {unversioned(value)["version"] for value in values} == {11}
    for value in values:
        packet, then = unpack(value), unversioned(value)
        assert packet.version == PACKET_VERSION
        assert packet.accounts == then.get("accounts", [])
        assert packet.watermark == then["watermark"]


def unversioned(value):
    return msgspec.msgpack.decode(value)


@pytest.mark.parametrize("role", TOPICS)
def test_the_next_release_goes_on_and_this_one_refuses_what_it_wrote(role, monkeypatch):
    old = frozen("0.1.0")
    log = [*old.state[TOPICS[role]]]
    packet = old.packets[role][-1][1]
    with monkeypatch.context() as patch:
        make_next(patch.setitem, patch.setattr)
        task, reader = recovered("0.1.0", role)
        assert (task.relearned, reader.is_current) == ([], False)
        log += [(SCHEMA + b"1", task.schema()), (b"rnew", b"row"), (CHECKPOINT, b"later")]
        unpack(packet)  # of the older release
        newer = msgspec.msgpack.encode(unversioned(packet) | {"version": PACKET_VERSION + 1})
        unpack(newer)
    task = new(role)
    reader = ChangelogReader(task, atomic=True)
    with pytest.raises(NewerVersionError, match="which is newer than this distillwatch") as caught:
        reader.read(log)
    assert "Run that version" in str(caught.value)
    task, _ = recovered("0.1.0", role)
    before = task.checkpoint_record()
    with pytest.raises(NewerVersionError, match="Run that version"):
        task.feed(1_000_000, newer)
    assert task.checkpoint_record() == before
    assert task.take_changes() == []
