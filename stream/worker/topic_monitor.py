"""Watches the topics that a worker reads: are they the same topics, and how large is the source?

The source topic may grow. Every task then has to wait for the new partitions before it closes a
window, so growth has to be noticed sooner than a window can close after it
(``windows.allowed_lateness_s``). A topic may be deleted and created again: its records are numbered
from 0, so resuming at the old offset would skip some of them.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Final

from stream.core.errors import BrokerError, TopicError
from stream.kafka.connection import connect
from stream.kafka.refusal import RefusedError
from stream.kafka.topics import STATE_TOPICS, Described, describe, topic_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stream.kafka.settings import KafkaSettings, TopicSettings
    from stream.worker.ports import PartitionView, SourceReader

log = logging.getLogger(__name__)

_INTERVAL_S: Final = 1.0
#: Only the brokers know a topic's id, and a request takes a connection. Assumed: seldom enough.
_REFRESH_EVERY_S: Final = 30.0
_RETRY_S: Final = 1.0


class TopicMonitor:
    """The topics that a worker reads; notifies the source reader when its topic changes."""

    def __init__(self, source: SourceReader, kafka: KafkaSettings, topics: TopicSettings) -> None:
        """Start with no topic known: :meth:`refresh` comes first."""
        self._source = source
        self._kafka = kafka
        self._source_topic = topics.requests
        self._names = (topics.requests, *(topic_of(topics, role) for role in STATE_TOPICS))
        self._known: dict[str, Described] = {}
        self._refreshed = 0.0  # monotonic

    def topic_id(self, name: str) -> str:
        """Return the id of the topic of that name; "" from brokers without topic ids."""
        return self._known[name].topic_id

    async def watch(self, view: PartitionView) -> None:
        """Follow the topics for ever; raises TopicError when one is not the same any more."""
        while True:
            await asyncio.sleep(_INTERVAL_S)
            known = self._known.get(self._source_topic)
            if known is None:
                continue  # nothing was read yet
            seen = view.partitions(self._source_topic)
            if seen is not None and seen > known.partitions:
                self._update(self._source_topic, Described(seen, known.topic_id))
            if seen is None or time.monotonic() - self._refreshed > _REFRESH_EVERY_S:
                await self.refresh()

    async def refresh(self) -> None:
        """Describe the topics; retries until a broker answers."""
        while True:
            try:
                self.update(await asyncio.to_thread(self._describe))
            except RefusedError:
                raise
            except BrokerError as error:
                log.warning("%s; next attempt in %g s", error, _RETRY_S)
                await asyncio.sleep(_RETRY_S)
            else:
                self._refreshed = time.monotonic()
                return

    def update(self, found: Mapping[str, Described]) -> None:
        """Compare the topics with those known; a topic that is not in ``found`` is gone."""
        for name in self._names:
            self._update(name, found.get(name))

    def _update(self, name: str, found: Described | None) -> None:
        known = self._known.get(name)
        if found is None:
            raise TopicError(
                f"topic {name} is gone: make it again (`distillwatch topics create`) and start the "
                "workers"
            )
        if known is not None and found.topic_id != known.topic_id:
            raise TopicError(
                f"topic {name} was deleted and made again: start the workers again, they check "
                "whether records were lost"
            )
        grown = known is not None and found.partitions - known.partitions
        if grown and (grown < 0 or name != self._source_topic):
            raise TopicError(
                f"topic {name} has {found.partitions} partitions instead of "
                f"{found.partitions - grown}"
            )
        if grown:
            log.info("topic %s has grown to %d partitions", name, found.partitions)
        self._known[name] = found
        if name == self._source_topic:
            self._source.on_topic_changed(found.partitions, found.topic_id)

    def _describe(self) -> dict[str, Described]:
        with connect(self._kafka) as admin:
            return describe(admin, self._names)
