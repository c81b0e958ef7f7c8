"""What arrives while a partition is claimed idle is never late, whichever records overtake.

Two workers read a partition each, a third may take one over, and all send to one accounts task.
What they send waits in their producers until the test delivers it, in the order that the test
chooses. The detector, the intake, the task and its counters are the real ones; the clock and the
brokers' answers are the test's. An event has the time at which it arrives in its partition, so none
of them is late by itself.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.core.records import Record
from stream.metrics import Metrics
from stream.pipeline.build import accounts_task, intake
from stream.settings import Settings
from stream.worker.idleness import IdlenessDetector
from stream.worker.record_batch import TP

TOPIC = "requests"
BEGIN_S = 1_772_409_600.0
TIMEOUT_S = 5.0
DEFAULTS = Settings().stages
SETTINGS = replace(
    DEFAULTS,
    tasks=1,
    windows=msgspec.structs.replace(DEFAULTS.windows, window_s=1.0, allowed_lateness_s=0.0),
)


class World:
    """The source partitions, the log that the task reads, and the clock."""

    def __init__(self) -> None:
        self.now = 0.0
        self.partitions: list[list[Record]] = [[], []]
        self.metrics = Metrics(strict=False)
        self.task = accounts_task(SETTINGS, 0, self.metrics)
        self.log: list[bytes] = []
        self.committed = [0, 0]
        self.workers = [Worker(self), Worker(self), Worker(self)]
        self.owners = self.workers[:2]
        for partition in range(2):
            self.workers[partition].take(partition)

    def arrive(self, partition: int) -> None:
        """Append an event of this moment to a partition."""
        event = {"timestamp": BEGIN_S + self.now, "account_id": f"a{partition}", "model": "m"}
        records = self.partitions[partition]
        records.append(Record(len(records), None, msgspec.json.encode(event)))

    @property
    def late(self) -> float:
        labels = {"stage": "accounts"}
        return self.metrics.registry.get_sample_value("distillwatch_late_rows_total", labels) or 0.0

    @property
    def watermark(self) -> float:
        """Return the end of the last closed window, seconds after the beginning."""
        return self.task._buffer.output_watermark - BEGIN_S


class Worker:
    """Reads partitions; its producer keeps order, and delivers when the test wants it."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.waiting: list[bytes] = []
        self.delivered = asyncio.Event()
        self.positions: dict[TP, int] = {}
        self.last_record: dict[TP, float] = {}
        self.intake = intake(SETTINGS, topic=TOPIC, source_partitions=2, metrics=world.metrics)
        runtime: Any = SimpleNamespace(
            paused=False,
            last_record=self.last_record,
            positions=self.positions,
            tasks=SimpleNamespace(stages=SimpleNamespace(source=self.intake)),
            send_between_batches=self._send,
        )
        view: Any = SimpleNamespace(end=lambda tp, within_s: self._end(tp), ends=self._ends)  # noqa: ARG005
        self.detector = IdlenessDetector(view, runtime, topic=TOPIC, timeout_s=TIMEOUT_S)

    def take(self, partition: int) -> None:
        """Take a partition over, as the last commit left it."""
        tp = TP(TOPIC, partition)
        self.positions[tp] = self.world.committed[partition]
        self.last_record[tp] = self.world.now
        self.world.owners[partition] = self

    def lose(self, partition: int) -> None:
        """Learn that another worker has the partition."""
        self.positions.pop(TP(TOPIC, partition), None)
        self.last_record.pop(TP(TOPIC, partition), None)

    def read(self, partition: int) -> None:
        """Process all that has arrived in a partition; what comes of it waits to be delivered."""
        tp = TP(TOPIC, partition)
        records = self.world.partitions[partition][self.positions.get(tp, 1 << 60) :]
        if records:
            now_s = BEGIN_S + self.world.now
            self.waiting += [e.value for e in self.intake.process(partition, records, now_s=now_s)]
            self.positions[tp] += len(records)
            self.last_record[tp] = self.world.now

    def deliver(self, most: int = 1 << 60) -> None:
        """Deliver the first records that wait."""
        for value in self.waiting[:most]:
            self.world.task.feed(len(self.world.log), value)
            self.world.log.append(value)
        del self.waiting[:most]
        if not self.waiting:  # all of it is durable: the positions can be committed
            self.delivered.set()
            self.delivered = asyncio.Event()
            for tp, position in self.positions.items():
                committed = self.world.committed
                committed[tp.partition] = max(committed[tp.partition], position)

    def claim(self) -> asyncio.Task[None]:
        """Let the detector look for idle partitions."""
        return asyncio.create_task(self.detector.check(self.world.now))

    async def _send(self, make: Any) -> float:
        self.waiting += [emission.value for emission in await make()]
        while self.waiting:
            await self.delivered.wait()
        return 0.0

    def _end(self, tp: TP) -> int:
        return len(self.world.partitions[tp.partition])

    async def _ends(self, tps: Any) -> dict[TP, int]:
        return {tp: self._end(tp) for tp in tps}


async def turn() -> None:
    """Let everything run that can."""
    for _ in range(20):
        await asyncio.sleep(0)


async def settle(world: World) -> None:
    """Let the owners alone read and deliver everything, and claim what they can.

    An event arrives in each partition first: a new owner knows no time of one without.
    """
    for partition in range(2):
        world.arrive(partition)
    for worker in world.workers:
        for partition in range(2):
            if world.owners[partition] is not worker:
                worker.lose(partition)
            worker.read(partition)
        worker.deliver()
    for _ in range(4):
        world.now += TIMEOUT_S
        claims = [worker.claim() for worker in world.workers]
        while not all(claim.done() for claim in claims):
            await turn()
            for worker in world.workers:
                worker.deliver()
        for worker in world.workers:
            worker.deliver()


