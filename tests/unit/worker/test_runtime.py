"""The runtime with stages and a sender that the test drives."""

import asyncio
import threading
from types import SimpleNamespace
from typing import Any

import pytest

from stream.core.errors import StateError
from stream.core.records import Record
from stream.http.health import Health
from stream.kafka.settings import KafkaSettings
from stream.metrics import Metrics
from stream.worker.record_batch import TP, RecordBatch
from stream.worker.runtime import Runtime

ONE = TP("events", 0)
SOURCE = TP("requests", 1)
PEOPLE = TP("verdicts", 0)


class Scene:
    """A runtime that owns one task; ``feed`` is what the task does."""

    def __init__(self, feed, metrics: Metrics | None = None) -> None:
        self.sent: list[object] = []
        owned: Any = SimpleNamespace(
            stage="accounts",
            task=SimpleNamespace(feed=feed, resume_offset=0),
            fenced=False,
            snapshot=lambda: None,
        )
        tasks: Any = _Tasks({ONE: owned})
        sender: Any = SimpleNamespace(send=self._send, flush=self._flush)
        topics: Any = SimpleNamespace(refresh=self._flush)
        self.tasks = tasks
        self.runtime = Runtime(
            tasks, sender, topics, metrics or Metrics(), Health(stalled_after_s=60)
        )
        self.runtime.positions.set({ONE: 0})
        self.runtime.resume()

    async def _send(self, emissions: list[object]) -> None:
        self.sent += emissions

    async def _flush(self) -> None:
        """Have everything acknowledged."""

    async def take(self, *offsets: int) -> None:
        records = [Record(offset, None, b"value") for offset in offsets]
        await self.runtime.process(RecordBatch(ONE, offsets[0], records, self.runtime.epoch))


class _Tasks(dict):
    kafka = KafkaSettings(app_id="group")
    kept: frozenset[TP] = frozenset()
    stages = SimpleNamespace(feedback={PEOPLE.topic: None})

    def reads(self, tp: TP) -> bool:
        return tp in self

    def depth(self, tp: TP) -> int:
        return int(tp in self)

    def state_topic(self, tp: TP) -> str:
        return f"{tp.topic}-state"

    async def assign(self, tps: object, topics: object) -> None:
        """Have them all."""

    async def retain_only(self, tps: Any) -> None:
        """Remember which to keep, and keep them all."""
        self.kept = frozenset(tps)

    def __iter__(self):
        return iter(list(self.items()))


async def test_a_window_that_takes_long_delays_nothing_else() -> None:
    answered = threading.Event()

    def feed(offset: int, value: bytes) -> list[int]:
        del value
        assert answered.wait(10), "the loop stood still during the window"
        return [offset]

    async def answer() -> None:
        answered.set()

    scene = Scene(feed)
    await asyncio.gather(scene.take(0), answer())
    assert scene.sent == [0]


async def test_what_waits_is_processed_one_after_the_other_until_one_fails() -> None:
    def feed(offset: int, value: bytes) -> list[int]:
        del value
        if offset == 2:
            raise ValueError("as the test wants")
        return [offset]

    scene = Scene(feed)
    for offset in (0, 1, 2, 3):
        records = [Record(offset, None, b"value")]
        scene.runtime.take(RecordBatch(ONE, offset, records, scene.runtime.epoch))
    with pytest.raises(ValueError, match="as the test wants"):
        await asyncio.wait_for(scene.runtime.run(), 10)
    assert scene.sent == [0, 1]
    assert scene.runtime.positions.get(ONE) == 2


async def test_a_flush_waits_for_the_current_batch() -> None:
    begun, done = threading.Event(), threading.Event()

    def feed(offset: int, value: bytes) -> list[int]:
        del value
        begun.set()
        assert done.wait(10)
        return [offset]

    scene = Scene(feed)
    taking = asyncio.create_task(scene.take(0, 1))
    await asyncio.to_thread(begun.wait, 10)
    writing = asyncio.create_task(scene.runtime.checkpoint())
    await asyncio.sleep(0)  # it begins
    assert not writing.done()
    done.set()
    await taking
    assert await writing == {ONE: 2}


