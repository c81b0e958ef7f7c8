"""Events of many accounts, each with linking values of its own and some that it shares."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

from aiokafka import AIOKafkaProducer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_SPAN_S: Final = 1800.0
#: What closes the windows of all others comes so much later, seconds.
_LATER_S: Final = 3600.0


def events(
    accounts: int, count: int, partitions: int, began: float | None = None
) -> Iterator[bytes]:
    """Yield ``count`` events of half an hour in time order, and one per partition that ends it.

    The accounts come in turn, from number 0; ``began`` is the time of the first, by default so
    that the last is now.
    """
    began = time.time() - _SPAN_S if began is None else began
    for number in range(count + partitions):
        account = number % accounts
        at = began + _SPAN_S * number / count + (_LATER_S if number >= count else 0)
        yield (
            b'{"timestamp":%.3f,"account_id":"acct_%014x","model":"m","status":200,'
            b'"payment_id":"card-%d","client_ip":"10.%d.%d.%d","user_agent":"agent/%d",'
            b'"tls_fingerprint":"t%d","account_created_at":%.0f,"input_tokens":%d,'
            b'"output_tokens":%d,"system_prompt":"Assistant %d",'
            b'"prompt":"Question %d about the matter at hand"}'
        ) % (
            at,
            account * 0x9E3779B97F4A7 % (1 << 56),
            # Every tenth account shares its payment, and another its address, with two others.
            account // 3 if account % 30 < 3 else 10_000_000 + account,
            *(account // 3 if account % 30 > 26 else account).to_bytes(3, "big"),
            account % 997,
            account % 997,
            began - 86400 * (account % 700) - 1,
            100 + account % 900,
            10 + number % 500,
            account % 2000,
            number,
        )


async def produce(bootstrap: str, topic: str, partitions: int, values: Iterable[bytes]) -> None:
    """Write values to the partitions in turn; in whole batches, much faster than one by one."""
    async with AIOKafkaProducer(
        bootstrap_servers=bootstrap, acks="all", max_batch_size=262_144
    ) as producer:
        batches = [producer.create_batch() for _ in range(partitions)]
        sent = []
        for number, value in enumerate(values):
            partition = number % partitions
            if batches[partition].append(key=None, value=value, timestamp=None) is None:
                sent.append(
                    await producer.send_batch(batches[partition], topic, partition=partition)
                )
                batches[partition] = producer.create_batch()
                batches[partition].append(key=None, value=value, timestamp=None)
        for partition, batch in enumerate(batches):
            sent.append(await producer.send_batch(batch, topic, partition=partition))
        await asyncio.gather(*sent)
