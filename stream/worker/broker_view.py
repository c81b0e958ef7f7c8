"""What a Faust consumer and its brokers know about partitions; it reads no record."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from aiokafka import TopicPartition
from faust.types import TP

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from faust.transport.drivers.aiokafka import Consumer


class BrokerView:
    """Implements ``Offsets`` and ``PartitionView`` (:mod:`stream.worker.ports`)."""

    def __init__(self, consumer: Consumer) -> None:
        """Use the connections of ``consumer``."""
        self._consumer = consumer

    # -- Offsets ------------------------------------------------------------------------------

    async def committed(self, tps: Iterable[TP]) -> Mapping[TP, int | None]:
        """Return the group's committed offset of each partition, or None."""
        thread = self._consumer._thread  # noqa: SLF001 - Faust has no public way
        client = thread._ensure_consumer()  # noqa: SLF001 - Faust has no public way
        found: dict[TP, int | None] = await thread.call_thread(_committed, client, list(tps))
        return found

    async def beginning(self, tps: Iterable[TP]) -> Mapping[TP, int]:
        """Return the first offset of each partition that still exists."""
        found = await self._consumer.earliest_offsets(*tps)
        return {TP(*tp): offset for tp, offset in found.items()}

    async def ends(self, tps: Iterable[TP]) -> Mapping[TP, int]:
        """Return the offset that the next record of each partition will have."""
        found = await self._consumer.highwaters(*tps)
        return {TP(*tp): offset for tp, offset in found.items()}

    # -- PartitionView ------------------------------------------------------------------------

    def partitions(self, topic: str) -> int | None:
        """Return the number of partitions of a topic by the newest metadata, None without any."""
        # Faust informs only the group's leader.
        client = self._client()
        try:
            found = client and client._client.cluster.partitions_for_topic(topic)  # noqa: SLF001
        except KeyError:  # the consumer's thread has just removed it
            return None
        return len(found) if found else None

    def end(self, tp: TP, *, within_s: float) -> int | None:
        """Return the end of a partition if a broker reported it within ``within_s`` seconds.

        It comes with the answers to fetches, also of partitions without new records.
        """
        client = self._client()
        # Read once: the consumer's thread may put another assignment there at any moment.
        subscription = client and client._subscription.subscription  # noqa: SLF001
        assignment = subscription and subscription.assignment
        state = assignment and assignment.state_value(TopicPartition(*tp))
        if not state or state.timestamp is None or time.time() - state.timestamp / 1000 > within_s:
            return None
        return None if state.highwater is None else int(state.highwater)

    def _client(self) -> Any:  # noqa: ANN401 - its own parts are not public either
        """Return the client of the consumer's thread; None before it is started."""
        return self._consumer._thread._consumer  # noqa: SLF001 - Faust has no public way


async def _committed(client: Any, tps: list[TP]) -> dict[TP, int | None]:  # noqa: ANN401
    return {tp: await client.committed(tp) for tp in tps}
