from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import TYPE_CHECKING

import msgspec
import pytest

from stream.delivery.dispatch import Dispatch, RecordPosition
from stream.delivery.log_sink import LogSink
from stream.delivery.metrics import DELIVERY_RESULTS
from testlib.until import until_async

if TYPE_CHECKING:
    from collections.abc import Callable

    from stream.core.alerts import Alert
    from stream.delivery.sink import Delivery, Outcome
    from stream.metrics import Metrics


class Held:
    """A sink that delivers what the test releases."""

    name = "held"

    def __init__(self) -> None:
        self.began: list[str] = []
        self.gates: dict[str, asyncio.Event] = {}

    def prepare(self, alert: Alert) -> Delivery:
        if alert.summary == "early bug":
            raise ZeroDivisionError
        return partial(self.deliver, alert)

    async def deliver(self, alert: Alert) -> Outcome:
        self.began.append(f"{alert.alert_id} {alert.updated_at}")
        await self.gates.setdefault(alert.alert_id, asyncio.Event()).wait()
        if alert.summary == "bug":
            raise ZeroDivisionError
        if alert.summary == "cancelled":
            raise asyncio.CancelledError  # of another task: this one is not cancelled
        return "delivered"

    async def close(self) -> None:
        pass


@pytest.fixture
def held() -> Held:
    return Held()


def results(metrics: Metrics, sink: str) -> dict[str, float]:
    family = next(iter(metrics.sink_deliveries_total.collect()))
    return {
        s.labels["result"]: s.value
        for s in family.samples
        if s.labels["sink"] == sink and s.name.endswith("_total") and s.value
    }


def submit(dispatch: Dispatch, offset: int, value: bytes | None) -> None:
    dispatch.submit(RecordPosition(0, offset, 1000.0 + offset), value)


async def test_one_incident_keeps_its_order_and_others_overtake(
    metrics: Metrics, held: Held, alert_of: Callable[..., Alert]
) -> None:
    dispatch = Dispatch(held, metrics=metrics)
    for offset, (name, when) in enumerate([("a", "1"), ("a", "2"), ("b", "1"), ("a", "3")]):
        submit(dispatch, offset, msgspec.json.encode(alert_of(name, updated_at=when)))
    await until_async(lambda: held.began == ["a 1", "b 1"])
    held.gates["b"].set()
    await until_async(lambda: results(metrics, "held") == {"delivered": 1})
    assert dispatch.ledger.committable() == {}  # b has overtaken a, which a crash must not lose
    held.gates["a"].set()
    await dispatch.drain(5)
    assert held.began == ["a 1", "b 1", "a 2", "a 3"]
    assert dispatch.ledger.committable() == {0: 4}
    assert results(metrics, "held") == {"delivered": 4}
    assert dispatch.changed.is_set()


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        b"{}",
        b"null",
        b"\xff\xfe",
        b'{"alert_id": 3}',
        b"[" * 100_000,
        b'"\xc3"',
        b"\x00",
    ],
)
async def test_what_is_no_alert_is_counted_and_passed_over(
    metrics: Metrics, held: Held, value: bytes | None
) -> None:
    dispatch = Dispatch(held, metrics=metrics)
    submit(dispatch, 7, value)
    assert dispatch.ledger.committable() == {0: 8}
    assert results(metrics, "held") == {"invalid": 1}


async def test_alerts_below_the_minimum_are_passed_over(
    metrics: Metrics, alert_of: Callable[..., Alert]
) -> None:
    dispatch = Dispatch(LogSink(), metrics=metrics, minimum_severity="warning")
    for offset, severity in enumerate(["info", "warning", "critical"]):
        submit(dispatch, offset, msgspec.json.encode(alert_of(f"i{offset}", severity=severity)))
    await dispatch.drain(5)
    assert results(metrics, "log") == {"filtered": 1, "delivered": 2}


@pytest.mark.parametrize("drill", [False, True])
async def test_refreshed_figures_go_to_no_receiver(
    *, drill: bool, metrics: Metrics, held: Held, alert_of: Callable[..., Alert]
) -> None:
    dispatch = Dispatch(held, metrics=metrics, deliver_drills=True)
    submit(dispatch, 3, msgspec.json.encode(alert_of("a", refresh=True, drill=drill)))
    await dispatch.drain(5)
    assert held.began == []
    assert dispatch.ledger.committable() == {0: 4}
    assert results(metrics, "held") == {}
    assert dispatch.drills == {}


