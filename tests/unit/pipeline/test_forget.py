"""A forgotten account is in no row of state, wherever its rows were; the others stay as is."""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from stream.alerting.feedback_settings import FeedbackSettings
from stream.core.alerts import Alert
from stream.core.feedback import ForgetRequest
from stream.core.packets import Feedback, pack_feedback
from stream.core.records import Emission, Record
from stream.metrics import Metrics
from stream.pipeline.build import accounts_task, alerting_task, intake, links_task
from stream.pipeline.feedback_reader import FeedbackReader, suppression
from stream.settings import Settings
from stream.worker.account_search import names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from stream.pipeline.task import PartitionTask

WINDOWS = msgspec.structs.replace(Settings().windows, allowed_lateness_s=60.0)
SETTINGS = replace(Settings().stages, tasks=2, windows=WINDOWS)
NOW_S = 2e9
Place = tuple[str, int]
State = dict[bytes, bytes]


class Deployment:
    """Intake and all tasks, with the records of their topics and their state topics."""

    def __init__(self) -> None:
        metrics = Metrics()
        self.intake = intake(SETTINGS, topic="t", metrics=metrics)
        self.intake.on_topic_changed(1, topic_id="")
        self.reader = FeedbackReader(
            "s", suppression(FeedbackSettings()), tasks=SETTINGS.tasks, metrics=metrics
        )
        self.tasks: dict[Place, PartitionTask[Any]] = {
            place: make() for place, make in makers(metrics).items()
        }
        self.log: defaultdict[Place, list[bytes]] = defaultdict(list)
        self.state: defaultdict[Place, State] = defaultdict(dict)
        self.alerts: list[Alert] = []
        self.read = 0

    def send(self, lines: Sequence[bytes], *, portion: int = 200) -> None:
        for first in range(0, len(lines), portion):
            values = lines[first : first + portion]
            records = [Record(self.read + i, None, value) for i, value in enumerate(values)]
            self.read += len(values)
            self.run(self.intake.process(0, records, now_s=NOW_S))

    def forget(self, account: str) -> None:
        value = msgspec.json.encode(ForgetRequest(forget=account, time=1e9))
        self.run(self.reader.process(0, [Record(0, None, value)], now_s=NOW_S))

    def run(self, emissions: Iterable[Emission]) -> None:
        for one in emissions:
            if one.role == "alerts":
                self.alerts.append(msgspec.json.decode(one.value, type=Alert))
                continue
            assert one.role in {"events", "links", "findings", "ledger"}
            if one.role == "ledger":
                continue
            place = one.role, one.partition or 0
            self.log[place].append(one.value)
            self.run(self.tasks[place].feed(len(self.log[place]) - 1, one.value))

    def checkpoint(self) -> None:
        for place, task in self.tasks.items():
            write(self.state[place], task)

    def finish(self) -> None:
        for task in self.tasks.values():
            self.run(task.finish())
        self.checkpoint()

    def found(self, account: str) -> list[tuple[Place, bytes]]:
        """Return those that the command finds."""
        return [
            (place, key)
            for place, rows in self.state.items()
            for key, row in rows.items()
            if names(key, row, account)
        ]

    def rows_with(self, account: str) -> list[tuple[Place, bytes]]:
        """Return the keys of stored rows that have an account id somewhere."""
        name = account.encode()
        return [
            (place, key)
            for place, rows in self.state.items()
            for key, row in rows.items()
            if name in key or name in row
        ]


def makers(metrics: Metrics) -> dict[Place, Callable[[], PartitionTask[Any]]]:
    tasks = range(SETTINGS.tasks)
    return {
        **{("events", i): partial(accounts_task, SETTINGS, i, metrics) for i in tasks},
        **{("links", i): partial(links_task, SETTINGS, i, metrics) for i in tasks},
        ("findings", 0): lambda: alerting_task(SETTINGS, metrics),
    }


def write(rows: State, task: PartitionTask[Any]) -> None:
    for key, row in task.take_changes():
        rows.pop(key, None)
        if row is not None:
            rows[key] = row


def account_of(line: bytes) -> str:
    name: str = msgspec.json.decode(line)["account_id"]
    return name


def time_of(line: bytes) -> float:
    time: float = msgspec.json.decode(line)["timestamp"]
    return time


def members(alert: Alert) -> list[str]:
    return [*(alert.account_ids or []), *alert.peripheral_ids]


@pytest.fixture(scope="module")
def accused(ring_lines: list[bytes]) -> str:
    """An account of the campaign that these requests have."""
    one = Deployment()
    one.send(ring_lines)
    one.finish()
    alert = next(alert for alert in one.alerts if alert.kind == "campaign")
    return members(alert)[3]


