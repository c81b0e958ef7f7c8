"""Faust's Kafka transport, changed in two places: what a message is and what a commit means.

* A message is a :class:`Carrier`: a whole fetched record set of a partition. Faust handles some
  ten thousand messages a second, and a carrier holds thousands of records.
* A commit is a flush of the runtime followed by a commit of exactly the offsets that it returns.
  Every commit of Faust (timer, revocation, stop) passes :meth:`CarrierConsumer.commit`. Faust's
  own bookkeeping of acknowledged messages and of gaps between them is not used: it commits
  unprocessed messages after a gap, and the messages of an agent that raised.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, ClassVar, Final

from aiokafka import TopicPartition
from aiokafka.errors import IllegalStateError, NoOffsetForPartitionError, OffsetOutOfRangeError
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage

from stream.core.errors import TopicError
from stream.worker.carrier import Carrier, fold

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from stream.worker.runtime import Runtime

#: An end that is older tells nothing. Kafka answers a fetch of a silent partition after 1.5 s
#: (Faust's fetch_max_wait_ms).
HEARD_WITHIN_S: Final = 5.0


class CarrierConsumer(driver.Consumer):
    """Reads carriers, seeks where the runtime says, commits what the runtime has made durable."""

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
    ) -> dict[TP, list[Carrier]]:
        async with self._fetching:
            epoch = self._runtime.epoch
            try:
                fetched = await super()._getmany(active_partitions, timeout)
            except (NoOffsetForPartitionError, OffsetOutOfRangeError) as error:
                if self._opening is not None and self._opening.done():
                    self._runtime.fail(_out_of_range(error))
                return {}  # not sought yet to where it goes on
            if epoch != self._runtime.epoch:
                return {}  # before the seek that follows
            return {tp: [self._fold(TP(*tp), taken)] for tp, taken in fetched.items() if taken}

    def _fold(self, tp: TP, records: list[Any]) -> Carrier:
        start = self._read_to.get(tp, records[0].offset)
        carrier = fold(tp, start, records, self._runtime.epoch)
        self._read_to[tp] = carrier.next_offset
        self._runtime.positions.found(tp, carrier.records[0].timestamp_s)
        return carrier

    def _to_message(self, tp: TP, record: Carrier) -> ConsumerMessage:
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
        """Keep no gaps: the offsets inside a carrier are one to Faust."""

    # -- commits ------------------------------------------------------------------------------

    async def commit(
        self,
        topics: object = None,
        start_new_transaction: bool = True,  # noqa: FBT001, FBT002 - Faust's signature
    ) -> bool:
        """Make everything processed durable, then commit it, whatever part Faust asks for."""
        del topics, start_new_transaction
        async with self._committing:
            safe = await self._runtime.flush()
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
        """Before a revocation and at the end: finish the carrier at hand, flush and commit."""
        await self._stop_opening()
        await self._runtime.pause(self.app.consumer_generation_id)
        await self.commit()

    # -- partitions ---------------------------------------------------------------------------

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Begin to load what was assigned; its partitions are read once that is done.

        Faust waits for this no longer than for an answer of the broker and then goes on as if it
        were done, but loading may take longer: so it goes on beside.
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
            return  # the partitions have moved on meanwhile: Faust asks again
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
        # A fetch may wait a second for records. What it took after the seek would be dropped as
        # older, and the reader would go on behind it.
        async with self._fetching:
            self._read_to = dict(starts)
            await self._thread.seek_wait(starts)
        self._read_offset.update(starts)
        return starts

    async def committed(self, tps: Iterable[TP]) -> Mapping[TP, int | None]:
        """Return the group's committed offset of each partition, or None."""
        found: dict[TP, int | None] = await self._ask(_committed, list(tps))
        return found

    async def beginning(self, tps: Iterable[TP]) -> Mapping[TP, int]:
        """Return the first offset of each partition that there still is."""
        found = await self.earliest_offsets(*tps)
        return {TP(*tp): offset for tp, offset in found.items()}

    async def ends(self, tps: Iterable[TP]) -> Mapping[TP, int]:
        """Return the offset that the next record of each partition will have."""
        found = await self.highwaters(*tps)
        return {TP(*tp): offset for tp, offset in found.items()}

    async def _ask(self, function: Any, *arguments: Any) -> Any:  # noqa: ANN401 - as call_thread
        consumer = self._thread._ensure_consumer()  # noqa: SLF001 - Faust has no public way
        return await self._thread.call_thread(function, consumer, *arguments)

    # -- what others ask of the reader ----------------------------------------------------------

    def partitions(self, topic: str) -> int | None:
        """Return the number of partitions of a topic by the newest metadata, None without any."""
        consumer = self._thread._consumer  # noqa: SLF001 - Faust tells the group's leader only
        found = consumer and consumer._client.cluster.partitions_for_topic(topic)  # noqa: SLF001
        return len(found) if found else None

    def end(self, tp: TP, *, within_s: float) -> int | None:
        """Return the end of a partition if the broker said so in the last ``within_s`` seconds.

        From the answers to fetches, which come for silent partitions too.
        """
        consumer = self._thread._consumer  # noqa: SLF001 - Faust offers no way to ask this
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
        "or keeps them for too short a time; start the worker again, it says which"
    )


async def _committed(consumer: Any, tps: list[TP]) -> dict[TP, int | None]:  # noqa: ANN401
    return {tp: await consumer.committed(tp) for tp in tps}


class CarrierTransport(driver.Transport):
    """Faust's transport with our consumer."""

    Consumer: ClassVar[type[CarrierConsumer]] = CarrierConsumer
