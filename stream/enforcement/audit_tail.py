"""Finds the end of the audit topic, where the next entry has to follow."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

from aiokafka import AIOKafkaConsumer

from stream.decisions.audit_chain import Link, end_of
from stream.decisions.signature import signature_of
from stream.kafka.ends import EndTracker

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiokafka import TopicPartition

    from stream.decisions.signature import Signer

_LOG = logging.getLogger("stream.enforcement.audit_tail")
_POLL_MS: Final = 300
#: Records before the end among which the last entry is: markers of transactions have offsets, too.
_LAST: Final = 64
#: Where none of these is an entry of ours, this many times more are read.
_FURTHER: Final = 16


async def audit_tail(
    topic: str, signer: Signer, connection: Mapping[str, Any], *, exact: bool
) -> Link:
    """Return the end of the chain; unless ``exact``, brokers may report the end too low."""
    consumer = AIOKafkaConsumer(
        topic, **connection, group_id=None, enable_auto_commit=False, auto_offset_reset="earliest"
    )
    try:
        await consumer.start()
        (partition,) = consumer.assignment()
        ends = await consumer.end_offsets([partition])
        (beginning,) = (await consumer.beginning_offsets([partition])).values()
        last = _LAST
        while True:
            start = max(ends[partition] - last, beginning)
            consumer.seek(partition, start)
            found = await _newest(consumer, partition, signer, ends, exact=exact)
            # Who may write to the topic may hide the last entry behind others.
            if found.number or start == beginning:
                return found
            last *= _FURTHER
    finally:
        await consumer.stop()


async def _newest(
    consumer: AIOKafkaConsumer,
    partition: TopicPartition,
    signer: Signer,
    ends: dict[TopicPartition, int],
    *,
    exact: bool,
) -> Link:
    """Return the entry of the highest number up to the end: earlier ones may be written again."""
    found = Link()
    tracker = EndTracker(consumer, ends, exact=exact)
    while True:
        portion = await consumer.getmany(timeout_ms=_POLL_MS)
        for record in portion.get(partition, []):
            entry = end_of(record.value or b"", signature_of(record.headers) or b"", signer)
            if entry is None:
                _LOG.error("%s: the entry at %d is not ours", record.topic, record.offset)
            elif entry.number > found.number:
                found = entry
        if await tracker.reached([partition]):
            return found
