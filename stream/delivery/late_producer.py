"""A producer that connects when it is first needed, and again after it was closed."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, Final

from aiokafka import AIOKafkaProducer

if TYPE_CHECKING:
    from collections.abc import Mapping

_STOP_TIMEOUT_S: Final = 5.0


class LateProducer:
    """Waits for the acknowledgement of all replicas; one connection for all that use it."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        """Prepare; ``options`` go to aiokafka as they are."""
        self._options = options
        self._producer: AIOKafkaProducer | None = None
        self._connecting = asyncio.Lock()

    async def connected(self) -> AIOKafkaProducer:
        """Return the producer; raises KafkaError where no broker answers."""
        async with self._connecting:
            if self._producer is None:
                producer = AIOKafkaProducer(**self._options, acks="all")
                try:
                    await producer.start()
                except BaseException:
                    await producer.stop()
                    raise
                self._producer = producer
            return self._producer

    async def close(self) -> None:
        """Close the connection; idempotent."""
        producer, self._producer = self._producer, None
        if producer is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_STOP_TIMEOUT_S):
                    await producer.stop()
