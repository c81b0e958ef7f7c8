"""Writes what an enforcer has done to the effects topic, every few seconds, while it answers."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, Final

import msgspec

from stream.delivery.topic_reader import wait

if TYPE_CHECKING:
    from prometheus_client import Counter

    from stream.decisions.tallies import Tallies
    from stream.enforcement.decision_writer import DecisionWriter

_LOG = logging.getLogger("stream.enforcement.effect_writer")
#: Reports that are written together: to make and sign one takes 4 us (measured), and answers wait.
_PORTION: Final = 200
_STOP_WITHIN_S: Final = 2.0


class EffectWriter:
    """``start`` and ``stop`` it beside the enforcer; without brokers, reports wait."""

    def __init__(
        self, tallies: Tallies, writer: DecisionWriter, *, every_s: float, failures: Counter
    ) -> None:
        """Write what ``tallies`` have counted through ``writer``; ``failures`` counts errors."""
        self._tallies, self._writer = tallies, writer
        self._every_s = every_s
        self._failures = failures
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start in the background."""
        self._task = asyncio.create_task(self._run(), name="effect-writer")

    async def stop(self) -> None:
        """Write what is left, within two seconds, and close the connection; idempotent."""
        task, self._task = self._task, None
        if task is not None:
            self._stopping.set()
            await asyncio.wait([task], timeout=_STOP_WITHIN_S)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        await self._writer.close()

    async def _run(self) -> None:
        stopping = False
        while not stopping:
            await wait(self._stopping, self._every_s)
            stopping = self._stopping.is_set()
            # A broker that is away is no reason to stop answering, and nothing is lost by waiting.
            with contextlib.suppress(Exception):
                await self._write()

    async def _write(self) -> None:
        while reports := self._tallies.take(_PORTION):
            try:
                await self._writer.append(
                    (one.key.encode(), msgspec.json.encode(one)) for one in reports
                )
            except BaseException as error:
                self._tallies.put_back(reports)
                self._failures.inc()
                _LOG.warning("effects cannot be written: %s", str(error) or type(error).__name__)
                raise
