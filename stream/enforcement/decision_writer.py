"""Writes signed states of decisions, and signed entries of the audit, from a running process."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

from stream.decisions.signature import HEADER
from stream.delivery.late_producer import LateProducer

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from stream.decisions.signature import Signer
    from stream.decisions.transitions import Stored


class DecisionWriter:
    """One producer; connects at the first record."""

    def __init__(
        self,
        connection: Mapping[str, Any],
        *,
        topic: str,
        signer: Signer,
        transactional_id: str | None = None,
    ) -> None:
        """Prepare to write to ``topic``; ``connection`` goes to aiokafka as it is.

        A ``transactional_id`` fences any writer that was connected with it before.
        """
        self._transactional = transactional_id is not None
        self._producer = LateProducer({**connection, "transactional_id": transactional_id})
        self._topic = topic
        self._signer = signer

    async def write(self, states: Iterable[Stored]) -> int:
        """Write states in this order; return the offset of the last, when the brokers have it."""
        return await self.append((one.decision.key.encode(), one.value) for one in states)

    async def append(self, records: Iterable[tuple[bytes, bytes]]) -> int:
        """Write keys with values in this order; return the offset of the last one."""
        rows = list(records)
        if not rows:
            return -1
        producer = await self._producer.connected()
        async with producer.transaction() if self._transactional else contextlib.nullcontext():
            sent = [
                await producer.send(
                    self._topic,
                    value,
                    key=key,
                    headers=[(HEADER, self._signer.sign(key, value))],
                    partition=0,
                )
                for key, value in rows
            ]
            # Of several batches an earlier one may fail alone.
            written = await asyncio.gather(*sent)
        return written[-1].offset

    async def fence(self) -> None:
        """Connect now, so that no earlier writer with the same transactional id writes any more."""
        await self._producer.connected()

    async def close(self) -> None:
        """Close the connection; idempotent."""
        await self._producer.close()
