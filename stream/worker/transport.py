"""Faust's Kafka transport, changed in three places: messages, commits and the end.

* A message is a :class:`RecordBatch`: a whole fetched record set of a partition. Faust handles
  some ten thousand messages a second, and a batch holds thousands of records.
* A commit is a checkpoint of the runtime, then a commit of exactly the offsets that it returns.
  Every commit of Faust (timer, revocation, stop) calls :meth:`RecordBatchConsumer.commit`. Faust's
  own tracking of acknowledged messages and of gaps between them is not used: it commits
  unprocessed messages after a gap, and the messages of an agent that raised.
* Only the consumer's own thread closes its connections (:class:`RecordBatchConsumerThread`).
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, ClassVar

from aiokafka.errors import IllegalStateError, NoOffsetForPartitionError, OffsetOutOfRangeError
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage

from stream.core.errors import TopicError
from stream.worker.broker_view import BrokerView
from stream.worker.event_loop import new_event_loop
from stream.worker.record_batch import RecordBatch, batch_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stream.worker.runtime import Runtime


class RecordBatchConsumerThread(driver.AIOKafkaConsumerThread):
    """Runs the Kafka client in a thread with an event loop of its own."""

    def close(self) -> None:
        """Do nothing: the thread closes its client when it stops.

        Faust calls this when a rebalance comes while the app stops, and closes the client from the
        main thread. An event loop of uvloop that another thread changes ends with SIGSEGV.
        """


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
        self.view = BrokerView(self)

    def _new_consumer_thread(self) -> RecordBatchConsumerThread:
        thread = RecordBatchConsumerThread(
            self, loop=self.loop, thread_loop=new_event_loop(), beacon=self.beacon
        )
        thread._close_thread_loop_on_stop = True  # noqa: SLF001 - the loop is no other's
        return thread

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Do nothing: Faust looks at its streams here, and records do not go through them.

        It would report each backlog as a stream that has not started. Lag is a metric, and a commit
        that hangs ends the worker (:mod:`stream.worker.commit_watch`).
        """

    # -- messages -----------------------------------------------------------------------------

    async def _getmany(
        self,
        active_partitions: set[TP] | None,
        timeout: float,  # noqa: ASYNC109 - Faust's signature
    ) -> dict[TP, list[RecordBatch]]:
        if not await self._runtime.waiting.room(timeout):
            return {}
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
            self._runtime.commit_began = time.monotonic()
            try:
                return await self._commit_checkpoint()
            finally:
                self._runtime.commit_began = None

    async def _commit_checkpoint(self) -> bool:
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
        starts = await self._runtime.assign(self.assignment(), generation, self.view)
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


def _out_of_range(error: Exception) -> TopicError:
    return TopicError(
        f"a record to be read is not there ({error}): the topic was made again, has lost records, "
        "or keeps them for too short a time; start the worker again, it logs the reason"
    )


class RecordBatchTransport(driver.Transport):
    """Faust's transport with our consumer."""

    Consumer: ClassVar[type[RecordBatchConsumer]] = RecordBatchConsumer
