"""Whether the topics that are read are still the ones that were read, and how large the source is.

The source topic may grow: whoever hears the source stage must wait for the new partitions before a
step closes without them, so growth is noticed sooner than a step can end after it
(``windows.allowed_lateness_s``). A topic may be deleted and made again: its records are numbered
anew, so reading on would skip some of them.
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
    from stream.worker.app import WorkerApp
    from stream.worker.tasks import Source

log = logging.getLogger(__name__)

_INTERVAL_S: Final = 1.0
#: Only the brokers know which topic it is; asking them takes a connection.
_ASK_EVERY_S: Final = 30.0
_RETRY_S: Final = 1.0


class Inputs:
    """The topics that a worker reads; tells the source stage when its own changes."""

    def __init__(self, source: Source, kafka: KafkaSettings, topics: TopicSettings) -> None:
        """Know nothing until :meth:`ask`."""
        self._stage = source
        self._kafka = kafka
        self._source = topics.requests
        self._names = (topics.requests, *(topic_of(topics, role) for role in STATE_TOPICS))
        self._known: dict[str, Described] = {}
        self._asked = 0.0  # monotonic

    def topic_id(self, name: str) -> str:
        """Return which topic of that name is read; "" when the brokers do not tell."""
        return self._known[name].topic_id

    async def watch(self, app: WorkerApp) -> None:
        """Notice for ever what happens to the topics; raises TopicError when one is another."""
        while True:
            await asyncio.sleep(_INTERVAL_S)
            known = self._known.get(self._source)
            if known is None:
                continue  # nothing was ever read
            seen = app.reader.partitions(self._source)
            if seen is not None and seen > known.partitions:
                self._learn(self._source, Described(seen, known.topic_id))
            if seen is None or time.monotonic() - self._asked > _ASK_EVERY_S:
                await self.ask()

    async def ask(self) -> None:
        """Ask the brokers until one answers."""
        while True:
            try:
                self.learn(await asyncio.to_thread(self._describe))
            except RefusedError:
                raise
            except BrokerError as error:
                log.warning("%s; asked again in %g s", error, _RETRY_S)
                await asyncio.sleep(_RETRY_S)
            else:
                self._asked = time.monotonic()
                return

    def learn(self, found: Mapping[str, Described]) -> None:
        """Take note of what the topics are now; those that are missing in ``found`` are gone."""
        for name in self._names:
            self._learn(name, found.get(name))

    def _learn(self, name: str, found: Described | None) -> None:
        known = self._known.get(name)
        if found is None:
            raise TopicError(
                f"topic {name} is gone: make it again (`distillwatch topics create`) and start the "
                "workers"
            )
        if known is not None and found.topic_id != known.topic_id:
            raise TopicError(
                f"topic {name} was deleted and made again: start the workers again, they say "
                "whether that does harm"
            )
        grown = known is not None and found.partitions - known.partitions
        if grown and (grown < 0 or name != self._source):
            raise TopicError(
                f"topic {name} has {found.partitions} partitions instead of "
                f"{found.partitions - grown}"
            )
        if grown:
            log.info("topic %s has grown to %d partitions", name, found.partitions)
        self._known[name] = found
        if name == self._source:
            self._stage.on_topic_changed(found.partitions, found.topic_id)

    def _describe(self) -> dict[str, Described]:
        with connect(self._kafka) as admin:
            return describe(admin, self._names)
