"""Reads people's feedback (verdicts, suppressions), validates it and sends it to the alerting task.

Feedback goes through the alerting task's own topic, so its offset there orders it among the
findings: a recovered task applies it at the same point. Reading a record twice is harmless, so the
reader keeps no state.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

import msgspec

from stream.core.errors import DecodeError
from stream.core.feedback import Suppression, Verdict
from stream.core.packets import Feedback, pack_feedback
from stream.core.records import Emission
from stream.pipeline.dead_letters import DeadLetters

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from stream.alerting.feedback_settings import FeedbackSettings
    from stream.core.records import Record
    from stream.pipeline.metrics import PipelineMetrics

#: Assumed: names, reasons and notes are bounded, so a larger record is not feedback.
MOST_BYTES: Final = 16_384
#: Assumed: largest difference between the clocks of writers and workers.
_AHEAD_S: Final = 300.0

T = TypeVar("T", Verdict, Suppression)
FeedbackRecord = Verdict | Suppression


class FeedbackReader:
    """Reads the records of one of the topics."""

    def __init__(
        self,
        topic: str,
        decode: Callable[[bytes, float], FeedbackRecord],
        *,
        metrics: PipelineMetrics,
    ) -> None:
        """``decode`` takes a value and the time now, epoch seconds; raises DecodeError."""
        self._decode = decode
        self._dead = DeadLetters(topic, most_bytes=MOST_BYTES, metrics=metrics)

    def process(self, partition: int, records: Sequence[Record], *, now_s: float) -> list[Emission]:
        """Return the emissions of consecutive records of one partition."""
        accepted: list[FeedbackRecord] = []
        dead: list[Emission] = []
        for record in records:
            try:
                accepted.append(self._decode(record.value, now_s))
            except DecodeError as error:
                dead.append(self._dead.letter(partition, record, error.reason))
        values = [pack_feedback(_feedback(one)) for one in accepted]
        return [*dead, *(Emission("findings", 0, None, value) for value in values)]


def verdict(value: bytes, now_s: float) -> Verdict:
    """Return the verdict in a record; raises DecodeError."""
    return _checked(_decoded(value, Verdict), now_s)


def suppression(settings: FeedbackSettings) -> Callable[[bytes, float], Suppression]:
    """Return a decoder of suppressions; it rejects any longer than the settings allow."""

    def decode(value: bytes, now_s: float) -> Suppression:
        found = _checked(_decoded(value, Suppression), now_s)
        if (
            not found.removed
            and not 0 < found.expires - found.time <= settings.longest_suppression_s
        ):
            raise DecodeError("out_of_range", "expires")
        return found

    return decode


def _feedback(one: FeedbackRecord) -> Feedback:
    return Feedback(verdicts=[one]) if isinstance(one, Verdict) else Feedback(suppressions=[one])


def _checked(record: T, now_s: float) -> T:
    if record.time > now_s + _AHEAD_S:
        raise DecodeError("bad_timestamp", "time")  # no later record could replace it
    return record


def _decoded(value: bytes, kind: type[T]) -> T:
    if not value:
        raise DecodeError("empty")
    if len(value) > MOST_BYTES:
        raise DecodeError("too_large")
    try:
        return msgspec.json.decode(value, type=kind)
    except msgspec.ValidationError as error:
        raise DecodeError(_reason(str(error)), str(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DecodeError("not_json", str(error)) from error


def _reason(error: str) -> str:
    if "missing required field" in error:
        return "missing_field"
    return "wrong_type" if "got `" in error else "out_of_range"
