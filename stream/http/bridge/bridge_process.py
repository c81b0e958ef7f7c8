"""Runs the bridge until a signal stops it."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from stream.core.errors import BrokerError, TopicError
from stream.http.bearer import Bearer
from stream.http.bridge.bridge_server import Bridge
from stream.http.bridge.metrics import BridgeMetrics
from stream.http.health import Health
from stream.http.pages import Pages
from stream.kafka.connection import client_options, keep_trying
from stream.kafka.topics import describe, missing

if TYPE_CHECKING:
    from stream.http.bridge.settings import BridgeSettings
    from stream.http.settings import HttpSettings
    from stream.kafka.settings import KafkaSettings, TopicSettings

_STOP_TIMEOUT_S: Final = 5.0
#: Records of several posts share one request to the brokers; this is the added latency.
_LINGER_MS: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class BridgeComponents:
    """The settings that a bridge is built from."""

    bridge: BridgeSettings
    kafka: KafkaSettings
    topics: TopicSettings
    http: HttpSettings


def run(components: BridgeComponents) -> None:
    """Run until SIGTERM or SIGINT; raises what makes it fail."""
    Bearer(components.bridge.tokens, setting="bridge.tokens")  # fails early on invalid tokens
    topic = components.topics.requests
    if not keep_trying(components.kafka, lambda admin: describe(admin, [topic])):
        raise TopicError(missing(topic))
    asyncio.run(_serve(components))


async def _serve(components: BridgeComponents) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    metrics = BridgeMetrics()
    health = Health(stalled_after_s=components.http.stalled_after_s)
    async with contextlib.AsyncExitStack() as cleanup:
        pages = Pages(components.http, registry=metrics.registry, health=health)
        await pages.start()
        cleanup.push_async_callback(pages.stop)
        producer = await _producer(components.kafka, components.topics)
        cleanup.push_async_callback(_stop_producer, producer)
        bridge = Bridge(
            components.bridge, topic=components.topics.requests, producer=producer, metrics=metrics
        )
        await bridge.start()
        cleanup.push_async_callback(bridge.stop)
        health.recovered = health.consuming = True
        await stop.wait()


async def _producer(kafka: KafkaSettings, topics: TopicSettings) -> AIOKafkaProducer:
    producer = AIOKafkaProducer(
        **client_options(kafka),
        acks="all",
        enable_idempotence=kafka.transactions,
        compression_type=None if kafka.compression == "none" else kafka.compression,
        max_request_size=topics.max_record_bytes,
        linger_ms=_LINGER_MS,
    )
    try:
        await producer.start()
    except KafkaError as error:
        raise BrokerError(f"the bridge cannot send: {type(error).__name__} {error}") from error
    return producer


async def _stop_producer(producer: AIOKafkaProducer) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_STOP_TIMEOUT_S):
            await producer.stop()
