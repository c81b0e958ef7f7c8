import asyncio

import pytest
from cluster import Cluster, Log

from stream.worker.carrier import TP
from stream.worker.recovery import recover
from stream.worker.state import FencedError, Rows, StateLog

pytestmark = pytest.mark.integration

ROWS = [(b"a", b"1"), (b"b", b"2" * 3_000_000), *((b"%d" % i, b"x" * 1000) for i in range(3000))]


def _tp(cluster: Cluster) -> TP:
    return TP(f"{cluster.topics.internal_prefix}accounts-state", 1)


async def _log(cluster: Cluster) -> StateLog:
    log = StateLog(_tp(cluster), cluster.kafka, cluster.topics)
    await log.start()
    return log


async def _recovered(cluster: Cluster) -> tuple[Log, Rows]:
    """Return what the log says, and what takes an unfinished flush back."""
    log = Log()
    found = (await recover({_tp(cluster): log}, cluster.kafka))[_tp(cluster)]
    assert log.header == found.header
    return log, found.repair


def test_what_is_flushed_is_recovered(a_cluster: Cluster) -> None:
    async def run() -> None:
        log = await _log(a_cluster)
        await log.write(list(ROWS), b"one", schema=b"schema")
        await log.write([(b"a", None), (b"b", b"3")], b"two")
        await log.stop()
        found, repair = await _recovered(a_cluster)
        assert (found.schema, found.header) == (b"schema", b"two")
        assert found.rows == {**dict(ROWS[2:]), b"b": b"3"}
        assert not repair

    a_cluster.create()
    asyncio.run(run())


def test_an_unfinished_flush_never_was(a_cluster: Cluster) -> None:
    async def run() -> None:
        log = await _log(a_cluster)
        await log.write([(b"a", b"1"), (b"b", b"1")], b"one", schema=b"schema")
        if a_cluster.transactions:
            await log._producer.begin_transaction()
        await log._write([(b"ra", b"2"), (b"rc", b"2"), (b"rb", None)], None)
        # The next owner starts while the transaction of this one is open.
        successor = await _log(a_cluster)
        found, repair = await _recovered(a_cluster)
        assert (found.rows, found.header) == ({b"a": b"1", b"b": b"1"}, b"one")
        assert bool(repair) != a_cluster.transactions
        if repair:
            await successor.write(repair, found.header)
        await successor.write([(b"d", b"3")], b"three")
        found, _ = await _recovered(a_cluster)
        assert found.header == b"three"
        assert found.rows == {b"a": b"1", b"b": b"1", b"d": b"3"}
        await successor.stop()
        await log.stop()

    a_cluster.create()
    asyncio.run(run())


@pytest.mark.needs("transactions")
def test_a_predecessor_that_wakes_up_late_is_fenced(a_cluster: Cluster) -> None:
    async def run() -> None:
        stalled = await _log(a_cluster)
        await stalled.write([(b"a", b"1")], b"one", schema=b"schema")
        owner = await _log(a_cluster)
        await owner.write([(b"a", b"2")], b"two")
        with pytest.raises(FencedError, match="another worker"):
            await stalled.write([(b"a", b"1")], b"one again")
        found, _ = await _recovered(a_cluster)
        assert (found.rows, found.header) == ({b"a": b"2"}, b"two")
        await owner.stop()
        await stalled.stop()

    a_cluster.create()
    asyncio.run(run())
