"""When a source partition is idle, with a view and a runtime that the test drives."""

from collections.abc import Awaitable, Callable, Iterable
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import KafkaConnectionError

from stream.core.packets import IdleClaim
from stream.worker.idleness import IdlenessDetector
from stream.worker.record_batch import TP

TIMEOUT_S = 5.0
ONE = TP("requests", 0)


class Scene:
    def __init__(self) -> None:
        self.end: int | None = 10  # as in the last answer to a fetch
        self.requested_end: int | None = None  # as the broker reports on request; None: the same
        self.broker_fails = False
        self.position = 10
        self.notices: list[tuple[int, float]] = []
        self.claims: list[IdleClaim] = []
        self.last_record = {ONE: 0.0}
        source = SimpleNamespace(idle=self._claim)
        self.acknowledged_after_s = 0.1
        self.consumer_closed = False
        runtime: Any = SimpleNamespace(
            paused=False,
            last_record=self.last_record,
            positions=SimpleNamespace(get=lambda _: self.position),
            tasks=SimpleNamespace(stages=SimpleNamespace(source=source)),
            send_between_batches=self._send,
        )
        view = SimpleNamespace(end=lambda _, within_s: self.end, ends=self._ends)  # noqa: ARG005
        self.runtime = runtime
        self.idleness = IdlenessDetector(view, runtime, topic="requests", timeout_s=TIMEOUT_S)

    def _claim(
        self, partition: int, claim: IdleClaim, *, elapsed_s: float
    ) -> list[tuple[int, float]]:
        self.claims.append(claim)
        return [(partition, elapsed_s)] if claim.confirmed else []

    async def _send(self, what: Callable[[], Awaitable[list[tuple[int, float]]]]) -> float:
        if not self.runtime.paused:
            self.notices += await what()
        self.runtime.paused |= self.consumer_closed
        return self.acknowledged_after_s

    async def _ends(self, tps: Iterable[TP]) -> dict[TP, int | None]:
        if self.consumer_closed:
            message = "Event loop is closed"  # of the consumer's thread
            raise RuntimeError(message)
        if self.broker_fails:
            raise KafkaConnectionError
        return dict.fromkeys(tps, self.end if self.requested_end is None else self.requested_end)

    async def look(self, *moments: float) -> list[tuple[int, float]]:
        """Return partition and idle time of each claim that was confirmed."""
        for now in moments:
            await self.idleness.check(now)
        assert self.notices.count((0, 0.0)) == 0
        return self.notices


async def test_a_partition_read_to_its_end_is_silent_after_a_while() -> None:
    scene = Scene()
    assert await scene.look(1.0, 4.9) == []
    assert await scene.look(5.0) == [(0, 5.0)]


async def test_silence_is_said_again_and_again() -> None:
    scene = Scene()
    notices = await scene.look(*(float(second) for second in range(28)))
    assert [elapsed for _, elapsed in notices] == [5.0, 10.0, 15.0, 20.0, 25.0]


async def test_records_that_wait_are_no_silence() -> None:
    scene = Scene()
    scene.position = 9
    assert await scene.look(6.0, 20.0) == []


@pytest.mark.parametrize("outage_s", [7, 60])
async def test_a_broker_that_does_not_answer_is_no_silence_nor_is_what_follows(
    outage_s: int,
) -> None:
    """Writers were cut off as well: what they held back comes when the broker is back."""
    scene = Scene()
    scene.end = None
    assert await scene.look(*(float(second) for second in range(1, outage_s))) == []
    scene.end = 10
    assert await scene.look(outage_s, outage_s + 3.9) == []
    assert await scene.look(outage_s + 4.0) == [(0, 5.0)]


async def test_a_record_ends_the_silence() -> None:
    scene = Scene()
    await scene.look(5.0)
    scene.last_record[ONE] = 6.0
    assert len(await scene.look(7.0, 10.9)) == 1
    assert (await scene.look(11.0))[1] == (0, 5.0)


async def test_a_record_that_came_since_the_last_fetch_is_no_silence() -> None:
    scene = Scene()
    scene.requested_end = 11
    assert await scene.look(5.0) == []
    scene.position = scene.end = 11
    assert await scene.look(6.0) == [(0, 6.0)]


async def test_what_could_not_be_asked_is_asked_again() -> None:
    scene = Scene()
    scene.broker_fails = True
    assert await scene.look(5.0) == []
    scene.broker_fails = False
    assert await scene.look(6.0) == [(0, 6.0)]


async def test_a_claim_has_the_offset_up_to_which_the_partition_was_read() -> None:
    scene = Scene()
    await scene.look(5.0)
    scene.position = scene.end = 11
    scene.last_record[ONE] = 6.0
    await scene.look(7.0, 11.0)
    found = [(claim.offset, claim.confirmed) for claim in scene.claims]
    assert found == [(10, False), (10, True), (11, False), (11, True)]
    assert len({claim.reader for claim in scene.claims}) == 1
    other = Scene()
    await other.look(5.0)
    assert other.claims[0].reader != scene.claims[0].reader


async def test_a_claim_that_took_long_to_be_acknowledged_is_not_confirmed_at_once() -> None:
    """Writers were cut off as well."""
    scene = Scene()
    scene.acknowledged_after_s = 6.0
    await scene.idleness.check(5.0)
    assert len(scene.claims) == 1
    scene.acknowledged_after_s = 0.1
    for now in (11.0, 15.9):
        await scene.idleness.check(now)
    assert len(scene.claims) == 1
    await scene.idleness.check(16.0)
    assert len(scene.claims) == 3


async def test_a_worker_that_stops_while_a_claim_is_acknowledged_asks_nothing_more() -> None:
    """It ended with exit code 1: the consumer's thread was closed when the answer was to come."""
    scene = Scene()
    scene.consumer_closed = True
    assert await scene.look(5.0, 6.0) == []
    assert [claim.confirmed for claim in scene.claims] == [False]
