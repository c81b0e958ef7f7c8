"""The Faust app of a worker: its settings, its agents, its transport; it computes nothing.

It has one agent for each stage, which passes record batches to the runtime.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

import faust

from stream.kafka.connection import servers, ssl_context
from stream.kafka.topics import STAGE_OF, STATE_TOPICS, topic_of
from stream.worker.transport import RecordBatchConsumer, RecordBatchTransport

if TYPE_CHECKING:
    from collections.abc import AsyncIterable

    from faust.auth import Credentials

    from stream.kafka.settings import KafkaSettings, TopicSettings
    from stream.worker.broker_view import BrokerView
    from stream.worker.record_batch import RecordBatch
    from stream.worker.runtime import Runtime

log = logging.getLogger(__name__)

#: Record batches in a queue of Faust. Agents empty it at once into the runtime's queue, which has
#: the bound; Faust must not stop to fetch (see stream.worker.fetch_queue).
_BUFFERED: Final = 1_000_000
#: How late a new partition of the source topic may be noticed (see stream.worker.topic_monitor).
_METADATA_AGE_S: Final = 3.0


class RecordBatchSchema(faust.Schema):
    """Passes record batches on unchanged."""

    def loads_key(self, app: object, message: object, **_: object) -> None:
        """Return no key: a batch has many."""
        del app, message

    def loads_value(self, app: object, message: Any, **_: object) -> RecordBatch:  # noqa: ANN401
        """Return the batch."""
        del app
        batch: RecordBatch = message.value
        return batch


class WorkerApp(faust.App):
    """A Faust app that reads record batches for a runtime."""

    def __init__(self, runtime: Runtime, *args: Any, **options: Any) -> None:  # noqa: ANN401
        """Take Faust's options."""
        self.runtime = runtime
        super().__init__(*args, **options)

    def _new_transport(self) -> RecordBatchTransport:
        return RecordBatchTransport(self.conf.broker_consumer, self)

    def _create_directories(self) -> None:
        """Do nothing: the worker writes no file, so a read-only or full disk does not matter."""

    @property
    def view(self) -> BrokerView:
        """Return what the consumer knows about partitions."""
        consumer: RecordBatchConsumer = self.consumer
        return consumer.view


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
        # The runtime seeks every partition; an offset that does not exist any more is an error.
        consumer_auto_offset_reset="none",
        consumer_metadata_max_age_ms=int(_METADATA_AGE_S * 1000),
        consumer_max_fetch_size=kafka.fetch_bytes,
        stream_buffer_maxsize=_BUFFERED,
        # Makes a revocation wait for the current batch (RecordBatchConsumer.wait_empty).
        stream_wait_empty=True,
        # No tables: they are durable by message, ours by checkpoint (see stream.worker.changelog).
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
    for topic in runtime.tasks.stages.feedback:
        _add_agent(app, f"feedback {topic}", topic)
    return app


def _add_agent(app: WorkerApp, name: str, topic: str) -> None:
    async def run(stream: Any) -> None:  # noqa: ANN401 - a Faust stream
        batches: AsyncIterable[RecordBatch] = stream.noack()
        async for batch in batches:
            app.runtime.take(batch)

    app.agent(app.topic(topic, schema=RecordBatchSchema(), internal=False), name=name)(run)


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
