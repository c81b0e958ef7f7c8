"""The gateway of the demo: an enforcer decides about each request, by external authorization.

It passes on what the enforcer passes and refuses the rest, and knows nothing else of an account. A
gateway that gets no answer lets requests pass, as the product's guides configure it.
"""

from __future__ import annotations

import http.client
from contextlib import closing
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, Self

import msgspec

if TYPE_CHECKING:
    from types import TracebackType

    from stream.tools.simulate.request import Request

#: An answer counts for requests of an account within this event time, seconds: a third of a second
#: at the demo's pace, at which a call for each request would take longer than the request.
_KEPT_S: Final = 300.0
_WITHIN_S: Final = 2.0
_REFUSALS: Final = frozenset({HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS})


class DemoGateway:
    """One connection to an enforcer. Bounded: an answer for each account of the scenario."""

    def __init__(self, port: int, token: str) -> None:
        """Prepare; ``port`` is the enforcer's on loopback."""
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_WITHIN_S)
        self._token = token
        self._answers: dict[str, tuple[int, float]] = {}  # account -> status, until when it counts
        self.consulted = 0
        self.unanswered = 0

    def __enter__(self) -> Self:
        """Return itself; connects when it is needed."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the connection."""
        self._connection.close()

    def handle(self, request: Request) -> Request:
        """Return a request as the gateway logs it: itself, or another one where it is refused."""
        status = self._status(request.account_id, request.timestamp)
        return refused(request, status) if status in _REFUSALS else request

    def _status(self, account: str, now: float) -> int:
        status, until = self._answers.get(account, (0, 0.0))
        if now >= until:
            status = self._consult(account)
            self._answers[account] = status, now + _KEPT_S
        return status

    def _consult(self, account: str) -> int:
        self.consulted += 1
        headers = {"x-account": account, "X-Api-Key": self._token}
        try:
            self._connection.request("GET", "/authorize", headers=headers)
            with closing(self._connection.getresponse()) as answer:
                answer.read()
                status = answer.status
        except (OSError, http.client.HTTPException):
            self._connection.close()  # it opens again at the next request
            status = 0
        if status != HTTPStatus.OK and status not in _REFUSALS:
            self.unanswered += 1
        return status


def refused(request: Request, status: int) -> Request:
    """Return the log's record of a request that the gateway refused with ``status``."""
    return msgspec.structs.replace(
        request,
        status=status,
        input_tokens=0,
        output_tokens=0,
        cached_tokens=None,
        reasoning_tokens=None,
        duration_s=None,
        response=None,
    )
