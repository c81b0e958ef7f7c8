"""Accepts bodies by POST on any path and answers when the brokers have them.

A 200 means durable, so a gateway that retries on every other answer loses nothing (and may repeat).
Memory is bounded: a body that does not fit gets 429 before it is read. Bodies are parsed only to
distinguish the signals of OTLP, and never logged.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from aiohttp import web
from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from stream.core.errors import DecodeError
from stream.http.bearer import Bearer
from stream.http.bridge.cutting import cut, unpacked
from stream.http.bridge.post_answer import PROTOBUF, Outcome, answer
from stream.http.bridge.signals import NOT_METRICS, NOT_THESE_LOGS, Signal, of_json, of_protobuf
from stream.http.listening import listen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aiokafka import AIOKafkaProducer

    from stream.http.bridge.metrics import BridgeMetrics
    from stream.http.bridge.settings import BridgeSettings

_METRICS_PATH: Final = "/v1/metrics"
_STOP_TIMEOUT_S: Final = 20.0


class Bridge:
    """An HTTP server; ``port`` is the one that it really listens on."""

    def __init__(
        self,
        settings: BridgeSettings,
        *,
        topic: str,
        producer: AIOKafkaProducer,
        metrics: BridgeMetrics,
    ) -> None:
        """The caller starts and stops ``producer``."""
        self._settings = settings
        self._bearer = Bearer(settings.tokens, setting="bridge.tokens")
        self._topic = topic
        self._producer = producer
        self._metrics = metrics
        self._pending = 0
        self._runner: web.AppRunner | None = None
        self.port = settings.port

    async def start(self) -> None:
        """Listen, or raise SettingsError in one line when the port is not available."""
        app = web.Application(client_max_size=self._settings.max_body_bytes)
        app.router.add_post("/{path:.*}", self._post)
        # The decompression of aiohttp closes the connection on a corrupt body.
        runner = web.AppRunner(
            app, access_log=None, shutdown_timeout=_STOP_TIMEOUT_S, auto_decompress=False
        )
        host, port = self._settings.host, self._settings.port
        self.port = await listen(runner, host, port, setting="bridge.port")
        self._runner = runner

    async def stop(self) -> None:
        """Accept no more posts and finish those in progress; idempotent."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    async def _post(self, request: web.Request) -> web.Response:
        outcome = self._refusal(request) or await self._outcome(request)
        self._metrics.bridge_requests_total.labels(result=outcome.result).inc()
        return answer(request, outcome)

    def _refusal(self, request: web.Request) -> Outcome | None:
        """Return why a post is refused before it is read."""
        if not self._bearer.allows(request.headers.get("Authorization", "")):
            return Outcome("unauthorized")
        if request.path.rstrip("/") == _METRICS_PATH:
            return Outcome("wrong_signal", NOT_METRICS)
        return None

    async def _outcome(self, request: web.Request) -> Outcome:
        most = self._settings.max_body_bytes
        # A compressed or chunked body does not announce its final size.
        encoding = request.headers.get("Content-Encoding", "").lower()
        size = (None if encoding else request.content_length) or most
        if size > most:
            return Outcome("too_large")
        if self._pending + size > self._settings.max_pending_bytes:
            return Outcome("busy")
        self._reserve(size)
        try:
            return await self._forward(request, unpacked(await request.read(), encoding, most=most))
        except web.HTTPRequestEntityTooLarge:
            return Outcome("too_large")
        except DecodeError as error:
            result = "too_large" if error.reason == "too_large" else "invalid"
            return Outcome(result, error.detail)
        finally:
            self._reserve(-size)

    async def _forward(self, request: web.Request, body: bytes) -> Outcome:
        protobuf = request.content_type == PROTOBUF and bool(body)
        records = [body] if protobuf else cut(body)
        signal = (of_protobuf if protobuf else of_json)(body) if records else Signal()
        if signal.refused:
            return Outcome("wrong_signal", signal.refused)
        result = await self._send(records)
        return Outcome(result, NOT_THESE_LOGS if signal.others else "", rejected=signal.others)

    async def _send(self, records: Sequence[bytes]) -> str:
        try:
            async with asyncio.timeout(self._settings.timeout_s):
                sent = [await self._producer.send(self._topic, record) for record in records]
                await asyncio.gather(*sent)
        except MessageSizeTooLargeError:
            return "too_large"
        except (KafkaError, TimeoutError):
            return "unavailable"
        self._metrics.bridge_records_total.inc(len(records))
        return "accepted"

    def _reserve(self, size: int) -> None:
        self._pending += size
        self._metrics.bridge_pending_bytes.set(self._pending)
