"""Asks brokers that have gone silent for the reason; their client only tries again, without end."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from stream.errors import BrokerError
from stream.kafka.connection import reach
from stream.kafka.refusal import RefusedError

if TYPE_CHECKING:
    from stream.kafka.settings import KafkaSettings
    from stream.worker.app import WorkerApp
    from stream.worker.runtime import Runtime

log = logging.getLogger(__name__)

_INTERVAL_S: Final = 10.0


class Contact:
    """Stops a worker whose password or certificate the brokers do not take any more."""

    def __init__(self, app: WorkerApp, runtime: Runtime, kafka: KafkaSettings) -> None:
        """Watch whether fetches are answered."""
        self._app = app
        self._runtime = runtime
        self._kafka = kafka

    async def run(self) -> None:
        """Look around for ever; raises RefusedError when trying again will not help."""
        while True:
            await asyncio.sleep(_INTERVAL_S)
            if not self._heard():
                await self._ask()

    def _heard(self) -> bool:
        return any(
            self._app.reader.end(tp, within_s=_INTERVAL_S) is not None
            for tp in self._runtime.positions.all()
        )

    async def _ask(self) -> None:
        try:
            await reach(self._kafka)
        except RefusedError:
            raise
        except BrokerError as error:
            log.warning("%s; the worker goes on trying", error)


async def with_reason(failure: BaseException, kafka: KafkaSettings) -> BaseException:
    """Return the failure of a worker with what the brokers say now, if that may be why."""
    if isinstance(failure, BrokerError) and not isinstance(failure, RefusedError):
        try:
            await reach(kafka)
        except BrokerError as reason:
            return BrokerError(f"{failure}; {reason}")
    return failure
