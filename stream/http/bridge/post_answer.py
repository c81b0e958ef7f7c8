"""The answer to a post, in the format of OTLP over HTTP, which other senders understand too."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from aiohttp import web
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsPartialSuccess,
    ExportLogsServiceResponse,
)

from stream.http.bridge.metrics import RESULTS

if TYPE_CHECKING:
    from collections.abc import Mapping

PROTOBUF: Final = "application/x-protobuf"
_RETRY_AFTER_S: Final = 1
#: Field 2, ``message``, of google.rpc.Status, the body of OTLP failures.
_STATUS_MESSAGE: Final = b"\x12"
_VARINT_BITS: Final = 7


@dataclass(frozen=True, slots=True)
class Outcome:
    """Outcome of a post: one of :data:`RESULTS`, why, and how many log records were refused."""

    result: str
    reason: str = ""
    rejected: int = 0


def answer(request: web.Request, outcome: Outcome) -> web.Response:
    """Return the response, in protobuf for a post in protobuf."""
    status = RESULTS[outcome.result]
    headers = {"Server": "distillwatch"}
    if outcome.result in {"busy", "unavailable"}:
        headers["Retry-After"] = str(_RETRY_AFTER_S)
    if request.content_type == PROTOBUF:
        body = _accepted(outcome) if outcome.result == "accepted" else _status(outcome)
        return web.Response(body=body, status=status, headers=headers, content_type=PROTOBUF)
    return web.json_response(_as_json(outcome), status=status, headers=headers)


def _as_json(outcome: Outcome) -> Mapping[str, object]:
    if outcome.result != "accepted":
        reason = {"reason": outcome.reason} if outcome.reason else {}
        return {"error": outcome.result, **reason}
    if not outcome.rejected:
        return {}
    # An int64, which OTLP's JSON writes as text.
    partly = {"rejectedLogRecords": str(outcome.rejected), "errorMessage": outcome.reason}
    return {"partialSuccess": partly}


def _accepted(outcome: Outcome) -> bytes:
    if not outcome.rejected:
        return b""
    partly = ExportLogsPartialSuccess(
        rejected_log_records=outcome.rejected, error_message=outcome.reason
    )
    return bytes(ExportLogsServiceResponse(partial_success=partly).SerializeToString())


def _status(outcome: Outcome) -> bytes:
    text = ": ".join(filter(None, (outcome.result, outcome.reason))).encode()
    length, left = b"", len(text)
    while left >> _VARINT_BITS:
        length += bytes([left & 0x7F | 0x80])
        left >>= _VARINT_BITS
    return _STATUS_MESSAGE + length + bytes([left]) + text
