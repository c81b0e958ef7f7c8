"""Whether the source topic is still the one that was read, and how many partitions it has by now.

It may grow: whoever hears the source stage must wait for the new partitions before a step closes
without them, so growth is noticed sooner than a step can end after it (``windows.grace_s``). It may
be deleted and made again: its records are numbered anew, so reading on would skip some of them.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Final

from stream.errors import BrokerError, TopicError
from stream.kafka.connection import connect
from stream.kafka.refusal import RefusedError
from stream.kafka.topics import Described, describe

if TYPE_CHECKING:
    from stream.kafka.settings import KafkaSettings
    from stream.worker.app import WorkerApp
    from stream.worker.lanes import Source

log = logging.getLogger(__name__)

_INTERVAL_S: Final = 1.0
#: Only the brokers know which topic it is; asking them takes a connection.
_ASK_EVERY_S: Final = 30.0
_RETRY_S: Final = 1.0


class SourceTopic:
    """What is known of the source topic; tells the source stage when it changes."""

    def __init__(self, stage: Source, kafka: KafkaSettings, name: str) -> None:
        """Know nothing until :meth:`ask`."""
        self._stage = stage
        self._kafka = kafka
        self._name = name
        self._known: Described | None = None
        self._asked = 0.0  # monotonic

    async def watch(self, app: WorkerApp) -> None:
        """Notice for ever what happens to the topic; raises TopicError when it is another one."""
        while True:
            await asyncio.sleep(_INTERVAL_S)
            if self._known is None:
                continue  # nothing of it was ever read
            seen = app.reader.partitions(self._name)
            if seen is not None and seen > self._known.partitions:
                self.learn(Described(seen, self._known.topic_id))
            if seen is None or time.monotonic() - self._asked > _ASK_EVERY_S:
                await self.ask()

    async def ask(self) -> None:
        """Ask the brokers until one answers."""
        while True:
            try:
                found = await asyncio.to_thread(self._describe)
            except RefusedError:
                raise
            except BrokerError as error:
                log.warning("%s; asked again in %g s", error, _RETRY_S)
                await asyncio.sleep(_RETRY_S)
            else:
                self._asked = time.monotonic()
                self.learn(found)
                return

    def learn(self, found: Described | None) -> None:
        """Take note of what the topic is now."""
        known, name = self._known, self._name
        if found is None:
            raise TopicError(
                f"topic {name} is gone: make it again (`distillwatch topics create`) and start the "
                "workers, they count its records from the first"
            )
        if known is not None and found.topic_id != known.topic_id:
            raise TopicError(
                f"topic {name} was deleted and made again: start the workers again, they count the "
                "new records from the first and keep what they know"
            )
        if known is not None and found.partitions < known.partitions:
            raise TopicError(
                f"topic {name} has {found.partitions} partitions, it had {known.partitions}"
            )
        if known is not None and found.partitions > known.partitions:
            log.info("topic %s has grown to %d partitions", name, found.partitions)
        self._known = found
        self._stage.know(found.partitions, found.topic_id)

    def _describe(self) -> Described | None:
        with connect(self._kafka) as admin:
            return describe(admin, self._name)
