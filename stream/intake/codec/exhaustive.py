"""The slow path from a record's objects to events: handles every content and every error.

The decoder uses it for records that its fast path cannot decode, ``--explain-format`` for all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from stream.core.errors import DecodeError
from stream.intake.codec.envelope import named
from stream.intake.codec.event import RequestEvent, admit
from stream.intake.codec.framing import elements, in_utf8, repaired
from stream.intake.codec.packing import packing, unpacked
from stream.intake.codec.reasons import FAILURES, explain
from stream.intake.codec.result import Skipped

if TYPE_CHECKING:
    from stream.intake.codec.recognise import Codec, Recogniser
    from stream.intake.codec.result import Result
    from stream.intake.codec.settings import IntakeSettings

UNKNOWN: Final = "unknown"
#: Why an empty array is skipped.
EMPTY_BATCH: Final = "an empty batch"

#: msgspec's message for a number that no float holds.
_TOO_LARGE: Final = "Number out of range"

#: The result of an object, and the name of its format.
Found = list[tuple["Result", str]]
#: Reads what is in an object of a codec's format; raises one of ``reasons.FAILURES``.
Read = Callable[["Codec", bytes], Sequence["Result"]]


class ExhaustiveDecoder:
    """Splits records into objects and tries every candidate format for each."""

    def __init__(self, settings: IntakeSettings, formats: Recogniser, read: Read) -> None:
        """``read`` decodes an object by one codec."""
        self._settings = settings
        self._formats = formats
        self._read = read
        #: Optional fields out of range, which are left out of their events.
        self.dropped: Counter[str] = Counter()
        #: The format name of records whose format is not recognised.
        self.default_name = formats.fixed.name if formats.fixed else UNKNOWN

    def record(self, value: bytes, latest: float) -> Found:
        """Return the results of a record's objects; raises one of ``reasons.FAILURES``.

        An event time after ``latest``, epoch seconds, is rejected.
        """
        found = [result for part in self.parts(value) for result in self.object(part, latest)]
        return found or [(Skipped(None, EMPTY_BATCH), self.default_name)]

    def plain(self, value: bytes) -> bytes:
        """Return a record unpacked and in UTF-8; raises one of ``reasons.FAILURES``."""
        how = packing(value)
        if how is not None:
            value = unpacked(value, how, most=self._settings.max_record_bytes)
        value = in_utf8(value)
        if not value or value.isspace():
            raise DecodeError("empty")
        return value

    def parts(self, value: bytes) -> list[bytes]:
        """Return the objects of a record; raises one of ``reasons.FAILURES``."""
        if self._formats.is_protobuf(value):
            return [value]
        try:
            return elements(value, self._settings.max_record_events)
        except FAILURES:
            return elements(repaired(value), self._settings.max_record_events)

    def object(self, value: bytes, latest: float) -> Found:
        """Return the events and errors in an object, which is of one format."""
        try:
            candidates = self._formats.candidates(value)
        except FAILURES as error:
            failure, text = _repairable(error, value)
            return [(failure, self.default_name)] if text is None else self.object(text, latest)
        failures: Found = []
        for codec in candidates:
            found = self._attempt(codec, value, latest)
            if len(found) > 1 or not isinstance(found[0][0], DecodeError):
                return found
            failures += found
        if not failures:
            return [(DecodeError("unknown_format", self._what(value)), UNKNOWN)]
        # The most specific one: a missing field is an error of every format but the right one.
        return sorted(failures, key=lambda found: _lacks_field(found[0]))[:1]

    def admitted(self, result: Result, latest: float) -> Result:
        """Return an event that passed the checks beyond its types, or the error.

        A time out of range is removed from skipped objects and errors.
        """
        oldest = self._settings.oldest_timestamp
        if isinstance(result, RequestEvent):
            try:
                admit(result, oldest, latest, self.dropped)
            except DecodeError as error:
                return error
        elif result.time_s is not None and not oldest <= result.time_s <= latest:
            if isinstance(result, Skipped):
                return Skipped(None, result.why)
            result.time_s = None
        return result

    def _what(self, value: bytes) -> str:
        """Describe an object of no known format."""
        return (
            named(value, self._formats.knows)
            or self._formats.sibling(value)
            or "it has no format's fields"
        )

    def _attempt(self, codec: Codec, value: bytes, latest: float) -> Found:
        try:
            results = self._read(codec, value)
        except FAILURES as error:
            failure, text = _repairable(error, value)
            if text is not None:
                return self._attempt(codec, text, latest)
            results = [failure]
        return [
            (self.admitted(result, latest), codec.name) for result in results or [Skipped(None)]
        ]


def _repairable(error: Exception, value: bytes) -> tuple[DecodeError, bytes | None]:
    """Return the error of a value with its reason, and the value repaired if that may help."""
    failure = explain(error)
    wrong = failure.reason == "not_json" or failure.detail.startswith(_TOO_LARGE)
    text = repaired(value) if wrong else value
    return failure, None if text == value else text


def _lacks_field(result: Result) -> bool:
    return isinstance(result, DecodeError) and result.reason == "missing_field"
