"""The durable state of lanes: written to and read from compacted topics; it interprets no row.

A flush is the rows that changed, then the lane's header. It has to take effect as a whole: a row
holds the value after the steps that were closed at the flush, the header says which steps those
are, and a header older than its rows would apply steps to rows that have them already.

* With ``kafka.transactions`` a flush is one Kafka transaction of the lane's own transactional id,
  and recovery reads committed records only, so an unfinished flush does not exist: not for
  readers, and not for compaction, which never lets an aborted value supersede a committed one.
  Starting the next owner's producer first ends an open transaction of the previous owner and
  fences it: a worker that stalled, lost the lane and wakes up cannot write into it.
* Without (the embedded broker has no transactions) rows after the last header are those of an
  unfinished flush. Recovery ignores them and takes them back: it writes the previous values and
  the header again before the lane goes on. That rests on the previous values being in the log, so
  on a broker that has not compacted them away, and a stalled predecessor is not fenced. Good
  enough for a broker that forgets everything when it stops.

Both are the same rule when read: the state is what the log says up to its last header.

The header always is a batch of its own. The embedded broker answers with the base offset of the
last batch plus one when asked for the end of the log.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import InvalidProducerEpoch, KafkaError, ProducerFenced

from stream.errors import BrokerError
from stream.kafka.connection import client_options
from stream.worker.sender import producer

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from aiokafka import AIOKafkaProducer, ConsumerRecord

    from stream.kafka.settings import KafkaSettings, TopicSettings
    from stream.worker.carrier import TP

_HEADER: Final = b"h"
_ROW: Final = b"r"
_READ_BYTES: Final = 8_388_608
_POLL_MS: Final = 200
_QUIET_POLLS: Final = 2

Rows = list[tuple[bytes, bytes | None]]


class FencedError(BrokerError):
    """Another worker owns the lane now; what this one has of it is void."""


@dataclass
class Recovered:
    """The state of one lane as read, and the keys that an unfinished flush has touched."""

    rows: dict[bytes, bytes] = field(default_factory=dict)
    header: bytes | None = None
    unfinished: dict[bytes, bytes | None] = field(default_factory=dict)

    def read(self, key: bytes, value: bytes | None) -> None:
        """Take in the next record of the log."""
        if key != _HEADER:
            self.unfinished[key[len(_ROW) :]] = value
            return
        for row, latest in self.unfinished.items():
            if latest is None:
                self.rows.pop(row, None)
            else:
                self.rows[row] = latest
        self.unfinished = {}
        self.header = value

    @property
    def repair(self) -> Rows:
        """Return the rows that take an unfinished flush back."""
        return [(key, self.rows.get(key)) for key in self.unfinished]


class StateLog:
    """Writes the state of one lane: one partition of a state topic."""

    def __init__(self, tp: TP, kafka: KafkaSettings, topics: TopicSettings) -> None:
        """Prepare; ``tp`` is the partition of the state topic."""
        self.tp = tp
        self._transactional = kafka.transactions
        options = {}
        if self._transactional:
            options["transactional_id"] = f"{kafka.app_id}-{tp.topic}-{tp.partition}"
        self._producer: AIOKafkaProducer = producer(kafka, topics, **options)

    async def start(self) -> None:
        """Connect, and fence whoever owned the lane before."""
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
        await self._producer.stop()

    async def write(self, rows: Rows, header: bytes | None) -> None:
        """Make one flush durable; raises FencedError when the lane has a new owner."""
        try:
            if self._transactional:
                async with self._producer.transaction():
                    await self._write(rows, header)
            else:
                await self._write(rows, header)
        except (ProducerFenced, InvalidProducerEpoch) as error:
            raise FencedError(
                f"{self.tp.topic}[{self.tp.partition}]: another worker has taken it over"
            ) from error
        except KafkaError as error:
            raise BrokerError(
                f"{self.tp.topic}[{self.tp.partition}]: state was not written: "
                f"{type(error).__name__} {error}"
            ) from error

    async def _write(self, rows: Rows, header: bytes | None) -> None:
        await self._send([(_ROW + key, value) for key, value in rows])
        if header is not None:
            await self._send([(_HEADER, header)])

    async def _send(self, records: Rows) -> None:
        """Write the records in batches and wait for their acknowledgement."""
        acknowledgements = []
        batch = self._producer.create_batch()
        for key, value in records:
            if batch.append(key=key, value=value, timestamp=None) is None:
                acknowledgements.append(await self._submit(batch))
                batch = self._producer.create_batch()
                batch.append(key=key, value=value, timestamp=None)
        if batch.record_count():
            acknowledgements.append(await self._submit(batch))
        await asyncio.gather(*acknowledgements)

    async def _submit(self, batch: object) -> asyncio.Future[object]:
        future: asyncio.Future[object] = await self._producer.send_batch(
            batch, self.tp.topic, partition=self.tp.partition
        )
        return future


async def recover(tps: Sequence[TP], kafka: KafkaSettings) -> dict[TP, Recovered]:
    """Read the state of several lanes from the beginning to the end of their partitions."""
    if not tps:
        return {}
    consumer = AIOKafkaConsumer(
        **client_options(kafka),
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed" if kafka.transactions else "read_uncommitted",
        max_partition_fetch_bytes=_READ_BYTES,
    )
    try:
        await consumer.start()
        partitions = [TopicPartition(*tp) for tp in tps]  # equal to TP, but aiokafka insists
        consumer.assign(partitions)
        await consumer.seek_to_beginning(*partitions)
        return await _read(consumer, tps, partitions, exact=kafka.transactions)
    except KafkaError as error:
        raise BrokerError(f"state cannot be read: {type(error).__name__} {error}") from error
    finally:
        await consumer.stop()


async def _read(
    consumer: AIOKafkaConsumer,
    tps: Sequence[TP],
    partitions: Sequence[TopicPartition],
    *,
    exact: bool,
) -> dict[TP, Recovered]:
    """Read on until the end is reached and, where ends are not exact, nothing more comes."""
    found = {tp: Recovered() for tp in tps}
    ends = await consumer.end_offsets(partitions)
    quiet = 0
    while True:
        behind = [tp for tp in partitions if await consumer.position(tp) < ends[tp]]
        if not behind and (exact or quiet >= _QUIET_POLLS):
            return found
        fetched = await consumer.getmany(timeout_ms=_POLL_MS)
        quiet = 0 if fetched else quiet + 1
        for tp, records in fetched.items():
            _take(found[tp], records)


def _take(recovered: Recovered, records: Iterable[ConsumerRecord]) -> None:
    for record in records:
        if record.key:
            recovered.read(record.key, record.value)
