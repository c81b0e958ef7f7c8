"""One record's objects to events, the sure way: whatever it holds, and whatever is wrong with it.

The decoder comes here with all that its short way cannot take, and a person who asks what is taken
from where comes here with everything.
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
from stream.intake.codec.result import Passed

if TYPE_CHECKING:
    from stream.intake.codec.recognise import Codec, Recogniser
    from stream.intake.codec.result import Result
    from stream.intake.codec.settings import IntakeSettings

UNKNOWN: Final = "unknown"
#: Why an empty array is no event.
EMPTY_BATCH: Final = "an empty batch"

#: What msgspec says of a number that no float holds.
_TOO_LARGE: Final = "Number out of range"

#: What became of an object, and the name of its format.
Found = list[tuple["Result", str]]
#: Reads what is in an object of a codec's format; raises one of ``reasons.FAILURES``.
Read = Callable[["Codec", bytes], Sequence["Result"]]


class Reading:
    """Cuts records into objects and finds a format for each."""

    def __init__(self, settings: IntakeSettings, formats: Recogniser, read: Read) -> None:
        """``read`` is asked for what is in an object."""
        self._settings = settings
        self._formats = formats
        self._read = read
        #: Optional fields out of range, which are left out of their events.
        self.dropped: Counter[str] = Counter()
        #: The format that a record counts for in which none is recognised.
        self.nobody = formats.fixed.name if formats.fixed else UNKNOWN

    def record(self, value: bytes, latest: float) -> Found:
        """Return what the objects of a record are; raises one of ``reasons.FAILURES``.

        An event time after ``latest``, epoch seconds, is absurd.
        """
        found = [result for part in self.parts(value) for result in self.object(part, latest)]
        return found or [(Passed(None, EMPTY_BATCH), self.nobody)]

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
        """Return what an object is: of one format, the events and errors in it."""
        try:
            candidates = self._formats.candidates(value)
        except FAILURES as error:
            failure, text = _repairable(error, value)
            return [(failure, self.nobody)] if text is None else self.object(text, latest)
        failures: Found = []
        for codec in candidates:
            found = self._attempt(codec, value, latest)
            if len(found) > 1 or not isinstance(found[0][0], DecodeError):
                return found
            failures += found
        if not failures:
            return [(DecodeError("unknown_format", self._what(value)), UNKNOWN)]
        # The most telling one: not for want of a field, which every object lacks for some format.
        return sorted(failures, key=lambda found: _lacks_field(found[0]))[:1]

    def admitted(self, result: Result, latest: float) -> Result:
        """Return an event that is held to what its types cannot say, or why it cannot be one.

        Of what is no event an absurd time is forgotten.
        """
        oldest = self._settings.oldest_timestamp
        if isinstance(result, RequestEvent):
            try:
                admit(result, oldest, latest, self.dropped)
            except DecodeError as error:
                return error
        elif result.time_s is not None and not oldest <= result.time_s <= latest:
            if isinstance(result, Passed):
                return Passed(None, result.why)
            result.time_s = None
        return result

    def _what(self, value: bytes) -> str:
        """Say what an object of no format is."""
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
        return [(self.admitted(result, latest), codec.name) for result in results or [Passed(None)]]


def _repairable(error: Exception, value: bytes) -> tuple[DecodeError, bytes | None]:
    """Return the error of a value with its reason, and the value repaired if that may help."""
    failure = explain(error)
    wrong = failure.reason == "not_json" or failure.detail.startswith(_TOO_LARGE)
    text = repaired(value) if wrong else value
    return failure, None if text == value else text


def _lacks_field(result: Result) -> bool:
    return isinstance(result, DecodeError) and result.reason == "missing_field"
