"""Keeps every Alertmanager of a cluster told of the open incidents (API v2).

It is no queue: like Prometheus it posts the whole state again and again, to each replica, so that
none needs to remember and none can miss an end. The state is on the alerts topic, of which each
worker reads its partitions from their beginning whenever it gets them.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from typing import TYPE_CHECKING, Any, Final

import aiohttp
import msgspec
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener
from aiokafka.errors import KafkaError

from stream.core.alerts import alert_in
from stream.core.errors import SettingsError
from stream.core.secret import Secret
from stream.delivery.dispatch import told
from stream.delivery.metrics import ATTEMPT_RESULTS, DELIVERY_RESULTS
from stream.delivery.open_alerts import OpenAlerts
from stream.delivery.sink import RANK, group_of
from stream.delivery.target import open_socket, read_target, tls_context
from stream.delivery.topic_reader import METADATA_AGE_MS, TopicReader, close_consumer, written_s
from stream.telemetry.declaration import OVERFLOW

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aiokafka import ConsumerRecord, TopicPartition
    from yarl import URL

    from stream.delivery.metrics import DeliveryMetrics
    from stream.delivery.settings import AlertmanagerSettings

_LOG = logging.getLogger("stream.delivery.alertmanager")
NAME: Final = "alertmanager"
_API: Final = "api/v2/alerts"
_POLL_S: Final = 0.5
_MOST_RECORDS: Final = 256
#: Alerts of one post.
_TOGETHER: Final = 256
#: Until the next try when no replica has taken the last.
_RETRY_S: Final = 5.0
#: Brokers that are away must not keep what stands from being posted.
_COMMIT_S: Final = 5.0
#: An incident outlives so many rounds without a post.
_ROUNDS: Final = 4
_TAKEN: Final = "2xx"
#: After these the next part is worth a try: of a bad alert only its own part may be refused.
_ANSWERS: Final = frozenset({_TAKEN, "4xx"})
#: More states than that without a replica are counted as so many.
_MOST_NEWS: Final = 100_000


class Alertmanager(TopicReader):
    """Reads the alerts topic and posts what stands; raises SettingsError for bad addresses."""

    def __init__(
        self,
        settings: AlertmanagerSettings,
        *,
        topic: str,
        app: str,
        connection: Mapping[str, Any],
        metrics: DeliveryMetrics,
    ) -> None:
        """Prepare to read ``topic``; ``connection`` goes to aiokafka as it is."""
        super().__init__(NAME, topic, metrics, stop_grace_s=settings.timeout_s)
        self._settings = settings
        self._urls = read_urls(settings)
        self._tls = tls_context(NAME, settings.ssl_cafile)
        self._metrics = metrics
        for result in DELIVERY_RESULTS:  # from 0: a rate does not see the first of a series
            metrics.sink_deliveries_total.labels(sink=NAME, result=result)
        self._options = {
            **connection,
            "group_id": group_of(app, NAME),
            "client_id": group_of(app, NAME),
            # Committed only to be seen: whoever gets a partition reads the whole of it.
            "enable_auto_commit": False,
            "auto_offset_reset": "earliest",
            "metadata_max_age_ms": METADATA_AGE_MS,
        }
        self._minimum = RANK[settings.minimum_severity]
        self._open_alerts = OpenAlerts()
        #: Partition -> where its end was when we got it; empty: we know all that there is.
        self._unread: dict[TopicPartition, int] = {}
        #: When the states were written that no replica has yet, epoch seconds.
        self._news: deque[float] = deque(maxlen=_MOST_NEWS)
        #: What became of the last alert of a drill: see stream.tools.drill.
        self._drills: dict[TopicPartition, str] = {}
        self._committed: dict[TopicPartition, int] = {}
        self._session: aiohttp.ClientSession | None = None
        self._answers: dict[URL, str] = {}

    async def _consume(self) -> None:
        consumer = AIOKafkaConsumer(**self._options)
        next_s = 0.0
        try:
            consumer.subscribe([self._topic], listener=_Assignment(self, consumer))
            await consumer.start()
            while not self._stopping.is_set():
                batches = await consumer.getmany(
                    timeout_ms=int(_POLL_S * 1000), max_records=_MOST_RECORDS
                )
                self._failures = 0
                heard = self._hear(batches)
                await self._advance(consumer)
                now_s = time.monotonic()
                if not self._unread and (heard or now_s >= next_s):
                    done = await self._post_all()
                    next_s = now_s + (self._settings.resend_s if done else _RETRY_S)
                if not self._unread and not self._news:
                    await self._commit(consumer)
        finally:
            await close_consumer(consumer)

    async def _forget(self) -> None:
        self._open_alerts = OpenAlerts()
        self._committed.clear()
        self._unread.clear()
        self._news.clear()

    async def _close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _hear(self, batches: Mapping[TopicPartition, Sequence[ConsumerRecord]]) -> bool:
        """Put records on the open_alerts; return whether any of them is news."""
        heard = False
        for partition, records in batches.items():
            for record in records:
                alert = alert_in(record.value)
                if alert is None:
                    self._count("invalid")
                    continue
                if alert.refresh:  # posted with the next round: it is no news
                    self._open_alerts.renew(alert)
                    continue
                if alert.drill and self._settings.drills == "skip":
                    self._drills[partition] = told(alert, "skipped")
                    self._count("skipped")
                    continue
                if alert.drill:
                    self._drills[partition] = told(alert, "delivered")
                elif alert.status == "firing" and RANK[alert.severity] < self._minimum:
                    self._count("filtered")
                    continue
                at_s = written_s(record)
                self._open_alerts.hear(partition.partition, alert, at_s)
                if partition not in self._unread:
                    self._news.append(at_s)
                    heard = True
        return heard

    async def _commit(self, consumer: AIOKafkaConsumer) -> None:
        """Say up to where the replicas know everything; posting goes on when that fails."""
        try:
            async with asyncio.timeout(_COMMIT_S):
                reached = {tp: await consumer.position(tp) for tp in consumer.assignment()}
                if reached != self._committed:
                    said = self._drills
                    await consumer.commit({tp: (o, said.get(tp, "")) for tp, o in reached.items()})
                    self._committed = reached
        except (KafkaError, TimeoutError) as error:
            _LOG.info("%s: no commit: %s", NAME, str(error) or type(error).__name__)

    async def _advance(self, consumer: AIOKafkaConsumer) -> None:
        for partition, end in list(self._unread.items()):
            if partition in consumer.assignment() and await consumer.position(partition) >= end:
                self._unread.pop(partition, None)

    async def _post_all(self) -> bool:
        """Post what stands to every replica; return whether one has it."""
        posts = self._open_alerts.posts(time.time(), keep_s=_ROUNDS * self._settings.resend_s)
        parts = [posts[i : i + _TOGETHER] for i in range(0, len(posts), _TOGETHER)]
        told = any(await asyncio.gather(*(self._tell(url, parts) for url in self._urls)))
        if told:
            self._count("delivered", len(self._news))
            self._news.clear()
        labels = {"sink": NAME}
        self._metrics.sink_queue_length.labels(**labels).set(len(self._news))
        oldest_s = time.time() - min(self._news) if self._news else 0.0
        self._metrics.sink_oldest_seconds.labels(**labels).set(max(oldest_s, 0.0))
        return told

    async def _tell(self, url: URL, parts: Sequence[Sequence[dict[str, Any]]]) -> bool:
        """Post to one replica; log when it begins or ceases to take alerts."""
        answers = []
        for part in parts:
            answers.append(await self._post(url, part))
            family = answers[-1] if answers[-1] in ATTEMPT_RESULTS else OVERFLOW
            self._metrics.sink_attempts_total.labels(sink=NAME, result=family).inc()
            if answers[-1] not in _ANSWERS:
                break  # it is away, and each try would take its time
        if not answers:
            return True
        worst = next((answer for answer in answers if answer != _TAKEN), _TAKEN)
        if worst != self._answers.get(url, _TAKEN):
            level = logging.INFO if worst == _TAKEN else logging.WARNING
            _LOG.log(level, "%s: %s answers %s", NAME, url.origin(), worst)
        self._answers[url] = worst
        return worst == _TAKEN

    async def _post(self, url: URL, alerts: Sequence[dict[str, Any]]) -> str:
        headers = {"Content-Type": "application/json", "User-Agent": "distillwatch"}
        if self._settings.authorization:
            headers["Authorization"] = self._settings.authorization.reveal()
        try:
            async with self._connect().post(
                url, data=msgspec.json.encode(alerts), headers=headers, allow_redirects=False
            ) as response:
                return f"{response.status // 100}xx"
        except TimeoutError:
            return "timeout"
        except aiohttp.ClientSSLError:
            return "untrusted"
        except (aiohttp.ClientError, OSError):
            return "unreachable"

    def _connect(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=self._settings.timeout_s),
                cookie_jar=aiohttp.DummyCookieJar(),
                connector=aiohttp.TCPConnector(ssl=self._tls, socket_factory=open_socket),
            )
        return self._session

    def _count(self, result: str, number: int = 1) -> None:
        self._metrics.sink_deliveries_total.labels(sink=NAME, result=result).inc(number)

    async def _assigned(
        self, consumer: AIOKafkaConsumer, partitions: Sequence[TopicPartition]
    ) -> None:
        if partitions:
            begins = await consumer.beginning_offsets(list(partitions))
            self._unread = dict(await consumer.end_offsets(list(partitions)))
            for partition, first in begins.items():
                consumer.seek(partition, first)

    def _revoked(self, partitions: Sequence[TopicPartition]) -> None:
        for partition in partitions:
            self._open_alerts.forget(partition.partition)
            self._unread.pop(partition, None)


class _Assignment(ConsumerRebalanceListener):
    """Says which partitions are ours."""

    def __init__(self, reader: Alertmanager, consumer: AIOKafkaConsumer) -> None:
        self._reader = reader
        self._consumer = consumer

    async def on_partitions_revoked(self, revoked: list[TopicPartition]) -> None:
        self._reader._revoked(revoked)  # noqa: SLF001 - its other half

    async def on_partitions_assigned(self, assigned: list[TopicPartition]) -> None:
        await self._reader._assigned(self._consumer, assigned)  # noqa: SLF001 - its other half


def read_urls(settings: AlertmanagerSettings) -> tuple[URL, ...]:
    """Return where each replica takes alerts, or raise SettingsError."""
    urls = settings.urls.reveal().split()
    if not urls:
        raise SettingsError("alertmanager.urls: missing")
    return tuple(
        read_target(NAME, Secret(url), insecure=settings.allow_insecure) / _API for url in urls
    )
