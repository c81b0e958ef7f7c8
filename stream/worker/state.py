"""The durable state of tasks, written to compacted topics; it interprets no row.

A log begins with the id of the topic that its task reads, because headers have offsets of it, and
with the schema of the rows. Compaction leaves both there, so whoever reads the log knows what it
has before the first row.

A flush is the rows that changed, then the task's header. It has to take effect as a whole: a row
holds the value after the steps that were closed at the flush, the header says which steps those
are, and a header older than its rows would apply steps to rows that have them already.

* With ``kafka.transactions`` a flush is one Kafka transaction of the task's own transactional id,
  and recovery reads committed records only, so an unfinished flush does not exist: not for
  readers, and not for compaction, which never lets an aborted value supersede a committed one.
  Starting the next owner's producer first ends an open transaction of the previous owner and
  fences it: a worker that stalled, lost the task and wakes up cannot write into it.
* Without (the embedded broker has no transactions) rows after the last header are those of an
  unfinished flush. Recovery ignores them and takes them back: it writes the previous values and
  the header again before the task goes on. That rests on the previous values being in the log, so
  on a broker that has not compacted them away, and a stalled predecessor is not fenced. Good
  enough for a broker that forgets everything when it stops.

Both are the same rule when read: the state is what the log says up to its last header.

The header always is a batch of its own. The embedded broker answers with the base offset of the
last batch plus one when asked for the end of the log.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from aiokafka.errors import InvalidProducerEpoch, KafkaError, ProducerFenced

from stream.core.errors import BrokerError
from stream.worker.sender import let_go, producer

if TYPE_CHECKING:
    from aiokafka import AIOKafkaProducer
    from aiokafka.producer.message_accumulator import BatchBuilder
    from aiokafka.structs import RecordMetadata

    from stream.kafka.settings import KafkaSettings, TopicSettings
    from stream.worker.carrier import TP

#: What the keys of the records of a state log begin with.
INPUT: Final = b"i"
SCHEMA: Final = b"s"
ROW: Final = b"r"
HEADER: Final = b"h"

Rows = list[tuple[bytes, bytes | None]]


class FencedError(BrokerError):
    """Another worker owns the task now; what this one has of it is void."""


class StateLog:
    """Writes the state of one task: one partition of a state topic."""

    def __init__(self, tp: TP, kafka: KafkaSettings, topics: TopicSettings) -> None:
        """Prepare; ``tp`` is the partition of the state topic."""
        self.tp = tp
        self._transactional = kafka.transactions
        options = {}
        if self._transactional:
            options["transactional_id"] = f"{kafka.app_id}-{tp.topic}-{tp.partition}"
        self._producer: AIOKafkaProducer = producer(kafka, topics, **options)

    async def start(self) -> None:
        """Connect, and fence whoever owned the task before."""
        try:
            await self._producer.start()
        except KafkaError as error:
            hint = (
                "; does the broker have transactions (kafka.transactions), and may this user use "
                "the transactional id?"
                if self._transactional
                else ""
            )
            raise BrokerError(
                f"{self.tp.topic}[{self.tp.partition}]: state cannot be opened: "
                f"{type(error).__name__} {error}{hint}"
            ) from error

    async def stop(self) -> None:
        """Disconnect."""
        await let_go(self._producer)

    async def write(
        self, rows: Rows, header: bytes | None, *, begin: tuple[str, bytes] | None = None
    ) -> None:
        """Make one flush durable; raises FencedError when the task has a new owner.

        The first flush of a log has to ``begin`` with the id of the task's input and its schema.
        """
        records: Rows = []
        if begin is not None:
            records = [(INPUT, begin[0].encode()), (SCHEMA, begin[1])]
        records += [(ROW + key, value) for key, value in rows]
        try:
            if self._transactional:
                async with self._producer.transaction():
                    await self._write(records, header)
            else:
                await self._write(records, header)
        except (ProducerFenced, InvalidProducerEpoch) as error:
            raise FencedError(
                f"{self.tp.topic}[{self.tp.partition}]: another worker has taken it over"
            ) from error
        except KafkaError as error:
            raise BrokerError(
                f"{self.tp.topic}[{self.tp.partition}]: state was not written: "
                f"{type(error).__name__} {error}"
            ) from error

    async def _write(self, records: Rows, header: bytes | None) -> None:
        await self._send(records)
        if header is not None:
            await self._send([(HEADER, header)])

    async def _send(self, records: Rows) -> None:
        """Write the records in batches and wait for their acknowledgement."""
        acknowledgements = []
        batch = self._producer.create_batch()
        for key, value in records:
            if batch.append(key=key, value=value, timestamp=None) is None:
                acknowledgements.append(await self._submit(batch))
                await asyncio.sleep(0)  # there may be many: let the pages answer
                batch = self._producer.create_batch()
                batch.append(key=key, value=value, timestamp=None)
        if batch.record_count():
            acknowledgements.append(await self._submit(batch))
        await asyncio.gather(*acknowledgements)

    async def _submit(self, batch: BatchBuilder) -> asyncio.Future[RecordMetadata]:
        return await self._producer.send_batch(batch, self.tp.topic, partition=self.tp.partition)
