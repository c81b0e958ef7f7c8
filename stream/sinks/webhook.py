"""Posts alerts by Standard Webhooks: signed, retried, in the clear only where that is allowed.

https://github.com/standard-webhooks/standard-webhooks, version 1.0.0. Delivery is at least once: a
receiver recognises repetitions by ``webhook-id``. It does not follow redirects, reads no answer
beyond status and Retry-After, and never logs the address's path, the secret or the body.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from itertools import count
from random import Random
from typing import TYPE_CHECKING, Final

import aiohttp

from stream.sinks.backoff import full_jitter, retry_after
from stream.sinks.clock import Clock
from stream.sinks.message import Message, write
from stream.sinks.target import read_secrets, read_target

if TYPE_CHECKING:
    from stream.metrics import Metrics
    from stream.sinks.settings import WebhookSettings
    from stream.sinks.sink import Outcome
    from stream.types.alerts import Alert

_LOG = logging.getLogger("stream.sinks.webhook")
#: Answers in the 400s that say "later" and not "never".
_LATER: Final = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS})


@dataclass(frozen=True, slots=True)
class Answer:
    """How one try ended: a status, or a word when there was none; ``wait_s`` as asked for."""

    what: str
    status: int = 0
    wait_s: float = 0.0

    @property
    def accepted(self) -> bool:
        """Say whether the receiver has the alert."""
        return 200 <= self.status < 300  # noqa: PLR2004 - 2xx

    @property
    def gone(self) -> bool:
        """Say whether the receiver wants nothing more, ever."""
        return self.status == HTTPStatus.GONE

    @property
    def refused(self) -> bool:
        """Say whether trying again is unlikely to help."""
        return 300 <= self.status < 500 and self.status not in _LATER  # noqa: PLR2004 - 3xx, 4xx

    @property
    def result(self) -> str:
        """Return the label of ``sink_attempts_total``."""
        return f"{self.status // 100}xx" if self.status else self.what


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
        self._session: aiohttp.ClientSession | None = None
        self._quiet_until = 0.0  # monotonic; the receiver asked for a pause
        self._metrics.sink_disabled.labels(sink=self.name).set(0)
        self.disabled = False

    async def deliver(self, alert: Alert) -> Outcome:
        """Post until accepted, refused for good, out of time, or told to stop."""
        message = write(alert)
        started = self._clock.monotonic()
        refusals = 0
        for failures in count(1):
            answer = await self._try(message)
            if answer is None:
                return "disabled"
            if answer.accepted:
                return "delivered"
            refusals += answer.refused
            if refusals >= self._settings.refused_tries:
                _LOG.error("webhook: alert %s given up: %s", alert.alert_id, answer.what)
                return "rejected"
            pause = max(self._pause(failures), answer.wait_s)
            if self._clock.monotonic() + pause - started > self._settings.retry_for_s:
                _LOG.error(
                    "webhook: alert %s given up after %d tries, the last: %s",
                    alert.alert_id,
                    failures,
                    answer.what,
                )
                return "exhausted"
            _LOG.warning(
                "webhook: alert %s not accepted (try %d): %s; again in %.1f s",
                alert.alert_id,
                failures,
                answer.what,
                pause,
            )
            await self._clock.sleep(pause)
        raise AssertionError  # the count has no end

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _try(self, message: Message) -> Answer | None:
        """Post once, when it is our turn; None when the sink is disabled."""
        async with self._slots:
            while not self.disabled and (rest := self._quiet_until - self._clock.monotonic()) > 0:
                await self._clock.sleep(rest)
            if self.disabled:
                return None
            answer = await self._post(message)
        self._metrics.sink_attempts_total.labels(sink=self.name, result=answer.result).inc()
        if answer.wait_s:
            until = self._clock.monotonic() + answer.wait_s
            self._quiet_until = max(self._quiet_until, until)
        if answer.gone:
            self._disable()
            return None
        return answer

    async def _post(self, message: Message) -> Answer:
        try:
            async with self._connect().post(
                self._url,
                data=message.body.encode(),
                headers=self._headers(message),
                allow_redirects=False,
            ) as response:
                wait_s = retry_after(
                    response.headers.get("Retry-After"),
                    now_s=self._clock.wall(),
                    longest_s=self._settings.longest_retry_s,
                )
                later = response.status in _LATER or response.status >= 500  # noqa: PLR2004 - 5xx
                return Answer(f"HTTP {response.status}", response.status, wait_s if later else 0.0)
        except TimeoutError:
            return Answer("timeout")
        except aiohttp.ClientError as error:
            # Only the type: the text of some of them quotes the address.
            _LOG.debug("webhook: %s", type(error).__name__)
            return Answer("unreachable")

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
            )
        return self._session

    def _disable(self) -> None:
        if not self.disabled:
            self.disabled = True
            self._metrics.sink_disabled.labels(sink=self.name).set(1)
            _LOG.error(
                "webhook: the receiver answered 410 Gone; it gets nothing more until a restart"
            )

    def _pause(self, failures: int) -> float:
        return full_jitter(
            failures,
            first_s=self._settings.first_retry_s,
            longest_s=self._settings.longest_retry_s,
            random=self._random,
        )
