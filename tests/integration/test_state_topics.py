import asyncio

import pytest
from cluster import Cluster

from stream.worker.carrier import TP
from stream.worker.state import FencedError, Recovered, StateLog, recover

pytestmark = pytest.mark.integration

ROWS = [(b"a", b"1"), (b"b", b"2" * 3_000_000), *((b"%d" % i, b"x" * 1000) for i in range(3000))]


def _tp(cluster: Cluster) -> TP:
    return TP(f"{cluster.topics.internal_prefix}accounts-state", 1)


async def _log(cluster: Cluster) -> StateLog:
    log = StateLog(_tp(cluster), cluster.kafka, cluster.topics)
    await log.start()
    return log


async def _recovered(cluster: Cluster) -> Recovered:
    return (await recover([_tp(cluster)], cluster.kafka))[_tp(cluster)]


def test_what_is_flushed_is_recovered(a_cluster: Cluster) -> None:
    async def run() -> None:
        log = await _log(a_cluster)
        await log.write(list(ROWS), b"one")
        await log.write([(b"a", None), (b"b", b"3")], b"two")
        await log.stop()
        found = await _recovered(a_cluster)
        assert found.header == b"two"
        assert found.rows == {**dict(ROWS[2:]), b"b": b"3"}
        assert not found.unfinished

    a_cluster.create()
    asyncio.run(run())


def test_an_unfinished_flush_never_was(a_cluster: Cluster) -> None:
    async def run() -> None:
        log = await _log(a_cluster)
        await log.write([(b"a", b"1"), (b"b", b"1")], b"one")
        if a_cluster.transactions:
            await log._producer.begin_transaction()
        await log._write([(b"a", b"2"), (b"c", b"2"), (b"b", None)], None)
        # The next owner starts while the transaction of this one is open.
        successor = await _log(a_cluster)
        found = await _recovered(a_cluster)
        assert (found.rows, found.header) == ({b"a": b"1", b"b": b"1"}, b"one")
        if found.unfinished:
            await successor.write(found.repair, found.header)
        await successor.write([(b"d", b"3")], b"three")
        found = await _recovered(a_cluster)
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
        await stalled.write([(b"a", b"1")], b"one")
        owner = await _log(a_cluster)
        await owner.write([(b"a", b"2")], b"two")
        with pytest.raises(FencedError, match="another worker"):
            await stalled.write([(b"a", b"1")], b"one again")
        found = await _recovered(a_cluster)
        assert (found.rows, found.header) == ({b"a": b"2"}, b"two")
        await owner.stop()
        await stalled.stop()

    a_cluster.create()
    asyncio.run(run())