async def test_after_an_error_nothing_is_flushed() -> None:
    def feed(offset: int, value: bytes) -> list[int]:
        del offset, value
        raise ValueError("as the test wants")

    scene = Scene(feed)
    with pytest.raises(ValueError, match="as the test wants"):
        await scene.take(0)
    assert await scene.runtime.checkpoint() == {}
    assert scene.runtime.failed.is_set()


async def settle(scene: Scene, generation: int) -> None:
    await scene.runtime.assign([ONE], generation, Log(first=0, end=9))
    await scene.runtime.pause(generation)


async def test_tasks_of_the_generation_before_are_kept_and_of_an_older_one_are_not() -> None:
    scene = Scene(None)
    await settle(scene, 1)
    await settle(scene, 2)
    assert scene.tasks.kept == {ONE}
    await settle(scene, 4)
    assert scene.tasks.kept == set()


async def test_tasks_are_not_kept_over_a_generation_that_was_never_taken_over() -> None:
    scene = Scene(None)
    await settle(scene, 1)
    await scene.runtime.pause(2)  # another may have had the task in it
    await settle(scene, 3)
    assert scene.tasks.kept == set()


class Log:
    """Offsets of two partitions in the group and in the log."""

    def __init__(self, *, first: int, end: int, committed: int | None = None) -> None:
        self._first, self._end, self._committed = first, end, committed

    async def committed(self, tps) -> dict[TP, int | None]:
        return dict.fromkeys(tps, self._committed)

    async def beginning(self, tps) -> dict[TP, int]:
        return dict.fromkeys(tps, self._first)

    async def ends(self, tps) -> dict[TP, int]:
        return dict.fromkeys(tps, self._end)


async def start(
    tp: TP, log: Log, *, resume: int | None = None, metrics: Metrics | None = None
) -> int:
    scene = Scene(None, metrics)
    scene.tasks[ONE].task.resume_offset = resume
    scene.runtime.positions.forget([ONE])
    return (await scene.runtime.assign([tp], 1, log))[tp]


@pytest.mark.parametrize(
    ("first", "end", "known", "expected"),
    [
        (0, 0, None, 0),
        (7, 9, None, 7),  # nothing is known of it: from the first record that there is
        (0, 9, 5, 5),
        (5, 9, 9, 9),
        (7, 9, 5, 7),  # records are gone: counted and logged
    ],
)
async def test_where_a_partition_is_read_from(
    first: int, end: int, known: int | None, expected: int
) -> None:
    assert await start(SOURCE, Log(first=first, end=end, committed=known)) == expected
    assert await start(ONE, Log(first=first, end=end), resume=known) == expected


async def test_records_that_were_deleted_unread_are_counted() -> None:
    metrics = Metrics()
    await start(SOURCE, Log(first=7, end=9, committed=5), metrics=metrics)
    lost = metrics.registry.get_sample_value(
        "distillwatch_records_lost_total", {"topic": SOURCE.topic}
    )
    assert lost == 2


async def test_a_topic_that_has_lost_what_was_read_is_refused_with_what_to_do() -> None:
    with pytest.raises(
        StateError, match=r"requests\[1\]: 9 records were .* the topic has 8"
    ) as raised:
        await start(SOURCE, Log(first=0, end=8, committed=9))
    assert "kafka-consumer-groups.sh --group group --reset-offsets" in str(raised.value)
    with pytest.raises(
        StateError, match=r"events\[0\]: 9 records .* delete its state topic events-"
    ):
        await start(ONE, Log(first=0, end=8), resume=9)


async def test_what_people_say_is_read_anew_when_its_topic_was_made_again() -> None:
    assert await start(PEOPLE, Log(first=0, end=8, committed=9)) == 0
    assert await start(PEOPLE, Log(first=0, end=8, committed=8)) == 8
