"""When a log has been read to its end, with a consumer and a clock that the test drives."""

from typing import Any, cast

import pytest
from aiokafka import TopicPartition

from stream.kafka.ends import UNCHANGED_S, EndTracker

ONE, TWO = TopicPartition("state", 0), TopicPartition("state", 1)


class Consumer:
    def __init__(self) -> None:
        self.positions = {ONE: 0, TWO: 0}
        self.answered_s: float | None = 0.0

    async def position(self, tp: TopicPartition) -> int:
        return self.positions[tp]

    def last_poll_timestamp(self, _: TopicPartition) -> int | None:
        return None if self.answered_s is None else int(self.answered_s * 1000)


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


async def test_an_exact_end_is_reached_at_once(clock: Clock) -> None:
    consumer = Consumer()
    ends = EndTracker(cast("Any", consumer), {ONE: 10, TWO: 0}, exact=True, now=clock)
    assert await ends.reached([ONE, TWO]) == [TWO]
    consumer.positions[ONE] = 9
    assert await ends.reached([ONE]) == []
    consumer.positions[ONE] = 10
    assert await ends.reached([ONE]) == [ONE]


async def test_an_end_that_may_be_too_low_is_believed_when_nothing_more_comes(clock: Clock) -> None:
    consumer = Consumer()
    consumer.positions[ONE] = 12
    ends = EndTracker(cast("Any", consumer), {ONE: 10}, exact=False, now=clock)
    assert await ends.reached([ONE]) == []
    consumer.positions[ONE] = 15
    assert [await ends.reached([ONE]) for _ in range(3)] == [[], [], [ONE]]


async def test_records_that_compaction_removed_at_the_end_are_not_waited_for(clock: Clock) -> None:
    consumer = Consumer()
    consumer.positions[ONE] = 7
    ends = EndTracker(cast("Any", consumer), {ONE: 10}, exact=True, now=clock)
    for _ in range(20):
        consumer.answered_s = clock.now
        assert await ends.reached([ONE]) == []
        clock.now += UNCHANGED_S / 20
    clock.now += UNCHANGED_S / 20
    consumer.answered_s = clock.now
    assert await ends.reached([ONE]) == [ONE]


async def test_a_broker_that_does_not_answer_is_waited_for(clock: Clock) -> None:
    consumer = Consumer()
    ends = EndTracker(cast("Any", consumer), {ONE: 10}, exact=True, now=clock)
    for answered_s in (None, clock.now):
        consumer.answered_s = answered_s
        await ends.reached([ONE])
        clock.now += 100 * UNCHANGED_S
        assert await ends.reached([ONE]) == []


async def test_no_log_ends_while_another_is_still_being_read(clock: Clock) -> None:
    """An answer has room for some logs only: the others come with the next ones."""
    consumer = Consumer()
    ends = EndTracker(cast("Any", consumer), {ONE: 1000, TWO: 10}, exact=True, now=clock)
    for position in range(50):
        consumer.answered_s = clock.now
        consumer.positions[ONE] = position
        assert await ends.reached([ONE, TWO]) == []
        clock.now += UNCHANGED_S / 5
