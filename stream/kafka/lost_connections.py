"""Reports a lost connection as aiokafka expects it, on uvloop too.

A write to a connection that the broker has closed raises OSError on asyncio's loop and RuntimeError
on uvloop's. aiokafka expects OSError only (https://github.com/aio-libs/aiokafka/issues/1038): the
other one ends its background task that fetches metadata, without a log line. The client then waits
for metadata for ever: nothing is delivered or committed any more. There is no setting for it, so
the class of connections is replaced.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from aiokafka import conn
from aiokafka.errors import KafkaConnectionError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterator


class Connection(conn.AIOKafkaConnection):
    """A connection to a broker; a write to a lost one raises KafkaConnectionError."""

    def send(
        self,
        request: object,
        expect_response: bool = True,  # noqa: FBT001, FBT002 - aiokafka's signature
    ) -> Awaitable[Any]:
        """Send a request; return what its response can be awaited by."""
        with self._lost():
            return super().send(request, expect_response)

    def _send_sasl_token(
        self,
        payload: bytes,
        expect_response: bool = True,  # noqa: FBT001, FBT002 - aiokafka's signature
    ) -> Awaitable[Any]:
        with self._lost():
            return super()._send_sasl_token(payload, expect_response)

    @contextmanager
    def _lost(self) -> Iterator[None]:
        try:
            yield
        except RuntimeError as error:
            self.close(reason=conn.CloseReason.CONNECTION_BROKEN, exc=error)
            raise KafkaConnectionError(
                f"Connection at {self.host}:{self.port} broken: {error}"
            ) from error


def report_lost_connections() -> None:
    """Make all aiokafka clients of this process use such connections; idempotent."""
    conn.AIOKafkaConnection = Connection  # type: ignore[misc]  # as intended
