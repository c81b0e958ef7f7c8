"""The Faust app of a worker: its settings, its agents, its transport; it computes nothing.

One agent for each stage. They take carriers as they come and hand them to the runtime: what a
stage does with its records is the pipeline's business.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Final

import faust

from stream.kafka.connection import servers, ssl_context
from stream.kafka.topics import STATE_TOPICS, topic_of
from stream.worker.tasks import STAGE_OF
from stream.worker.transport import CarrierConsumer, CarrierTransport

if TYPE_CHECKING:
    from collections.abc import AsyncIterable

    from faust.auth import Credentials

    from stream.kafka.settings import KafkaSettings, TopicSettings
    from stream.worker.carrier import Carrier
    from stream.worker.runtime import Runtime

log = logging.getLogger(__name__)

#: Carriers that may wait for a stage; each holds up to ``kafka.fetch_bytes``.
_BUFFERED: Final = 2
#: How late a new partition of the source topic may be noticed (see stream.worker.inputs).
_METADATA_AGE_S: Final = 3.0


class CarrierSchema(faust.Schema):
    """Hands carriers on as they are."""

    def loads_key(self, app: object, message: object, **_: object) -> None:
        """Return no key: a carrier has many."""
        del app, message

    def loads_value(self, app: object, message: Any, **_: object) -> Carrier:  # noqa: ANN401
        """Return the carrier."""
        del app
        carrier: Carrier = message.value
        return carrier


class WorkerApp(faust.App):
    """A Faust app that reads carriers for a runtime."""

    def __init__(self, runtime: Runtime, *args: Any, **options: Any) -> None:  # noqa: ANN401
        """Take Faust's options."""
        self.runtime = runtime
        super().__init__(*args, **options)

    def _new_transport(self) -> CarrierTransport:
        return CarrierTransport(self.conf.broker_consumer, self)

    def _create_directories(self) -> None:
        """Make none: the worker writes no file, so a read-only or full disk does not matter."""

    @property
    def reader(self) -> CarrierConsumer:
        """Return the consumer."""
        consumer: CarrierConsumer = self.consumer
        return consumer


def create_app(kafka: KafkaSettings, topics: TopicSettings, runtime: Runtime) -> WorkerApp:
    """Return the app with one agent for each stage; nothing connects before it is started."""
    app = WorkerApp(
        runtime,
        kafka.app_id,
        broker=[f"kafka://{_host(host)}:{port}" for host, port in servers(kafka)],
        broker_credentials=_credentials(kafka),
        broker_session_timeout=kafka.session_timeout_s,
        broker_heartbeat_interval=kafka.heartbeat_interval_s,
        broker_request_timeout=max(kafka.request_timeout_s, kafka.session_timeout_s),
        broker_commit_interval=kafka.commit_interval_s,
        broker_commit_every=None,
        # Every partition is sought to where it goes on; what is not there any more is an error.
        consumer_auto_offset_reset="none",
        consumer_metadata_max_age_ms=int(_METADATA_AGE_S * 1000),
        consumer_max_fetch_size=kafka.fetch_bytes,
        stream_buffer_maxsize=_BUFFERED,
        # Only so that a revocation waits for the carrier at hand (CarrierConsumer.wait_empty).
        stream_wait_empty=True,
        # No tables: their durability is per message, ours per flush (see stream.worker.state).
        table_standby_replicas=0,
        stream_recovery_delay=0.0,
        store="memory://",
        # Topics are made by `distillwatch topics create` and checked before the start.
        topic_allow_declare=False,
        topic_disable_leader=True,
        web_enabled=False,
        autodiscover=False,
    )
    _add_agent(app, "intake", topics.requests)
    for role in STATE_TOPICS:
        _add_agent(app, STAGE_OF[role], topic_of(topics, role))
    for topic in runtime.tasks.stages.people:
        _add_agent(app, f"people {topic}", topic)
    return app


def _add_agent(app: WorkerApp, name: str, topic: str) -> None:
    async def run(stream: Any) -> None:  # noqa: ANN401 - a Faust stream
        carriers: AsyncIterable[Carrier] = stream.noack()
        async for carrier in carriers:
            try:
                await app.runtime.take(carrier)
            except Exception:  # noqa: BLE001 - the runtime has it, and stops the worker
                # Faust would restart the agent in place, over and over.
                await asyncio.Event().wait()

    app.agent(app.topic(topic, schema=CarrierSchema(), internal=False), name=name)(run)


def _host(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _credentials(kafka: KafkaSettings) -> Credentials | None:
    context = ssl_context(kafka)
    if kafka.security_protocol.startswith("SASL_"):
        return faust.SASLCredentials(
            username=kafka.username,
            password=kafka.password.reveal(),
            ssl_context=context,
            mechanism=kafka.sasl_mechanism,
        )
    return faust.SSLCredentials(context) if context is not None else None
