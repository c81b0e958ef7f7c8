"""Posts alerts to one address by HTTP with retries, unencrypted only where that is allowed.

Subclasses write the body and its headers. Delivery is at least once. Redirects are not followed;
of an answer only status and Retry-After are read; the path of the address, secrets and bodies are
never logged.

An alert that the receiver will never accept is dropped after a few tries. Everything else, a wrong
address or secret included, is retried for ``retry_for_s``: an operator corrects it meanwhile, and
the alerts of that time must not be lost. After 410 nothing is posted and nothing is dropped: the
topic keeps the alerts until a restart with another address.
"""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from functools import partial
from itertools import count
from random import Random
from typing import TYPE_CHECKING, Final, NotRequired, TypedDict, Unpack

import aiohttp

from stream.delivery.backoff import full_jitter
from stream.delivery.receiver_answer import ReceiverAnswer, answered, failed
from stream.delivery.target import open_socket, read_target, tls_context
from stream.delivery.time_source import Clock

if TYPE_CHECKING:
    from stream.core.alerts import Alert
    from stream.delivery.message import Message
    from stream.delivery.metrics import DeliveryMetrics
    from stream.delivery.settings import PostSettings
    from stream.delivery.sink import Delivery, Outcome

_LOG = logging.getLogger("stream.delivery.posting")
#: This many failed tries in a row, of any alerts, are an outage; a success ends it (assumed).
_OUTAGE_TRIES: Final = 3


class Edges(TypedDict):
    """Arguments of every sink that posts; a test replaces clock and random."""

    metrics: DeliveryMetrics
    page: NotRequired[str]  # address of the page that messages link to
    clock: NotRequired[Clock]
    random: NotRequired[Random]


class PostingSink(ABC):
    """A sink that posts to one address; raises SettingsError when it must not be used."""

    name: str

    def __init__(self, settings: PostSettings, **edges: Unpack[Edges]) -> None:
        """Check the address; connect with the first alert."""
        self._settings = settings
        self._url = read_target(self.name, settings.url, insecure=settings.allow_insecure)
        self._metrics = edges["metrics"]
        self._page = edges.get("page", "")
        self._clock = edges.get("clock") or Clock()
        self._random = edges.get("random") or Random()
        self._slots = asyncio.Semaphore(settings.concurrency)
        self._tls = tls_context(self.name, settings.ssl_cafile)
        self._session: aiohttp.ClientSession | None = None
        self._paused_until = 0.0  # monotonic; the receiver requested a delay
        self._failing = 0  # failed tries since the last success, of all alerts
        self._recovered = asyncio.Event()
        self._metrics.sink_disabled.labels(sink=self.name).set(0)
        self.disabled = False

    def prepare(self, alert: Alert) -> Delivery:
        """Return the delivery of the alert; its time starts now."""
        message = self._write(alert)
        return partial(self._deliver, alert.alert_id, message, self._clock.monotonic())

    @abstractmethod
    def _write(self, alert: Alert) -> Message:
        """Return the message of one state of one incident."""

    def _headers(self, message: Message, now_s: float) -> dict[str, str]:  # noqa: ARG002 - for those that sign
        """Return additional headers of a try at ``now_s``, epoch seconds."""
        return {}

    async def _deliver(self, alert_id: str, message: Message, since: float) -> Outcome:
        """Post until accepted, rejected or out of time."""
        refusals = 0
        for failures in count(1):
            answer = await self._try(message)
            if answer.is_accepted:
                return "delivered"
            refusals += answer.is_refused
            if refusals >= self._settings.refused_tries:
                _LOG.error("%s: alert %s dropped: %s", self.name, alert_id, answer.text)
                return "rejected"
            pause = max(self._backoff(failures), answer.delay_s)
            if self._clock.monotonic() + pause - since > self._settings.retry_for_s:
                _LOG.error(
                    "%s: alert %s dropped after %d tries, the last: %s",
                    self.name,
                    alert_id,
                    failures,
                    answer.text,
                )
                return "timed_out"
            _LOG.warning(
                "%s: alert %s not accepted (try %d): %s; retry in %.1f s",
                self.name,
                alert_id,
                failures,
                answer.text,
                pause,
            )
            await self._pause(pause)
        raise AssertionError  # the count never ends

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _try(self, message: Message) -> ReceiverAnswer:
        """Post once a slot is free; never returns after the sink is disabled."""
        async with self._slots:
            while not self.disabled and (pause := self._paused_until - self._clock.monotonic()) > 0:
                await self._clock.sleep(pause)
            if not self.disabled:
                answer = await self._post(message)
                self._note(answer)
                if not answer.is_gone:
                    return answer
        # Unfinished and so not committed: it is delivered after a restart.
        await asyncio.Event().wait()
        raise AssertionError  # the event is never set

    def _note(self, answer: ReceiverAnswer) -> None:
        """Apply an answer to all alerts: delay, end of an outage, disabling."""
        self._metrics.sink_attempts_total.labels(sink=self.name, result=answer.result).inc()
        if answer.delay_s:
            until = self._clock.monotonic() + answer.delay_s
            self._paused_until = max(self._paused_until, until)
        if answer.is_gone:
            self._disable()
        elif answer.is_accepted:
            if self._failing >= _OUTAGE_TRIES:
                self._recovered.set()  # wakes only those that pause now
                self._recovered.clear()
            self._failing = 0
        elif not answer.is_refused:
            self._failing += 1

    async def _pause(self, pause_s: float) -> None:
        """Wait ``pause_s``, or until the success of another alert ends the outage."""
        ends = [
            asyncio.ensure_future(self._clock.sleep(pause_s)),
            asyncio.ensure_future(self._recovered.wait()),
        ]
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for end in ends:
                end.cancel()

    async def _post(self, message: Message) -> ReceiverAnswer:
        try:
            async with self._connect().post(
                self._url,
                data=message.body.encode(),
                headers={
                    "Content-Type": "application/json",
                    "User-Agent": "distillwatch",
                    **self._headers(message, self._clock.wall()),
                },
                allow_redirects=False,
            ) as response:
                return answered(
                    response.status,
                    response.headers,
                    now_s=self._clock.wall(),
                    longest_s=self._settings.longest_retry_s,
                )
        except Exception as error:  # noqa: BLE001 - no error may stop the retries
            return failed(error, timeout_s=self._settings.timeout_s)

    def _connect(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=self._settings.timeout_s),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                connector=aiohttp.TCPConnector(ssl=self._tls, socket_factory=open_socket),
            )
        return self._session

    def _disable(self) -> None:
        if not self.disabled:
            self.disabled = True
            self._metrics.sink_disabled.labels(sink=self.name).set(1)
            _LOG.error(
                "%s: the receiver answered 410 Gone and is disabled until a restart; the topic "
                "keeps the alerts",
                self.name,
            )

    def _backoff(self, failures: int) -> float:
        return full_jitter(
            failures,
            first_s=self._settings.first_retry_s,
            longest_s=self._settings.longest_retry_s,
            random=self._random,
        )
