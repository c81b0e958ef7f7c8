"""Posts alerts by Standard Webhooks: signed, retried, in the clear only where that is allowed.

https://github.com/standard-webhooks/standard-webhooks, version 1.0.0. Delivery is at least once: a
receiver recognises repetitions by ``webhook-id``. It does not follow redirects, reads no answer
beyond status and Retry-After, and never logs the address's path, the secret or the body.

What the receiver will never take of one alert is given up soon (:data:`_NEVER`). Everything else,
a wrong address and a wrong secret included, is tried again for ``retry_for_s``, because it is put
right at one end or the other, and the alerts of that time must not be lost. After 410 nothing is
posted and nothing is given up: the topic keeps the alerts until a restart with another address.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from itertools import count
from random import Random
from typing import TYPE_CHECKING, Final

import aiohttp

from stream.metrics import ATTEMPT_RESULTS, OVERFLOW
from stream.sinks.backoff import full_jitter, retry_after
from stream.sinks.clock import Clock
from stream.sinks.message import Message, write
from stream.sinks.target import open_socket, read_secrets, read_target, tls_context

if TYPE_CHECKING:
    from stream.metrics import Metrics
    from stream.sinks.settings import WebhookSettings
    from stream.sinks.sink import Delivery, Outcome
    from stream.types.alerts import Alert

_LOG = logging.getLogger("stream.sinks.webhook")
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


class WebhookSink:
    """A sink that posts to one address; raises SettingsError when it must not be used."""

    name = "webhook"

    def __init__(
        self,
        settings: WebhookSettings,
        *,
        metrics: Metrics,
        clock: Clock | None = None,
        random: Random | None = None,
    ) -> None:
        """Check address and secrets; connect with the first alert."""
        self._settings = settings
        self._url = read_target(settings)
        self._signers = read_secrets(settings.secret)
        self._metrics = metrics
        self._clock = clock or Clock()
        self._random = random or Random()
        self._slots = asyncio.Semaphore(settings.concurrency)
        self._tls = tls_context(settings)
        self._session: aiohttp.ClientSession | None = None
        self._quiet_until = 0.0  # monotonic; the receiver asked for a pause
        self._failing = 0  # tries since the last success, of all alerts
        self._revived = asyncio.Event()
        self._metrics.sink_disabled.labels(sink=self.name).set(0)
        self.disabled = False

    def prepare(self, alert: Alert) -> Delivery:
        """Return the posting of the alert, whose time runs from now."""
        return partial(self._deliver, alert.alert_id, write(alert), self._clock.monotonic())

    async def _deliver(self, alert_id: str, message: Message, since: float) -> Outcome:
        """Post until accepted, refused for good or out of time."""
        refusals = 0
        for failures in count(1):
            answer = await self._try(message)
            if answer.accepted:
                return "delivered"
            refusals += answer.refused
            if refusals >= self._settings.refused_tries:
                _LOG.error("webhook: alert %s given up: %s", alert_id, answer.what)
                return "rejected"
            pause = max(self._pause(failures), answer.wait_s)
            if self._clock.monotonic() + pause - since > self._settings.retry_for_s:
                _LOG.error(
                    "webhook: alert %s given up after %d tries, the last: %s",
                    alert_id,
                    failures,
                    answer.what,
                )
                return "exhausted"
            _LOG.warning(
                "webhook: alert %s not accepted (try %d): %s; again in %.1f s",
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
                headers=self._headers(message),
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

    def _headers(self, message: Message) -> dict[str, str]:
        now = datetime.fromtimestamp(int(self._clock.wall()), tz=UTC)
        signatures = (signer.sign(message.id, now, message.body) for signer in self._signers)
        return {
            "Content-Type": "application/json",
            "User-Agent": "distillwatch",
            "webhook-id": message.id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": " ".join(signatures),
        }

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
                "webhook: the receiver answered 410 Gone; it gets nothing more until a restart, "
                "the topic keeps the alerts"
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
