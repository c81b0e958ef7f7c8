"""Posts alerts to one address by HTTP: retried, in the clear only where that is allowed.

What is posted, and with which headers, its subclasses say. Delivery is at least once. It does not
follow redirects, reads no answer beyond status and Retry-After, and never logs the address's path,
a secret or the body.

What the receiver will never take of one alert is given up soon (:data:`_NEVER`). Everything else,
a wrong address and a wrong secret included, is tried again for ``retry_for_s``, because it is put
right at one end or the other, and the alerts of that time must not be lost. After 410 nothing is
posted and nothing is given up: the topic keeps the alerts until a restart with another address.
"""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from itertools import count
from random import Random
from typing import TYPE_CHECKING, Final, NotRequired, TypedDict, Unpack

import aiohttp

from stream.delivery.backoff import full_jitter, retry_after
from stream.delivery.clock import Clock
from stream.delivery.metrics import ATTEMPT_RESULTS
from stream.delivery.target import open_socket, read_target, tls_context
from stream.telemetry.declaration import OVERFLOW

if TYPE_CHECKING:
    from stream.core.alerts import Alert
    from stream.delivery.message import Message
    from stream.delivery.metrics import DeliveryMetrics
    from stream.delivery.settings import PostSettings
    from stream.delivery.sink import Delivery, Outcome

_LOG = logging.getLogger("stream.delivery.posting")
#: Answers in the 400s that say "later", and may say when.
_LATER: Final = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS})
#: Answers in the 400s about this one message, which the same message will get again.
_NEVER: Final = frozenset(
    {
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.CONFLICT,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        HTTPStatus.UNPROCESSABLE_ENTITY,
    }
)
#: So many tries without success, of whatever alerts, are an outage; a success then ends it.
_OUTAGE_TRIES: Final = 3


@dataclass(frozen=True, slots=True)
class Answer:
    """How one try ended: ``what`` for people, a status if there was one, the pause asked for."""

    result: str  # a label of ``sink_attempts_total``
    what: str
    status: int = 0
    wait_s: float = 0.0

    @property
    def accepted(self) -> bool:
        """Say whether the receiver has the alert."""
        return self.result == "2xx"

    @property
    def refused(self) -> bool:
        """Say whether trying the same message again is unlikely to help."""
        return self.status in _NEVER


