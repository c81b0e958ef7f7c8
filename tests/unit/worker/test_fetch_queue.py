"""Fetched batches wait in order of the stages, and within a bound."""

import asyncio

import pytest

from stream.core.records import Record
from stream.worker.fetch_queue import FetchQueue
from stream.worker.record_batch import TP, RecordBatch


def batch(topic: str, offset: int, size: int = 1) -> RecordBatch:
    return RecordBatch(TP(topic, 0), offset, [Record(offset, None, b"v" * size)], 0)


async def test_stages_downstream_come_first_and_their_batches_in_order_of_arrival() -> None:
    queue = FetchQueue(100)
    for depth, topic, offset in [
        (0, "requests", 1),
        (1, "events", 1),
        (0, "requests", 2),
        (3, "findings", 1),
        (1, "events", 2),
    ]:
        queue.put(depth, batch(topic, offset))
    taken = [await queue.get() for _ in range(5)]
    assert [(found.tp.topic, found.start) for found in taken] == [
        ("findings", 1),
        ("events", 1),
        ("events", 2),
        ("requests", 1),
        ("requests", 2),
    ]


async def test_a_fetch_waits_until_less_than_the_bound_waits() -> None:
    queue = FetchQueue(10)
    queue.put(0, batch("requests", 1, size=9))
    assert await queue.room(0)
    queue.put(0, batch("requests", 2, size=9))
    assert not await queue.room(0.01)
    waiting = asyncio.create_task(queue.room(30))
    await queue.get()
    assert await asyncio.wait_for(waiting, 5)


async def test_a_batch_larger_than_the_bound_is_taken_and_passes() -> None:
    queue = FetchQueue(10)
    queue.put(0, batch("requests", 1, size=99))
    assert not await queue.room(0)
    assert (await queue.get()).value_bytes == 99
    assert await queue.room(0)


async def test_who_waits_for_a_batch_gets_the_next_one() -> None:
    queue = FetchQueue(10)
    getting = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    assert not getting.done()
    queue.put(0, batch("requests", 1))
    assert (await asyncio.wait_for(getting, 5)).start == 1


@pytest.mark.parametrize("most", [1, 10])
async def test_nothing_is_left_of_what_has_passed(most: int) -> None:
    queue = FetchQueue(most)
    for offset in range(20):
        queue.put(0, batch("requests", offset))
        await queue.get()
    assert await queue.room(0)
