"""Why a record cannot be decoded: the decoder's errors in the closed set of reasons.

The details name fields and positions, never content.
"""

from __future__ import annotations

from typing import Final

import msgspec

from stream.core.errors import DecodeError

#: All exceptions of decoding arbitrary bytes.
FAILURES: Final = (DecodeError, msgspec.DecodeError, UnicodeDecodeError, RecursionError)

#: Reasons that a caller alone can cause, by a rejected request or by sending too much at once. They
#: do not point to a broken deployment, however frequent, and must not stop the worker.
OF_CALLERS: Final = frozenset({"not_a_request", "too_large", "too_deep"})


def explain(error: Exception) -> DecodeError:
    """Return the error of one of :data:`FAILURES` with its reason."""
    if isinstance(error, DecodeError):
        return error
    if isinstance(error, msgspec.ValidationError):
        return DecodeError(_invalid(str(error)), str(error))
    if isinstance(error, UnicodeDecodeError):
        return DecodeError("not_utf8", error.reason)
    if isinstance(error, RecursionError):
        return DecodeError("too_deep")
    return DecodeError("not_json", str(error))


def _invalid(message: str) -> str:
    """Return the reason for msgspec's validation message."""
    if "missing required field" in message:
        return "missing_field"
    if message.startswith("Expected `object`") and " - at `$." not in message:
        return "not_an_object"
    if "RFC3339" in message or "timezone" in message:
        return "bad_timestamp"
    if ">=" in message or "<=" in message or "out of range" in message:
        return "out_of_range"
    return "wrong_type"
