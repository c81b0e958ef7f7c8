"""Takes bodies by POST on any path and answers when the brokers have them.

It answers 200 only for what is durable, so a gateway that tries again on anything else loses
nothing (and may repeat). Memory is bounded: what does not fit is told to wait before it is read.
Bodies are neither decoded nor logged.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from aiohttp import web
from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from stream.bridge.cutting import cut, unpacked
from stream.bridge.metrics import RESULTS
from stream.errors import DecodeError
from stream.sinks.bearer import Bearer
from stream.sinks.listening import listen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aiokafka import AIOKafkaProducer

    from stream.bridge.metrics import BridgeMetrics
    from stream.bridge.settings import BridgeSettings

_PROTOBUF: Final = "application/x-protobuf"
_RETRY_AFTER_S: Final = 1
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
        """``producer`` is started and stopped by whoever made it."""
        self._settings = settings
        self._bearer = Bearer(settings.tokens, setting="bridge.tokens")
        self._topic = topic
        self._producer = producer
        self._metrics = metrics
        self._pending = 0
        self._runner: web.AppRunner | None = None
        self.port = settings.port

    async def start(self) -> None:
        """Listen, or raise SettingsError in one line when the port cannot be had."""
        app = web.Application(client_max_size=self._settings.max_body_bytes)
        app.router.add_post("/{path:.*}", self._take)
        # aiohttp's own unpacking ends the connection where a body is broken.
        runner = web.AppRunner(
            app, access_log=None, shutdown_timeout=_STOP_TIMEOUT_S, auto_decompress=False
        )
        host, port = self._settings.host, self._settings.port
        self.port = await listen(runner, host, port, setting="bridge.port")
        self._runner = runner

    async def stop(self) -> None:
        """Take no more, finish what has come; again is harmless."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    async def _take(self, request: web.Request) -> web.Response:
        result = await self._result(request)
        self._metrics.requests.labels(result=result).inc()
        return _answer(request, result)

    async def _result(self, request: web.Request) -> str:
        if not self._bearer.allows(request.headers.get("Authorization", "")):
            return "unauthorized"
        most = self._settings.max_body_bytes
        # Packed or in chunks it does not say how long it will be.
        encoding = request.headers.get("Content-Encoding", "").lower()
        size = (None if encoding else request.content_length) or most
        if size > most:
            return "too_large"
        if self._pending + size > self._settings.max_pending_bytes:
            return "busy"
        self._hold(size)
        try:
            body = unpacked(await request.read(), encoding, most=most)
            return await self._send(_records(request, body))
        except web.HTTPRequestEntityTooLarge:
            return "too_large"
        except DecodeError as error:
            return "too_large" if error.reason == "too_large" else "invalid"
        finally:
            self._hold(-size)

    async def _send(self, records: Sequence[bytes]) -> str:
        try:
            async with asyncio.timeout(self._settings.timeout_s):
                sent = [await self._producer.send(self._topic, record) for record in records]
                await asyncio.gather(*sent)
        except MessageSizeTooLargeError:
            return "too_large"
        except (KafkaError, TimeoutError):
            return "unavailable"
        self._metrics.records.inc(len(records))
        return "accepted"

    def _hold(self, size: int) -> None:
        self._pending += size
        self._metrics.pending.set(self._pending)


def _records(request: web.Request, body: bytes) -> list[bytes]:
    return [body] if request.content_type == _PROTOBUF and body else cut(body)


def _answer(request: web.Request, result: str) -> web.Response:
    status = RESULTS[result]
    headers = {"Server": "distillwatch"}
    if result in {"busy", "unavailable"}:
        headers["Retry-After"] = str(_RETRY_AFTER_S)
    if result == "accepted":
        # As OTLP over HTTP has it: an empty answer of the same kind.
        if request.content_type == _PROTOBUF:
            return web.Response(status=status, headers=headers, content_type=_PROTOBUF)
        return web.json_response({}, status=status, headers=headers)
    return web.json_response({"error": result}, status=status, headers=headers)
