"""Effects are written every few seconds, and wait while they cannot be."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import msgspec
from prometheus_client import Counter

from stream.core.effects import EffectReport
from stream.decisions.tallies import Tallies
from stream.enforcement.effect_writer import EffectWriter
from testlib.decisions import NOW_S, proposal

if TYPE_CHECKING:
    from collections.abc import Iterable

ONE = proposal()


class Brokers:
    """Takes records, or is away."""

    def __init__(self) -> None:
        self.away = False
        self.tries = asyncio.Event()
        self.closed = False
        self.records: list[tuple[bytes, EffectReport]] = []

    async def append(self, records: Iterable[tuple[bytes, bytes]]) -> int:
        self.tries.set()
        if self.away:
            raise ConnectionError("no broker answers")
        self.records += [
            (key, msgspec.json.decode(value, type=EffectReport)) for key, value in records
        ]
        return len(self.records)

    async def close(self) -> None:
        self.closed = True


def made(brokers: Any, *, every_s: float) -> tuple[Tallies, EffectWriter, Counter]:
    tallies = Tallies(enforcer="edge-1", run="0" * 16, most=100)
    tallies.hold([ONE], NOW_S, observing=False)
    failures = Counter("failures", "x", registry=None)
    return tallies, EffectWriter(tallies, brokers, every_s=every_s, failures=failures), failures


def failed(failures: Counter) -> float:
    (metric,) = failures.collect()
    return metric.samples[0].value


async def test_what_is_left_is_written_when_it_stops():
    brokers = Brokers()
    tallies, writer, _ = made(brokers, every_s=3600.0)
    await writer.start()
    tallies.count("1", ONE.key, "refused", 3, NOW_S)
    await writer.stop()
    assert brokers.closed
    assert [(key, one.refused_requests) for key, one in brokers.records] == [
        (f"{ONE.key}/{'0' * 16}/".encode(), 0),
        (f"{ONE.key}/{'0' * 16}/1".encode(), 3),
    ]
    await writer.stop()


async def test_while_the_brokers_are_away_reports_wait_and_are_counted_once():
    brokers = Brokers()
    brokers.away = True
    tallies, writer, failures = made(brokers, every_s=0.01)
    await writer.start()
    async with asyncio.timeout(10):
        await brokers.tries.wait()
        tallies.count("1", ONE.key, "refused", 3, NOW_S)
        brokers.tries.clear()
        await brokers.tries.wait()
    assert brokers.records == []
    brokers.away = False
    await writer.stop()
    assert failed(failures) >= 1
    last = dict(brokers.records)
    assert [one.refused_requests for one in last.values()] == [0, 3]


async def test_more_than_a_portion_is_written_in_portions():
    brokers = Brokers()
    tallies, writer, _ = made(brokers, every_s=3600.0)
    many = [proposal(decision_id=f"dec_{number:020d}") for number in range(7_000)]
    tallies.hold(many, NOW_S, observing=False)
    await writer.start()
    await writer.stop()
    assert len({key for key, _ in brokers.records}) == 7_001
