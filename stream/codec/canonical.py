"""The canonical format of the contract: one JSON object of the product's own field names."""

from __future__ import annotations

from typing import Final

import msgspec

from stream.codec.event import RequestEvent

NAME: Final = "canonical"

decode = msgspec.json.Decoder(RequestEvent).decode
