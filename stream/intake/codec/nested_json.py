"""JSON in text: many gateways write objects as JSON text."""

from __future__ import annotations

from typing import Any

import msgspec

from stream.intake.codec.framing import repaired


def opened(text: str) -> Any:  # noqa: ANN401 - any JSON
    """Return the object or array that ``text`` holds as JSON, or None."""
    if text.lstrip()[:1] not in {"{", "["}:
        return None
    for repair in (bytes, repaired):
        try:
            return msgspec.json.decode(repair(text.encode()))
        except RecursionError:
            return None
        except msgspec.DecodeError:
            continue
    return None
