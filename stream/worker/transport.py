"""Faust's Kafka transport, changed in two places: what a message is and what a commit means.

* A message is a :class:`RecordBatch`: a whole fetched record set of a partition. Faust handles
  some ten thousand messages a second, and a batch holds thousands of records.
* A commit is a checkpoint of the runtime, then a commit of exactly the offsets that it returns.
  Every commit of Faust (timer, revocation, stop) calls :meth:`RecordBatchConsumer.commit`. Faust's
  own tracking of acknowledged messages and of gaps between them is not used: it commits
  unprocessed messages after a gap, and the messages of an agent that raised.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, ClassVar

from aiokafka import TopicPartition
from aiokafka.errors import IllegalStateError, NoOffsetForPartitionError, OffsetOutOfRangeError
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage

from stream.core.errors import TopicError
from stream.worker.record_batch import RecordBatch, batch_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from stream.worker.runtime import Runtime


class RecordBatchConsumer(driver.Consumer):
    """Reads record batches, seeks to the runtime's offsets, commits what is in a checkpoint."""

    def __init__(self, *args: Any, **options: Any) -> None:  # noqa: ANN401 - Faust's arguments
        """Take the runtime from the app."""
        super().__init__(*args, **options)
        self._runtime: Runtime = self.app.runtime
        self._read_to: dict[TP, int] = {}
        self._committed: dict[TP, int] = {}
        self._committing = asyncio.Lock()
        self._fetching = asyncio.Lock()
        self._opening: asyncio.Task[None] | None = None

    # -- messages -----------------------------------------------------------------------------

    async def _getmany(
        self,
        active_partitions: set[TP] | None,
        timeout: float,  # noqa: ASYNC109 - Faust's signature
    ) -> dict[TP, list[RecordBatch]]:
        async with self._fetching:
            epoch = self._runtime.epoch
            try:
                fetched = await super()._getmany(active_partitions, timeout)
            except (NoOffsetForPartitionError, OffsetOutOfRangeError) as error:
                if self._opening is not None and self._opening.done():
                    self._runtime.fail(_out_of_range(error))
                return {}  # the seek to the start offsets has not happened yet
            if epoch != self._runtime.epoch:
                return {}  # fetched before the next seek
            return {
                tp: [self._batch(TP(*tp), records)] for tp, records in fetched.items() if records
            }

    def _batch(self, tp: TP, records: list[Any]) -> RecordBatch:
        start = self._read_to.get(tp, records[0].offset)
        batch = batch_of(tp, start, records, self._runtime.epoch)
        self._read_to[tp] = batch.next_offset
        self._runtime.positions.found(tp, batch.records[0].timestamp_s)
        return batch

    def _to_message(self, tp: TP, record: RecordBatch) -> ConsumerMessage:
        last = record.records[-1]
        return ConsumerMessage(
            tp.topic,
            tp.partition,
            last.offset,
            last.timestamp_s or 0.0,
            0,
            [],
            None,
            record,
            None,
            0,
            0,
            tp,
            generation_id=self.app.consumer_generation_id,
        )

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Do nothing: the offsets inside a record batch are one to Faust."""

    # -- commits ------------------------------------------------------------------------------

    async def commit(
        self,
        topics: object = None,
        start_new_transaction: bool = True,  # noqa: FBT001, FBT002 - Faust's signature
    ) -> bool:
        """Write a checkpoint, then commit all of its offsets, whatever subset Faust requests."""
        del topics, start_new_transaction
        async with self._committing:
            safe = await self._runtime.checkpoint()
            mine = self.assignment()
            moved = {
                tp: offset
                for tp, offset in safe.items()
                if tp in mine and self._committed.get(tp) != offset
            }
            if not moved:
                return False
            done = bool(await self._commit(moved))
            self._runtime.committed(done=done)
            if done:
                self._committed.update(moved)
            return done

    async def wait_empty(self) -> None:
        """Before a revocation and at the end: finish the current batch, checkpoint and commit."""
        await self._stop_opening()
        await self._runtime.pause(self.app.consumer_generation_id)
        await self.commit()

    # -- partitions ---------------------------------------------------------------------------

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Start to load the assigned tasks; their partitions are read when that is done.

        Faust waits no longer than for a broker's answer and then continues as if loading were
        done, but loading may take longer: so it runs in a task of its own.
        """
        await self._stop_opening()
        self.pause_partitions(self.assignment())
        self._opening = asyncio.create_task(self._open(self.app.consumer_generation_id))
        return {}

    async def _stop_opening(self) -> None:
        opening, self._opening = self._opening, None
        if opening is not None:
            opening.cancel()
            await asyncio.gather(opening, return_exceptions=True)

    async def _open(self, generation: int) -> None:
        try:
            starts = await self._seek_to_starts(generation)
        except IllegalStateError:
            return  # the partitions were reassigned meanwhile: Faust calls this again
        except Exception as error:  # noqa: BLE001 - the worker stops with it
            self._runtime.fail(error)
            return
        if generation == self.app.consumer_generation_id and not self.app.should_stop:
            self._runtime.resume()
            self.resume_partitions(starts)

    async def _seek_to_starts(self, generation: int) -> Mapping[TP, int]:
        starts = await self._runtime.assign(self.assignment(), generation, self)
        mine = self.assignment()
        starts = {tp: offset for tp, offset in starts.items() if tp in mine}
        self._committed = {tp: o for tp, o in self._committed.items() if tp in mine}
        # A fetch may wait a second for records. Records that it returned after the seek would be
        # dropped as older, and the consumer would continue behind them.
        async with self._fetching:
            self._read_to = dict(starts)
            await self._thread.seek_wait(starts)
        self._read_offset.update(starts)
        return starts

    async def committed(self, tps: Iterable[TP]) -> Mapping[TP, int | None]:
        """Return the group's committed offset of each partition, or None."""
        found: dict[TP, int | None] = await self._call(_committed, list(tps))
        return found

    async def beginning(self, tps: Iterable[TP]) -> Mapping[TP, int]:
        """Return the first offset of each partition that still exists."""
        found = await self.earliest_offsets(*tps)
        return {TP(*tp): offset for tp, offset in found.items()}

    async def ends(self, tps: Iterable[TP]) -> Mapping[TP, int]:
        """Return the offset that the next record of each partition will have."""
        found = await self.highwaters(*tps)
        return {TP(*tp): offset for tp, offset in found.items()}

    async def _call(self, function: Any, *arguments: Any) -> Any:  # noqa: ANN401 - as call_thread
        consumer = self._thread._ensure_consumer()  # noqa: SLF001 - Faust has no public way
        return await self._thread.call_thread(function, consumer, *arguments)

    # -- PartitionView --------------------------------------------------------------------------

    def partitions(self, topic: str) -> int | None:
        """Return the number of partitions of a topic by the newest metadata, None without any."""
        consumer = self._thread._consumer  # noqa: SLF001 - Faust informs only the group's leader
        found = consumer and consumer._client.cluster.partitions_for_topic(topic)  # noqa: SLF001
        return len(found) if found else None

    def end(self, tp: TP, *, within_s: float) -> int | None:
        """Return the end of a partition if a broker reported it within ``within_s`` seconds.

        It comes with the answers to fetches, also of partitions without new records.
        """
        consumer = self._thread._consumer  # noqa: SLF001 - Faust has no public way
        partition = TopicPartition(*tp)
        if consumer is None or partition not in consumer.assignment():
            return None
        polled_ms = consumer.last_poll_timestamp(partition)
        if polled_ms is None or time.time() - polled_ms / 1000 > within_s:
            return None
        end = consumer.highwater(partition)
        return None if end is None else int(end)


def _out_of_range(error: Exception) -> TopicError:
    return TopicError(
        f"a record to be read is not there ({error}): the topic was made again, has lost records, "
        "or keeps them for too short a time; start the worker again, it logs the reason"
    )


async def _committed(consumer: Any, tps: list[TP]) -> dict[TP, int | None]:  # noqa: ANN401
    return {tp: await consumer.committed(tp) for tp in tps}


class RecordBatchTransport(driver.Transport):
    """Faust's transport with our consumer."""

    Consumer: ClassVar[type[RecordBatchConsumer]] = RecordBatchConsumer