class Edges(TypedDict):
    """What every sink that posts is given; a test replaces clock and random."""

    metrics: DeliveryMetrics
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
        self._clock = edges.get("clock") or Clock()
        self._random = edges.get("random") or Random()
        self._slots = asyncio.Semaphore(settings.concurrency)
        self._tls = tls_context(self.name, settings.ssl_cafile)
        self._session: aiohttp.ClientSession | None = None
        self._quiet_until = 0.0  # monotonic; the receiver asked for a pause
        self._failing = 0  # tries since the last success, of all alerts
        self._revived = asyncio.Event()
        self._metrics.sink_disabled.labels(sink=self.name).set(0)
        self.disabled = False

    def prepare(self, alert: Alert) -> Delivery:
        """Return the posting of the alert, whose time runs from now."""
        message = self._write(alert)
        return partial(self._deliver, alert.alert_id, message, self._clock.monotonic())

    @abstractmethod
    def _write(self, alert: Alert) -> Message:
        """Return the message of one state of one incident."""

    def _headers(self, message: Message, now_s: float) -> dict[str, str]:  # noqa: ARG002 - for those that sign
        """Return more headers of a try at ``now_s``, epoch seconds."""
        return {}

    async def _deliver(self, alert_id: str, message: Message, since: float) -> Outcome:
        """Post until accepted, refused for good or out of time."""
        refusals = 0
        for failures in count(1):
            answer = await self._try(message)
            if answer.accepted:
                return "delivered"
            refusals += answer.refused
            if refusals >= self._settings.refused_tries:
                _LOG.error("%s: alert %s given up: %s", self.name, alert_id, answer.what)
                return "rejected"
            pause = max(self._pause(failures), answer.wait_s)
            if self._clock.monotonic() + pause - since > self._settings.retry_for_s:
                _LOG.error(
                    "%s: alert %s given up after %d tries, the last: %s",
                    self.name,
                    alert_id,
                    failures,
                    answer.what,
                )
                return "timed_out"
            _LOG.warning(
                "%s: alert %s not accepted (try %d): %s; again in %.1f s",
                self.name,
                alert_id,
                failures,
                answer.what,
                pause,
            )
            await self._rest(pause)
        raise AssertionError  # the count has no end

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _try(self, message: Message) -> Answer:
        """Post once, when it is our turn; does not return once the sink is disabled."""
        async with self._slots:
            while not self.disabled and (rest := self._quiet_until - self._clock.monotonic()) > 0:
                await self._clock.sleep(rest)
            if not self.disabled:
                answer = await self._post(message)
                self._note(answer)
                if answer.status != HTTPStatus.GONE:
                    return answer
        # Not done with and so not committed: it comes again after a restart.
        await asyncio.Event().wait()
        raise AssertionError  # nobody sets it

    def _note(self, answer: Answer) -> None:
        """Learn from an answer what concerns all alerts."""
        self._metrics.sink_attempts_total.labels(sink=self.name, result=answer.result).inc()
        if answer.wait_s:
            until = self._clock.monotonic() + answer.wait_s
            self._quiet_until = max(self._quiet_until, until)
        if answer.status == HTTPStatus.GONE:
            self._disable()
        elif answer.accepted:
            if self._failing >= _OUTAGE_TRIES:
                self._revived.set()  # wakes those that rest now, and nobody after them
                self._revived.clear()
            self._failing = 0
        elif not answer.refused:
            self._failing += 1

    async def _rest(self, pause_s: float) -> None:
        """Wait so long, or until another alert's success says that the receiver is back."""
        ends = [
            asyncio.ensure_future(self._clock.sleep(pause_s)),
            asyncio.ensure_future(self._revived.wait()),
        ]
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for end in ends:
                end.cancel()

    async def _post(self, message: Message) -> Answer:
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
                return self._read(response)
        except TimeoutError:
            return Answer("timeout", f"no answer within {self._settings.timeout_s:g} s")
        except aiohttp.ClientSSLError as error:
            return Answer("untrusted", f"no TLS that can be trusted ({_tls_reason(error)})")
        except Exception as error:  # noqa: BLE001 - whatever it is, the alert must still go out
            # Only the type: the text of some of them quotes the address.
            return Answer("unreachable", f"no answer ({type(error).__name__})")

    def _read(self, response: aiohttp.ClientResponse) -> Answer:
        status, wait_s = response.status, 0.0
        if status >= 500 or status in _LATER:  # noqa: PLR2004 - 5xx
            wait_s = retry_after(
                response.headers.get("Retry-After"),
                now_s=self._clock.wall(),
                longest_s=self._settings.longest_retry_s,
            )
        family = f"{status // 100}xx"
        return Answer(
            family if family in ATTEMPT_RESULTS else OVERFLOW, f"HTTP {status}", status, wait_s
        )

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
                "%s: the receiver answered 410 Gone; it gets nothing more until a restart, "
                "the topic keeps the alerts",
                self.name,
            )

    def _pause(self, failures: int) -> float:
        return full_jitter(
            failures,
            first_s=self._settings.first_retry_s,
            longest_s=self._settings.longest_retry_s,
            random=self._random,
        )


def _tls_reason(error: aiohttp.ClientSSLError) -> str:
    """Return why, in a few words without the address."""
    cause = getattr(error, "certificate_error", None) or getattr(error, "os_error", error)
    return str(getattr(cause, "verify_message", "") or getattr(cause, "reason", "") or "refused")
