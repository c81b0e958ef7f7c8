"""What people say is ordered by its place in the alerting task's topic, over restarts too."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec
import pytest

from stream.core.alerts import Alert
from stream.core.feedback import Verdict
from stream.core.packets import ChunkHeader, Confirmed, Feedback, pack, pack_feedback, unpack
from stream.metrics import Metrics
from stream.pipeline.build import accounts_task, alerting_task
from stream.settings import Settings
from testlib.builders import START_S, pool

if TYPE_CHECKING:
    from stream.core.records import Emission

SETTINGS = replace(Settings().stages, tasks=1)
WORDS = {10: "false_positive", 20: "withdrawn", 24: "true_positive"}


def verdict_packet(name: str, minute: int) -> bytes:
    feedback = {"alert_id": name, "verdict": WORDS[minute], "author": "a", "time": START_S + minute}
    return pack_feedback(Feedback(verdicts=[msgspec.convert(feedback, Verdict)]))


def packets(name: str) -> list[bytes]:
    """Return half an hour of a campaign, and what people say meanwhile."""
    found = []
    for minute in range(1, 31):
        header = ChunkHeader(START_S + 60 * minute)
        groups = pool(minute) if minute % 5 == 0 else []
        found.append(pack(source=0, sources=2, header=header))
        found.append(pack(source=1, sources=2, header=header, groups=groups))
        if minute in WORDS:
            found.append(verdict_packet(name, minute))
    return found


def task(rows: dict[bytes, bytes] | None = None, checkpoint: bytes = b""):
    made = alerting_task(SETTINGS, Metrics())
    if checkpoint:
        made.load(list((rows or {}).items()))
        made.restore(checkpoint)
    return made


def alerts(emissions: list[Emission]) -> list[Alert]:
    return [msgspec.json.decode(e.value, type=Alert) for e in emissions if e.role == "alerts"]


@pytest.fixture(scope="module")
def values() -> list[bytes]:
    first = task()
    sent_alerts = [
        a for i, v in enumerate(packets("inc_" + 20 * "0")) for a in alerts(first.feed(i, v))
    ]
    return packets(next(alert.alert_id for alert in sent_alerts if alert.kind == "campaign"))


def test_it_is_told_at_once_without_a_step_of_event_time(values: list[bytes]) -> None:
    one, sent_alerts = task(), {}
    for offset, value in enumerate(values):
        found = alerts(one.feed(offset, value))
        if (feedback := unpack(value).feedback) is not None:
            sent_alerts[feedback.verdicts[0].label] = [(a.kind, a.status) for a in found]
    assert sent_alerts == {
        "false_positive": [("campaign", "resolved")],
        "withdrawn": [("campaign", "firing")],
        "true_positive": [("campaign", "firing")],
    }


def test_a_successor_goes_on_from_every_point_as_if_nothing_had_been(values: list[bytes]) -> None:
    one = task()
    expected = [one.feed(offset, value) for offset, value in enumerate(values)]
    one, rows = task(), dict[bytes, bytes]()
    for crash in range(len(values)):
        for key, row in one.take_changes():
            rows.pop(key, None)
            if row is not None:
                rows[key] = row
        recovered_task = task(rows, one.checkpoint_record())
        for offset in range(recovered_task.resume_offset or 0, len(values)):
            sent = recovered_task.feed(offset, values[offset])
            assert sent == (expected[offset] if offset >= crash else []), (crash, offset)
        one.feed(crash, values[crash])


def test_what_is_read_again_changes_nothing(values: list[bytes]) -> None:
    one = task()
    for offset, value in enumerate(values):
        one.feed(2 * offset, value)
        if unpack(value).feedback is not None:
            assert one.feed(2 * offset + 1, value) == []
    one.take_changes()
    for value in values:
        assert unpack(value).feedback is None or one.feed(10**6, value) == []
    assert one.take_changes() == []


def test_accounts_hear_who_is_confirmed(values: list[bytes]) -> None:
    one, sent_alerts = task(), []
    for offset, value in enumerate(values):
        for emission in one.feed(offset, value):
            if emission.role == "events":
                feedback = unpack(emission.value).feedback
                assert feedback is not None
                sent_alerts += feedback.confirmed
    assert [len(confirmed.accounts) for confirmed in sent_alerts] == [24, 24, 24]
    assert [confirmed.until > 0 for confirmed in sent_alerts] == [False, False, True]
    accounts = accounts_task(SETTINGS, 0, Metrics())
    unheard_of = pack_feedback(Feedback(confirmed=[Confirmed(accounts=["x"], until=1e10)]))
    assert accounts.feed(0, unheard_of) == []
    assert accounts.resume_offset == 1
