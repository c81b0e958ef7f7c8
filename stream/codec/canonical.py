"""The canonical format of the contract: JSON objects with the product's own field names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from stream.codec.event import RequestEvent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stream.codec.result import Result
    from stream.codec.table import Trace


class Canonical:
    """Decodes canonical events. Measured: one call an event is as fast as one call for many."""

    name: Final = "canonical"
    single: Final = True
    marks: Final = frozenset({"account_id"})
    keys: Final = frozenset(RequestEvent.__struct_fields__)
    #: The format has no place for any.
    credentials: Final = 0

    def __init__(self) -> None:
        """Build the decoders."""
        #: Returns the event of one JSON object; raises one of ``reasons.FAILURES``.
        self.one = msgspec.json.Decoder(RequestEvent).decode
        self._each = msgspec.json.Decoder(list[RequestEvent]).decode

    def each(self, value: bytes) -> list[Result]:
        """Return the events of a JSON array; raises when any element is not an event."""
        events: list[Result] = [*self._each(value)]
        return events

    def explain(self, value: bytes) -> Iterator[tuple[Result, Trace]]:
        """Yield the event of one object, every field of which has its own name."""
        event = self.one(value)
        yield (
            event,
            {name: name for name in event.__struct_fields__ if getattr(event, name) is not None},
        )
