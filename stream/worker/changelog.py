"""The durable state of a task: checkpoints in a compacted changelog topic; it interprets no row.

A changelog begins with the id of the topic that its task reads, because checkpoint records have
offsets of that topic, and with the schema of the rows. Compaction keeps both at the beginning, so a
reader knows them before the first row. A worker that writes rows of another schema puts that before
its first row, under a key of its own: a row is of the schema before it, also after compaction.

A checkpoint is the rows that changed since the last one, then the checkpoint record. It takes
effect as a whole: a row holds the value after the windows that were closed at the checkpoint, and
the record names these windows. With an older record, windows would be applied twice to
rows that already include them.

* With ``kafka.transactions`` a checkpoint is one Kafka transaction of the task's own transactional
  id. Recovery reads committed records only, so an unfinished checkpoint does not exist: not for
  readers, and not for compaction, which never replaces a committed value by an aborted one. The
  next owner's producer first aborts an open transaction of the former owner and fences it: a
  worker that stalled, lost the task and wakes up cannot write.
* Without transactions (the embedded broker has none) rows after the last checkpoint record belong
  to an unfinished checkpoint. Recovery ignores and undoes them: it writes the previous values and
  the checkpoint record again before the task continues. This needs the previous values in the log,
  so a broker that has not compacted them away, and a stalled former owner is not fenced. This is
  enough for a broker that loses everything when it stops.

Readers apply one rule in both cases: the state is the changelog up to its last checkpoint record.

The checkpoint record is always a batch of its own: the embedded broker reports the base offset of
the last batch plus one as the end of a partition.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from aiokafka.errors import InvalidProducerEpoch, KafkaError, ProducerFenced

from stream.core.errors import BrokerError
from stream.worker.sender import close_quietly, producer

if TYPE_CHECKING:
    from aiokafka import AIOKafkaProducer
    from aiokafka.producer.message_accumulator import BatchBuilder
    from aiokafka.structs import RecordMetadata

    from stream.kafka.settings import KafkaSettings, TopicSettings
    from stream.worker.ports import StateRows
    from stream.worker.record_batch import TP

#: First byte of the key of each kind of record in a changelog.
INPUT: Final = b"i"
SCHEMA: Final = b"s"
ROW: Final = b"r"
CHECKPOINT: Final = b"h"


class FencedError(BrokerError):
    """Another worker owns the task now; this worker must not write its state."""


class Changelog:
    """Writes the state of one task to one partition of a state topic."""

    def __init__(self, tp: TP, kafka: KafkaSettings, topics: TopicSettings) -> None:
        """Prepare; ``tp`` is the partition of the state topic."""
        self.tp = tp
        self._transactional = kafka.transactions
        options = {}
        if self._transactional:
            options["transactional_id"] = f"{kafka.app_id}-{tp.topic}-{tp.partition}"
        self._producer: AIOKafkaProducer = producer(kafka, topics, **options)

    async def start(self) -> None:
        """Connect, and fence the former owner of the task."""
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
        await close_quietly(self._producer)

    async def write(
        self,
        rows: StateRows,
        checkpoint: bytes | None,
        *,
        begin: tuple[str, bytes] | None = None,
        schemas: int = 0,
    ) -> None:
        """Make one checkpoint durable; raises FencedError when the task has a new owner.

        The first checkpoint has to ``begin`` with the id of the task's input topic and its schema,
        and so has the first one of another schema: it comes after ``schemas`` others.
        """
        records: StateRows = []
        if begin is not None and not schemas:
            records = [(INPUT, begin[0].encode()), (SCHEMA, begin[1])]
        elif begin is not None:
            records = [(SCHEMA + b"%d" % schemas, begin[1])]
        records += [(ROW + key, value) for key, value in rows]
        try:
            if self._transactional:
                async with self._producer.transaction():
                    await self._write(records, checkpoint)
            else:
                await self._write(records, checkpoint)
        except (ProducerFenced, InvalidProducerEpoch) as error:
            raise FencedError(
                f"{self.tp.topic}[{self.tp.partition}]: another worker owns it now"
            ) from error
        except KafkaError as error:
            raise BrokerError(
                f"{self.tp.topic}[{self.tp.partition}]: state was not written: "
                f"{type(error).__name__} {error}"
            ) from error

    async def _write(self, records: StateRows, checkpoint: bytes | None) -> None:
        await self._send(records)
        if checkpoint is not None:
            await self._send([(CHECKPOINT, checkpoint)])

    async def _send(self, records: StateRows) -> None:
        """Write the records in batches and wait for their acknowledgement."""
        acknowledgements = []
        batch = self._producer.create_batch()
        for key, value in records:
            if batch.append(key=key, value=value, timestamp=None) is None:
                acknowledgements.append(await self._submit(batch))
                await asyncio.sleep(0)  # there may be many: let HTTP requests be answered
                batch = self._producer.create_batch()
                batch.append(key=key, value=value, timestamp=None)
        if batch.record_count():
            acknowledgements.append(await self._submit(batch))
        await asyncio.gather(*acknowledgements)

    async def _submit(self, batch: BatchBuilder) -> asyncio.Future[RecordMetadata]:
        return await self._producer.send_batch(batch, self.tp.topic, partition=self.tp.partition)