@pytest.mark.parametrize(
    ("deliver", "began", "result"), [(False, [], "skipped"), (True, ["a 1"], "delivered")]
)
async def test_drills_are_for_those_who_want_them_whatever_their_severity(
    *,
    deliver: bool,
    began: list[str],
    result: str,
    metrics: Metrics,
    held: Held,
    alert_of: Callable[..., Alert],
) -> None:
    held.gates["a"] = asyncio.Event()
    held.gates["a"].set()
    dispatch = Dispatch(held, metrics=metrics, minimum_severity="critical", deliver_drills=deliver)
    drill = alert_of("a", updated_at="1", severity="info", drill=True)
    submit(dispatch, 7, msgspec.json.encode(drill))
    submit(dispatch, 8, msgspec.json.encode(alert_of("b", severity="info")))
    await dispatch.drain(5)
    assert held.began == began
    assert dispatch.drills == {0: f"a {result}"}
    assert dispatch.ledger.committable() == {0: 9}
    assert results(metrics, "held") == {result: 1, "filtered": 1}


@pytest.mark.parametrize("bug", ["early bug", "bug", "cancelled"])
async def test_a_bug_in_a_sink_stops_neither_alerts_nor_commits(
    bug: str, metrics: Metrics, held: Held, alert_of: Callable[..., Alert]
) -> None:
    held.gates["a"] = asyncio.Event()
    held.gates["a"].set()
    dispatch = Dispatch(held, metrics=metrics)
    submit(dispatch, 0, msgspec.json.encode(alert_of("a", summary=bug)))
    submit(dispatch, 1, msgspec.json.encode(alert_of("a")))
    await dispatch.drain(5)
    assert results(metrics, "held") == {"failed": 1, "delivered": 1}
    assert dispatch.ledger.committable() == {0: 2}


async def test_what_is_abandoned_counts_as_never_read(
    metrics: Metrics, held: Held, alert_of: Callable[..., Alert]
) -> None:
    dispatch = Dispatch(held, metrics=metrics)
    for offset in range(3):
        submit(dispatch, offset, msgspec.json.encode(alert_of("a")))
    await until_async(lambda: held.began)
    await dispatch.cancel()
    assert dispatch.ledger.held == 0
    assert dispatch.ledger.committable() == {}
    assert results(metrics, "held") == {}
    submit(dispatch, 0, msgspec.json.encode(alert_of("a")))
    held.gates["a"].set()
    await dispatch.drain(5)
    assert dispatch.ledger.committable() == {0: 1}


async def test_it_knows_since_when_the_oldest_waits(
    metrics: Metrics, held: Held, alert_of: Callable[..., Alert]
) -> None:
    dispatch = Dispatch(held, metrics=metrics)
    assert dispatch.oldest_s is None
    for offset, name in enumerate("abc"):
        submit(dispatch, offset, msgspec.json.encode(alert_of(name)))
    await until_async(lambda: len(held.began) == 3)
    assert dispatch.oldest_s == 1000
    held.gates["a"].set()
    await until_async(lambda: dispatch.oldest_s == 1001)
    await dispatch.cancel()
    assert dispatch.oldest_s is None


async def test_a_recreated_topic_does_not_mix_with_the_old_one(
    metrics: Metrics, held: Held, alert_of: Callable[..., Alert]
) -> None:
    dispatch = Dispatch(held, metrics=metrics)
    submit(dispatch, 5, msgspec.json.encode(alert_of("old")))
    await until_async(lambda: len(held.began) == 1)
    dispatch.reset_partition(0)
    submit(dispatch, 5, msgspec.json.encode(alert_of("new")))
    await until_async(lambda: len(held.began) == 2)
    held.gates["old"].set()
    await until_async(lambda: results(metrics, "held") == {"delivered": 1})
    assert dispatch.ledger.committable() == {}  # the new one has the same offset
    held.gates["new"].set()
    await dispatch.drain(5)
    assert dispatch.ledger.committable() == {0: 6}


async def test_an_alert_is_one_log_line(
    alert_of: Callable[..., Alert], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    assert await LogSink().prepare(alert_of(summary="first\nsecond"))() == "delivered"
    (line,) = [r.getMessage() for r in caplog.records if r.name == "stream.delivery.log_sink"]
    assert line == "alert inc-1 firing kind=campaign severity=warning: first second"
    assert "acc-1" not in line


async def test_a_delivery_that_never_ended_so_is_shown_as_zero(metrics):
    Dispatch(Held(), metrics=metrics)
    for result in DELIVERY_RESULTS:
        labels = {"sink": "held", "result": result}
        assert metrics.registry.get_sample_value("distillwatch_sink_deliveries_total", labels) == 0
