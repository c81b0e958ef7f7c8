"""How a receiver answered one try, and what that means for the next. Sends nothing."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

import aiohttp

from stream.delivery.backoff import retry_after
from stream.delivery.metrics import ATTEMPT_RESULTS
from stream.telemetry.declaration import OVERFLOW

#: Statuses from 400 to 499 that mean "later", and may have a Retry-After header.
_LATER: Final = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS})
#: Statuses from 400 to 499 about this one message, which the same message gets again.
_NEVER: Final = frozenset(
    {
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.CONFLICT,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        HTTPStatus.UNPROCESSABLE_ENTITY,
    }
)

if TYPE_CHECKING:
    from multidict import CIMultiDictProxy


@dataclass(frozen=True, slots=True)
class ReceiverAnswer:
    """The outcome of one try: a text for people, the status, and the requested delay."""

    result: str  # a label of ``sink_attempts_total``
    text: str
    status: int = 0  # 0: no answer
    delay_s: float = 0.0

    @property
    def is_accepted(self) -> bool:
        """Return whether the receiver has the alert."""
        return self.result == "2xx"

    @property
    def is_refused(self) -> bool:
        """Return whether another try of the same message is unlikely to help."""
        return self.status in _NEVER

    @property
    def is_gone(self) -> bool:
        """Return whether the receiver wants no more alerts."""
        return self.status == HTTPStatus.GONE


def answered(
    status: int, headers: CIMultiDictProxy[str], *, now_s: float, longest_s: float
) -> ReceiverAnswer:
    """Return the answer with this status; of its headers, only Retry-After counts."""
    delay_s = 0.0
    if status >= 500 or status in _LATER:  # noqa: PLR2004 - 5xx
        delay_s = retry_after(headers.get("Retry-After"), now_s=now_s, longest_s=longest_s)
    family = f"{status // 100}xx"
    result = family if family in ATTEMPT_RESULTS else OVERFLOW
    return ReceiverAnswer(result, f"HTTP {status}", status, delay_s)


def failed(error: Exception, *, timeout_s: float) -> ReceiverAnswer:
    """Return the outcome of a try without an answer; its text never quotes the address."""
    if isinstance(error, TimeoutError):
        return ReceiverAnswer("timeout", f"no answer within {timeout_s:g} s")
    if isinstance(error, aiohttp.ClientSSLError):
        return ReceiverAnswer("untrusted", f"no TLS that can be trusted ({_tls_reason(error)})")
    # Only the type: the text of some errors quotes the address.
    return ReceiverAnswer("unreachable", f"no answer ({type(error).__name__})")


def _tls_reason(error: aiohttp.ClientSSLError) -> str:
    """Return why, in a few words without the address."""
    cause = getattr(error, "certificate_error", None) or getattr(error, "os_error", error)
    return str(getattr(cause, "verify_message", "") or getattr(cause, "reason", "") or "refused")
