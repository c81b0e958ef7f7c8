"""The laws of a task: what comes twice counts once, and a successor goes on as if nothing was."""

import math
from collections import defaultdict
from dataclasses import dataclass, replace

import msgspec
import numpy as np
import pytest

from stream.core.packets import unpack
from stream.core.records import Record
from stream.metrics import Metrics
from stream.pipeline.build import intake, task_of
from stream.pipeline.routing import account_tasks
from stream.pipeline.settings import StageSettings
from stream.settings import Settings
from testlib.traffic.small import SCENARIO

SETTINGS = Settings().stages
#: One task, long windows and little room: much of what the stages say comes in parts.
CUT = replace(
    SETTINGS,
    tasks=1,
    windows=msgspec.structs.replace(SETTINGS.windows, window_s=300.0),
    packet_bytes=1600,
)
SOURCES = 2
ROLES = ("events", "links", "findings")


@dataclass(frozen=True)
class Inputs:
    """The internal records of task 0 of each stage, as a worker with these settings writes them."""

    settings: StageSettings
    values: dict[str, list[bytes]]

    def new(self, role, metrics=None):
        return task_of(role, self.settings, 0, metrics or Metrics(strict=False))

    def recovered(self, role, log, checkpoint, portion=10**9, metrics=None):
        """Return a new task with a predecessor's log: every row that it wrote, in order."""
        recovered_task = self.new(role, metrics)
        recovered_task.check(self.new(role).schema())
        for first in range(0, len(log), portion):
            recovered_task.load(log[first : first + portion])
        recovered_task.restore(checkpoint)
        return recovered_task


def identified(lines):
    """Return a gateway's log with ids, where some calls are logged again in a later window."""
    requests = [msgspec.json.decode(line) | {"request_id": f"r{n}"} for n, line in enumerate(lines)]
    last = max(request["timestamp"] for request in requests)
    again = [r | {"timestamp": r["timestamp"] + 400} for r in requests[::9]]
    requests += [r for r in again if r["timestamp"] < last]
    requests.sort(key=lambda request: request["timestamp"])
    return [msgspec.json.encode(request) for request in requests]


def written(settings):
    metrics = Metrics(strict=False)
    source = intake(settings, topic="t", source_partitions=SOURCES, metrics=metrics)
    tasks = {
        (role, number): task_of(role, settings, number, metrics)
        for role in ROLES
        for number in range(1 if role == "findings" else settings.tasks)
    }
    found = defaultdict(list)

    def carry(emissions):
        for emission in emissions:
            at = emission.role, emission.partition
            if at in tasks:
                found[at].append(emission.value)
                carry(tasks[at].feed(len(found[at]) - 1, emission.value))

    lines = identified(list(SCENARIO.lines()))
    size = 12
    for first in range(0, len(lines), size * SOURCES):
        for partition in range(SOURCES):
            some = lines[first + partition : first + size * SOURCES : SOURCES]
            records = [Record(first + i, None, line) for i, line in enumerate(some)]
            carry(source.process(partition, records, now_s=2e9))
    most = 150 if settings is SETTINGS else 60
    return Inputs(settings, {role: found[role, 0][:most] for role in ROLES})


@pytest.fixture(scope="module")
def whole():
    return written(SETTINGS)


@pytest.fixture(scope="module")
def parts():
    return written(CUT)


@pytest.fixture(params=["whole", "parts"])
def inputs(request):
    return request.getfixturevalue(request.param)


def shown(emissions):
    return [(e.role, e.partition, e.key, e.value, e.headers) for e in emissions]


def apply(rows, changes):
    for key, value in changes:
        if value is None:
            rows.pop(key, None)
        else:
            rows[key] = value


def undisturbed(role, inputs):
    """Return, record by record, what is sent; then the state and the checkpoint at the end."""
    task, rows = inputs.new(role), {}
    sent = [shown(task.feed(offset, value)) for offset, value in enumerate(inputs.values[role])]
    apply(rows, task.take_changes())
    return sent, rows, task.checkpoint_record()


@pytest.mark.parametrize("role", ROLES)
def test_the_run_is_worth_the_name(role, inputs):
    sent, rows, _ = undisturbed(role, inputs)
    assert len(inputs.values[role]) > 20
    parted = sum(unpack(value).watermark == -math.inf for value in inputs.values[role])
    assert parted > 3 if inputs.settings is CUT else parted == 0
    # In an hour there may be no alert, but there are groups and windows to tell of.
    assert role == "findings" or sum(map(len, sent)) > 1
    assert rows


@pytest.mark.parametrize("role", ROLES)
def test_a_successor_goes_on_from_every_point_as_if_nothing_had_been(role, inputs):
    values = inputs.values[role]
    expected, expected_rows, expected_checkpoint = undisturbed(role, inputs)
    task, rows = inputs.new(role), {}
    for crash in range(len(values) + 1):
        apply(rows, task.take_changes())
        checkpoint = task.checkpoint_record()
        recovered_task, own = inputs.recovered(role, list(rows.items()), checkpoint), dict(rows)
        again = recovered_task.resume_offset or 0
        assert again <= crash
        # A few records are enough to come past what waited; the end is looked at now and then.
        end = len(values) if crash % 10 == 0 else min(crash + 12, len(values))
        for offset in range(again, end):
            sent = shown(recovered_task.feed(offset, values[offset]))
            assert sent == (expected[offset] if offset >= crash else []), (crash, offset)
        if end == len(values):
            apply(own, recovered_task.take_changes())
            assert own == expected_rows
            assert recovered_task.checkpoint_record() == expected_checkpoint
        if crash < len(values):
            task.feed(crash, values[crash])