async def both_begun() -> tuple[World, Worker, Worker]:
    """Return a world in which both partitions have one event, and their readers."""
    world = World()
    for partition, worker in enumerate(world.workers[:2]):
        world.arrive(partition)
        worker.read(partition)
        worker.deliver()
    return world, world.workers[0], world.workers[1]


def overtaken(world: World, other: Worker) -> None:
    """An event arrives in partition 0; later ones in partition 1 are at the task before it."""
    world.now += 1
    world.arrive(0)
    world.now += 10
    world.arrive(1)
    other.read(1)
    other.deliver()


async def test_what_arrives_before_a_claim_is_delivered_is_not_late() -> None:
    world, one, other = await both_begun()
    world.now += TIMEOUT_S
    claim = one.claim()
    await turn()
    assert one.waiting  # the claim is under way
    overtaken(world, other)
    one.deliver()
    one.read(0)
    one.deliver()
    await turn()
    assert world.late == 0
    one.deliver()
    await claim
    await settle(world)
    assert world.late == 0
    assert world.watermark >= 16


async def test_what_arrives_between_the_two_claims_is_not_late() -> None:
    world, one, other = await both_begun()
    world.now += TIMEOUT_S
    claim = one.claim()
    await turn()
    overtaken(world, other)
    one.deliver()
    await turn()
    one.deliver()
    await claim
    one.read(0)
    one.deliver()
    assert world.late == 0


async def test_what_arrives_while_the_second_claim_is_under_way_is_not_late() -> None:
    world, one, other = await both_begun()
    world.now += TIMEOUT_S
    claim = one.claim()
    await turn()
    one.deliver()
    await turn()
    assert one.waiting
    overtaken(world, other)
    one.deliver()
    await claim
    one.read(0)
    one.deliver()
    assert world.late == 0


async def test_what_arrives_while_a_claim_of_the_last_owner_is_under_way_is_not_late() -> None:
    """The claim of a worker that has lost its partition does not confirm the next owner's."""
    world, one, other = await both_begun()
    world.now += TIMEOUT_S
    lost = one.claim()
    await turn()
    next_owner = world.workers[2]
    next_owner.take(0)
    world.now += TIMEOUT_S
    claim = next_owner.claim()
    await turn()
    assert one.waiting
    assert next_owner.waiting
    overtaken(world, other)
    one.deliver()
    next_owner.deliver()
    next_owner.read(0)
    next_owner.deliver()
    assert world.late == 0
    for _ in range(2):
        await turn()
        one.deliver()
        next_owner.deliver()
    await asyncio.gather(lost, claim)


async def test_an_idle_partition_delays_nothing_for_longer_than_two_deliveries() -> None:
    world, one, other = await both_begun()
    world.now += 3.0
    world.arrive(1)
    other.read(1)
    other.deliver()
    world.now += 2.0
    claim = one.claim()
    for _ in range(2):
        await turn()
        one.deliver()
    await claim
    assert world.watermark == 3.0


async def test_a_recovered_task_knows_the_claim_that_the_next_packet_confirms() -> None:
    world, *workers = await both_begun()

    async def deliver() -> None:
        await turn()
        for worker in workers:
            worker.deliver()

    for _ in range(2):
        await deliver()
        world.now += TIMEOUT_S
        claims = [worker.claim() for worker in workers]
        await deliver()
    checkpoint = world.task.checkpoint_record()
    assert world.watermark == TIMEOUT_S  # no row waits: what is recovered begins after the claims
    recovered = accounts_task(SETTINGS, 0, Metrics(strict=False))
    recovered.check(world.task.schema())
    recovered.load(world.task.take_changes())
    recovered.restore(checkpoint)
    assert recovered.resume_offset == len(world.log)
    assert recovered._buffer.sources == world.task._buffer.sources
    assert all(source.idle is not None for source in recovered._buffer.sources.values())
    assert recovered.checkpoint_record() == checkpoint
    world.task = recovered
    await deliver()
    assert world.watermark == 2 * TIMEOUT_S
    await asyncio.gather(*claims)


OPERATIONS = st.one_of(
    st.tuples(st.just("arrive"), st.integers(0, 1)),
    st.tuples(st.sampled_from(["read 0", "read 1", "take 0", "take 1"]), st.integers(0, 2)),
    st.tuples(st.sampled_from(["claim", "deliver 1", "deliver 9"]), st.integers(0, 2)),
    st.tuples(st.just("pass"), st.integers(1, 6)),
)


@settings(max_examples=60)
@given(st.lists(OPERATIONS, max_size=50))
def test_nothing_is_late_in_whatever_order_records_are_delivered(
    operations: list[tuple[str, int]],
) -> None:
    async def run() -> None:
        world, *_ = await both_begun()
        claims = []
        for name, number in operations:
            what, _, argument = name.partition(" ")
            if what == "arrive":
                world.arrive(number)
            elif what == "pass":
                world.now += number
            elif what == "claim":
                world.now += TIMEOUT_S
                claims.append(world.workers[number].claim())
            else:
                getattr(world.workers[number], what)(int(argument))
            await turn()
            assert world.late == 0
        over = world.now
        await settle(world)
        for worker in world.workers:
            worker.deliver()
        await asyncio.gather(*claims)
        assert world.late == 0
        assert world.watermark >= over

    asyncio.run(run())
