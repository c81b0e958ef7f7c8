"""The canonical format of the contract: JSON objects with the product's own field names."""

from __future__ import annotations

from typing import Final

import msgspec

from stream.codec.event import RequestEvent


class Canonical:
    """Decodes canonical events. Measured: one call an event is as fast as one call for many."""

    name: Final = "canonical"
    #: Stands in every object of the format, unless its keys are written with escapes.
    mark: Final = b'"account_id"'

    def __init__(self) -> None:
        """Build the decoders."""
        self._one = msgspec.json.Decoder(RequestEvent).decode
        self._many = msgspec.json.Decoder(list[RequestEvent]).decode

    def one(self, value: bytes) -> RequestEvent:
        """Return the event of one JSON object; raises one of ``reasons.FAILURES``."""
        return self._one(value)

    def many(self, value: bytes) -> list[RequestEvent]:
        """Return the events of a JSON array; raises when any element is not an event."""
        return self._many(value)