@pytest.mark.parametrize("role", ROLES)
def test_restoring_changes_nothing(role, inputs):
    task, rows = inputs.new(role), {}
    for offset, value in enumerate(inputs.values[role]):
        task.feed(offset, value)
    apply(rows, task.take_changes())
    recovered_task = inputs.recovered(role, list(rows.items()), task.checkpoint_record())
    assert recovered_task.checkpoint_record() == task.checkpoint_record()
    assert [
        change for change in recovered_task.take_changes() if rows.get(change[0]) != change[1]
    ] == []
    assert task.take_changes() == []


@pytest.mark.parametrize("portion", [1, 7, 1000])
@pytest.mark.parametrize("role", ROLES)
def test_a_log_gives_the_same_state_however_it_is_cut(role, portion, inputs):
    task, log, rows = inputs.new(role), [], {}
    for offset, value in enumerate(inputs.values[role]):
        task.feed(offset, value)
        changes = task.take_changes()
        log += changes
        apply(rows, changes)
    # All that the log says, deleted rows too, or only what compaction leaves of it.
    logs = log, list(rows.items())
    recovered_tasks = [
        inputs.recovered(role, some, task.checkpoint_record(), portion) for some in logs
    ]
    assert len(log) > len(rows)
    beginning = len(inputs.values[role])
    for offset, value in enumerate(inputs.values[role][-30:], beginning):
        expected = shown(task.feed(offset, value))
        assert [
            shown(recovered_task.feed(offset, value)) for recovered_task in recovered_tasks
        ] == [expected, expected]
    changes = task.take_changes()
    assert [recovered_task.take_changes() for recovered_task in recovered_tasks] == [
        changes,
        changes,
    ]


@pytest.mark.parametrize("role", ROLES)
def test_records_that_come_twice_count_once(role, inputs):
    values = inputs.values[role]
    expected, rows, _ = undisturbed(role, inputs)
    metrics = Metrics(strict=False)
    task, own, sent = inputs.new(role, metrics), {}, []
    for offset, value in enumerate(values):
        sent.append(shown(task.feed(2 * offset, value)))
        assert task.feed(2 * offset + 1, value) == []
    apply(own, task.take_changes())
    assert sent == expected
    assert own == rows


def test_a_source_topic_that_was_made_again_is_counted_from_its_first_record():
    metrics = Metrics(strict=False)
    inputs = Inputs(SETTINGS, {})
    source = intake(SETTINGS, topic="t", source_partitions=1, metrics=metrics)
    lines = list(SCENARIO.lines())
    task, rows, written = inputs.new("events", metrics), {}, []
    for origin, some in (("a", lines[:400]), ("b", lines[400:800])):
        source.on_topic_changed(1, origin)
        values = [
            emission.value
            for emission in source.process(
                0, [Record(i, None, line) for i, line in enumerate(some)], now_s=2e9
            )
            if emission.partition == 0
        ]
        for value in values * 2:  # intake sends them once more after a crash
            task.feed(len(written), value)
            written.append(value)
        apply(rows, task.take_changes())
        task = inputs.recovered("events", list(rows.items()), task.checkpoint_record())
        for offset in range(task.resume_offset, len(written)):
            task.feed(offset, written[offset])
    task.finish()
    counted = task._stage._state.table["ring_week"][:, 0].sum()
    accounts = [msgspec.json.decode(line)["account_id"] for line in lines[:800]]
    assert counted == np.count_nonzero(account_tasks(accounts, SETTINGS.tasks) == 0) > 100


def test_repeated_rows_and_late_rows_are_counted_apart(inputs):
    values = inputs.values["events"]
    metrics = Metrics(strict=False)
    task = inputs.new("events", metrics)
    for offset, value in enumerate(values):
        task.feed(offset, value)
    for offset, value in enumerate(values):
        assert task.feed(len(values) + offset, value) == []
    count = metrics.registry.get_sample_value
    stage = {"stage": "accounts"}
    assert (count("distillwatch_replayed_rows_total", stage) or 0) > 0
    assert not count("distillwatch_late_rows_total", stage)
    source = intake(inputs.settings, topic="t", source_partitions=SOURCES, metrics=metrics)
    line = next(iter(SCENARIO.lines()))
    for emission in source.process(0, [Record(10**9, None, line)], now_s=2e9):
        task.feed(2 * len(values) + (emission.partition or 0), emission.value)
    assert count("distillwatch_late_rows_total", stage) == 1


def test_nothing_that_a_successor_reads_again_is_late(inputs):
    values = inputs.values["events"]
    recovered_tasks = Metrics(strict=False)
    stage = {"stage": "accounts"}
    task, log, read_again = inputs.new("events"), [], 0
    for offset, value in enumerate(values):
        task.feed(offset, value)
        log += task.take_changes()
        if offset % 20 == 0:
            recovered_task = inputs.recovered(
                "events", log, task.checkpoint_record(), metrics=recovered_tasks
            )
            for again in range(recovered_task.resume_offset, offset + 1):
                recovered_task.feed(again, values[again])
                read_again += 1
    assert read_again > len(values) / 20
    assert recovered_tasks.registry.get_sample_value("distillwatch_replayed_rows_total", stage)
    assert not recovered_tasks.registry.get_sample_value("distillwatch_late_rows_total", stage)
