"""Reads people's feedback, validates it and sends it to the task that applies it first.

Verdicts and suppressions go through the alerting task's own topic, so their offset there orders
them among the findings: a recovered task applies them at the same point. An account that is to be
forgotten goes the way of its events, behind those that were read before. Reading a record twice is
harmless, so the reader keeps no state. A tombstone removes a record from the topic and changes
nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

import msgspec
import numpy as np
from msgspec import UNSET, UnsetType

from stream.core.errors import DecodeError
from stream.core.feedback import ForgetRequest, Suppression, Verdict
from stream.core.packets import Feedback, pack_feedback
from stream.core.records import Emission
from stream.pipeline.dead_letters import DeadLetters
from stream.pipeline.routing import account_tasks
from stream.store.order import ascending

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from stream.alerting.feedback_settings import FeedbackSettings
    from stream.core.records import Record
    from stream.pipeline.metrics import PipelineMetrics

#: Assumed: names, reasons and notes are bounded, so a larger record is not feedback.
MOST_BYTES: Final = 16_384
#: Assumed: largest difference between the clocks of writers and workers.
_AHEAD_S: Final = 300.0

T = TypeVar("T", Verdict, Suppression, ForgetRequest)
FeedbackRecord = Verdict | Suppression | ForgetRequest


D = TypeVar("D", bound=msgspec.Struct)


class FeedbackReader:
    """Reads the records of one of the topics."""

    def __init__(
        self,
        topic: str,
        decode: Callable[[bytes, float], FeedbackRecord],
        *,
        tasks: int,
        metrics: PipelineMetrics,
    ) -> None:
        """``decode`` takes a value and the time now, epoch seconds; raises DecodeError.

        ``tasks`` accounts tasks share the accounts.
        """
        self._decode = decode
        self._tasks = tasks
        self._dead = DeadLetters(topic, most_bytes=MOST_BYTES, metrics=metrics)

    def process(self, partition: int, records: Sequence[Record], *, now_s: float) -> list[Emission]:
        """Return the emissions of consecutive records of one partition."""
        accepted: list[FeedbackRecord] = []
        dead: list[Emission] = []
        for record in records:
            if not record.value:
                continue
            try:
                accepted.append(self._decode(record.value, now_s))
            except DecodeError as error:
                dead.append(self._dead.letter(partition, record, error.reason))
        forget = [one.forget for one in accepted if isinstance(one, ForgetRequest)]
        others = [one for one in accepted if not isinstance(one, ForgetRequest)]
        values = [pack_feedback(_feedback(one)) for one in others]
        return [
            *dead,
            *(Emission("findings", 0, None, value) for value in values),
            *self._requests(forget),
        ]

    def _requests(self, accounts: list[str]) -> Iterator[Emission]:
        """Yield one emission for each task: all at once cost a task little more than one."""
        tasks = account_tasks(accounts, self._tasks)
        for task in ascending(tasks).tolist():
            forgotten = [accounts[i] for i in np.flatnonzero(tasks == task).tolist()]
            yield Emission("events", task, None, pack_feedback(Feedback(forgotten=forgotten)))


def verdict(value: bytes, now_s: float) -> Verdict:
    """Return the verdict in a record; raises DecodeError."""
    return _checked(_decoded(value, Verdict), now_s)


def suppression(
    settings: FeedbackSettings,
) -> Callable[[bytes, float], Suppression | ForgetRequest]:
    """Return a decoder of suppressions and requests to forget an account.

    It rejects suppressions that are longer than the settings allow.
    """

    def decode(value: bytes, now_s: float) -> Suppression | ForgetRequest:
        if _decoded(value, _Kind).forget is not UNSET:
            return _checked(_decoded(value, ForgetRequest), now_s)
        found = _checked(_decoded(value, Suppression), now_s)
        if (
            not found.removed
            and not 0 < found.expires - found.time <= settings.longest_suppression_s
        ):
            raise DecodeError("out_of_range", "expires")
        return found

    return decode


class _Kind(msgspec.Struct):
    """Which of the two kinds of records of a topic one is."""

    forget: msgspec.Raw | UnsetType = UNSET


def _feedback(one: Verdict | Suppression) -> Feedback:
    return Feedback(verdicts=[one]) if isinstance(one, Verdict) else Feedback(suppressions=[one])


def _checked(record: T, now_s: float) -> T:
    if record.time > now_s + _AHEAD_S:
        raise DecodeError("bad_timestamp", "time")  # no later record could replace it
    return record


def _decoded(value: bytes, kind: type[D]) -> D:
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