@pytest.mark.parametrize("after", [0.25, 0.9])
def test_nothing_is_left_of_it(ring_lines: list[bytes], accused: str, after: float) -> None:
    one, cut = Deployment(), int(after * len(ring_lines))
    one.send(ring_lines[:cut])
    one.checkpoint()
    before = {place: set(rows) for place, rows in one.state.items()}
    assert one.rows_with(accused) == one.found(accused)
    if after > 0.5:
        assert {place[0] for place, _ in one.rows_with(accused)} == {"events", "links", "findings"}
    named = len(one.alerts)
    one.forget(accused)
    one.checkpoint()
    assert one.rows_with(accused) == []
    gone = {key for place, keys in before.items() for key in keys - one.state[place].keys()}
    alone = [key for key in gone if accused.encode() not in key and not key.startswith(b"v")]
    assert alone == []  # but for indicators that it alone had
    one.send([line for line in ring_lines[cut:] if account_of(line) != accused])
    one.finish()
    assert one.rows_with(accused) == []
    assert not any(accused in members(alert) for alert in one.alerts[named:])


def test_the_others_have_their_alerts(ring_lines: list[bytes], accused: str) -> None:
    cut = int(0.9 * len(ring_lines))
    one, as_before = Deployment(), Deployment()
    for deployment in (one, as_before):
        deployment.send(ring_lines[:cut])
    one.forget(accused)
    assert len(one.alerts) == len(as_before.alerts)
    for deployment in (one, as_before):
        deployment.send([line for line in ring_lines[cut:] if account_of(line) != accused])
        deployment.finish()
    (last, expected) = (
        {alert.alert_id: members(alert) for alert in each.alerts} for each in (one, as_before)
    )
    assert last.keys() == expected.keys()
    ended = {a.alert_id for a in one.alerts if a.kind == "campaign"}
    assert ended
    for name in ended:
        assert {*last[name]} - {accused} == {*expected[name]} - {accused}


def test_an_account_that_goes_on_is_a_new_one(ring_lines: list[bytes], accused: str) -> None:
    one, cut = Deployment(), int(0.9 * len(ring_lines))
    one.send(ring_lines[:cut])
    one.forget(accused)
    one.send(ring_lines[cut:])
    one.finish()
    stages: list[Any] = [task._stage for place, task in one.tasks.items() if place[0] == "events"]
    tables = [stage._state.table for stage in stages]
    (first_seen,) = [
        table["first_seen"][table.slot(accused)]
        for table in tables
        if table.slot(accused) is not None
    ]
    assert first_seen >= min(
        time_of(line) for line in ring_lines[cut:] if account_of(line) == accused
    )


def test_a_successor_goes_on_from_every_point(ring_lines: list[bytes]) -> None:
    """State after a crash anywhere after the forgetting is the state without a crash."""
    # Out of order: a window in which it goes on closes while an earlier record is still needed.
    late = random.Random(4)
    lines = sorted(ring_lines[-2000:], key=lambda line: time_of(line) + late.uniform(0, 55))
    one, last_of_a_minute = Deployment(), "account-59"
    cut = 1500 + [account_of(line) for line in lines[1500:]].index(last_of_a_minute)
    one.send(lines[:cut])
    start = {place: len(log) for place, log in one.log.items()}
    one.forget(last_of_a_minute)
    one.send(lines[cut : cut + 60], portion=5)
    metrics = Metrics()
    for place, make in makers(metrics).items():
        values = one.log[place]
        expected: State = {}
        whole = make()
        for offset, value in enumerate(values):
            whole.feed(offset, value)
        write(expected, whole)
        points = {*range(start[place] - 3, len(values))}
        rows: State = {}
        running = make()
        for at, until in pairwise([0, *sorted(points)]):
            for offset in range(at, until):
                running.feed(offset, values[offset])
            write(rows, running)
            successor = make()
            successor.load(list(rows.items()))
            successor.restore(running.checkpoint_record())
            after = dict(rows)
            for offset in range(successor.resume_offset or 0, len(values)):
                successor.feed(offset, values[offset])
            write(after, successor)
            assert after == expected, (place, until)


def test_unknown_accounts_change_nothing(ring_lines: list[bytes]) -> None:
    one = Deployment()
    one.send(ring_lines[:2000])
    one.checkpoint()
    for account in ("never seen", "\x00", "a" * 256, "\U0001f9ff", "inc_" + 20 * "0", "*"):
        one.forget(account)
    for task in one.tasks.values():
        assert task.take_changes() == []


def test_a_hundred_thousand_at_once_are_bounded(ring_lines: list[bytes]) -> None:
    one = Deployment()
    one.send(ring_lines[:2000])
    one.checkpoint()
    names = [f"unknown-{i}" for i in range(100_000)]
    value = pack_feedback(Feedback(forgotten=names))
    one.run([Emission(role, 0, None, value) for role in ("events", "findings")])
    assert one.tasks["findings", 0].take_changes() == []
