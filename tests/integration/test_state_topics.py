import asyncio
import os
import time

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType

from stream.kafka.connection import connect
from stream.kafka.ends import UNCHANGED_S
from stream.worker.changelog import Changelog, FencedError
from stream.worker.ports import StateRows
from stream.worker.record_batch import TP
from stream.worker.recovery import recover
from testlib.workers.cluster import Cluster, Log

pytestmark = pytest.mark.integration

BEGIN = ("id of the topic that is read", b"schema")
ROWS = [(b"a", b"1"), (b"b", b"2" * 3_000_000), *((b"%d" % i, b"x" * 1000) for i in range(3000))]


def _tp(cluster: Cluster) -> TP:
    return TP(f"{cluster.topics.internal_prefix}accounts-state", 1)


async def _log(cluster: Cluster) -> Changelog:
    log = Changelog(_tp(cluster), cluster.kafka, cluster.topics)
    await log.start()
    return log


async def _recovered(cluster: Cluster) -> tuple[Log, StateRows]:
    """Return the content of the changelog, and the rows that undo an unfinished checkpoint."""
    log = Log()
    found = (await recover({_tp(cluster): log}, cluster.kafka))[_tp(cluster)]
    assert log.checkpoint == found.checkpoint
    return log, found.undo_rows


def test_what_is_flushed_is_recovered(a_cluster: Cluster) -> None:
    async def run() -> None:
        log = await _log(a_cluster)
        await log.write(list(ROWS), b"one", begin=BEGIN)
        await log.write([(b"a", None), (b"b", b"3")], b"two")
        await log.stop()
        found, repair = await _recovered(a_cluster)
        assert (found.schema, found.checkpoint) == (b"schema", b"two")
        assert found.rows == {**dict(ROWS[2:]), b"b": b"3"}
        assert not repair

    a_cluster.create()
    asyncio.run(run())


def test_an_unfinished_flush_never_was(a_cluster: Cluster) -> None:
    async def run() -> None:
        log = await _log(a_cluster)
        await log.write([(b"a", b"1"), (b"b", b"1")], b"one", begin=BEGIN)
        if a_cluster.transactions:
            await log._producer.begin_transaction()  # type: ignore[attr-defined]
        await log._write([(b"ra", b"2"), (b"rc", b"2"), (b"rb", None)], None)
        # The next owner starts while the transaction of this one is open.
        successor = await _log(a_cluster)
        found, repair = await _recovered(a_cluster)
        assert (found.rows, found.checkpoint) == ({b"a": b"1", b"b": b"1"}, b"one")
        assert bool(repair) != a_cluster.transactions
        if repair:
            await successor.write(repair, found.checkpoint)
        await successor.write([(b"d", b"3")], b"three")
        found, _ = await _recovered(a_cluster)
        assert found.checkpoint == b"three"
        assert found.rows == {b"a": b"1", b"b": b"1", b"d": b"3"}
        await successor.stop()
        await log.stop()

    a_cluster.create()
    asyncio.run(run())


@pytest.mark.needs("transactions")
def test_a_predecessor_that_wakes_up_late_is_fenced(a_cluster: Cluster) -> None:
    async def run() -> None:
        stalled = await _log(a_cluster)
        await stalled.write([(b"a", b"1")], b"one", begin=BEGIN)
        owner = await _log(a_cluster)
        await owner.write([(b"a", b"2")], b"two")
        with pytest.raises(FencedError, match="another worker"):
            await stalled.write([(b"a", b"1")], b"one again")
        found, _ = await _recovered(a_cluster)
        assert (found.rows, found.checkpoint) == ({b"a": b"2"}, b"two")
        await owner.stop()
        await stalled.stop()

    a_cluster.create()
    asyncio.run(run())


@pytest.mark.needs("transactions")
@pytest.mark.parametrize("aborted", [1, 3000])
def test_a_log_may_end_with_what_was_taken_back(a_cluster: Cluster, aborted: int) -> None:
    """Nothing follows the last records but the marker that takes them back."""

    async def run() -> None:
        log = await _log(a_cluster)
        await log.write(list(ROWS), b"one", begin=BEGIN)
        for _ in range(3):
            await log._producer.begin_transaction()  # type: ignore[attr-defined]
            await log._write([(b"r%d" % i, b"never") for i in range(aborted)], b"never")
            await log._producer.abort_transaction()  # type: ignore[attr-defined]
        began = time.monotonic()
        found, _ = await _recovered(a_cluster)
        took_s = time.monotonic() - began
        assert (found.rows, found.checkpoint) == (dict(ROWS), b"one")
        assert took_s < UNCHANGED_S  # its end was seen, not waited for
        await log.stop()

    a_cluster.create()
    asyncio.run(run())


@pytest.mark.needs("transactions")
def test_a_log_that_is_compacted_says_the_same(a_cluster: Cluster) -> None:
    async def run() -> None:
        log = await _log(a_cluster)
        expected: dict[bytes, bytes] = {}
        first = 0
        for number in range(300):
            # Random, or compression would leave nothing for the cleaner.
            rows = [(b"%d" % (i * number % 700), os.urandom(200)) for i in range(100)]
            gone = [(b"%d" % (number * 7 % 700), None)]
            await log.write([*rows, *gone], b"%d" % number, begin=None if number else BEGIN)
            expected |= dict(rows)
            expected.pop(gone[0][0], None)
        # Read again and again while the cleaner works through it.
        until = time.monotonic() + 60
        while first == 0 and time.monotonic() < until:
            found, _ = await _recovered(a_cluster)
            assert (found.schema, found.checkpoint) == (b"schema", b"299")
            assert found.rows == expected
            first = await _holes(a_cluster)
        assert first, "it was never compacted"
        found, _ = await _recovered(a_cluster)
        assert (found.schema, found.rows, found.checkpoint) == (b"schema", expected, b"299")
        await log.stop()

    a_cluster.create()
    _compact_soon(a_cluster)
    asyncio.run(run())


def _compact_soon(cluster: Cluster) -> None:
    quickly = {
        "segment.bytes": "1048576",
        "min.cleanable.dirty.ratio": "0.01",
        "delete.retention.ms": "0",
    }
    with connect(cluster.kafka) as admin:
        admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, _tp(cluster).topic, quickly)])


async def _holes(cluster: Cluster) -> int:
    """Return how many offsets there are without a record that is the newest of its key."""
    tp = TopicPartition(*_tp(cluster))
    async with AIOKafkaConsumer(
        bootstrap_servers=cluster.bootstrap, group_id=None, auto_offset_reset="earliest"
    ) as consumer:
        consumer.assign([tp])
        end, records = (await consumer.end_offsets([tp]))[tp], 0
        while await consumer.position(tp) < end:
            records += sum(map(len, (await consumer.getmany(timeout_ms=200)).values()))
    return end - 301 - records  # without the markers of transactions
