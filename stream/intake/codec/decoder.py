"""Records to events: recognises the format of each record, and turns failures into rejects.

A record may hold one object, a JSON array of objects, objects line by line, or an export of spans.
If only some of a record's objects can be decoded, these become events, and the record goes to the
dead-letter topic once for the others. Records that are not model calls are counted and skipped.
"""

from __future__ import annotations

from bisect import bisect
from dataclasses import replace as changed
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from stream.core.errors import DecodeError
from stream.intake.codec.admission import fields_of, unusual, values_of
from stream.intake.codec.canonical import Canonical
from stream.intake.codec.decoded import ACCEPTED, Decoded
from stream.intake.codec.envelope import Unwrapper
from stream.intake.codec.event import admit
from stream.intake.codec.exhaustive import UNKNOWN, ExhaustiveDecoder
from stream.intake.codec.gateway import Gateway
from stream.intake.codec.reasons import FAILURES, OF_CALLERS, explain
from stream.intake.codec.recognise import Recogniser
from stream.intake.codec.result import Skipped

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Iterable, Sequence

    from stream.core.records import Record
    from stream.intake.codec.event import RequestEvent
    from stream.intake.codec.exhaustive import Found
    from stream.intake.codec.recognise import Codec
    from stream.intake.codec.result import Result
    from stream.intake.codec.settings import IntakeSettings
    from stream.intake.metrics import IntakeMetrics

    One = Callable[[bytes], RequestEvent | Skipped]

_ARRAY: Final = ord("[")


class Decoder:
    """Decodes records of one source; counts them by format and result."""

    def __init__(self, settings: IntakeSettings, metrics: IntakeMetrics) -> None:
        """Take formats and limits from the settings."""
        self._settings = settings
        self._metrics = metrics
        self._formats = Recogniser(settings)
        #: The decoding functions of codecs with one event for each object.
        self._one: dict[Codec, One] = {
            codec: codec.one
            for codec in self._formats.codecs
            if isinstance(codec, Canonical | Gateway)
        }
        self._exhaustive = ExhaustiveDecoder(settings, self._formats, self._read)
        self._unwrap = Unwrapper(settings.unwrap, settings.max_record_events)

    def decode(self, records: Sequence[Record], *, now_s: float) -> Decoded:
        """Return events and rejects; never raises for anything in a record."""
        if self._settings.unwrap:
            return self._unwrapped(records, now_s)
        return self._decoded(records, now_s)

    def _unwrapped(self, records: Sequence[Record], now_s: float) -> Decoded:
        """Decode the content of the records' wrappers; a reject has the record as it came."""
        inner = [
            replace(record, value=self._unwrap(record.value)) if record.value else record
            for record in records
        ]
        decoded = self._decoded(inner, now_s)
        came = {id(within): record for within, record in zip(inner, records, strict=True)}
        decoded.rejects = [
            changed(reject, record=came[id(reject.record)]) for reject in decoded.rejects
        ]
        return decoded

    def _decoded(self, records: Sequence[Record], now_s: float) -> Decoded:
        decoded = Decoded()
        credentials = [codec.credentials for codec in self._formats.codecs]
        latest = now_s + self._settings.max_future_s
        begins: list[tuple[int, str]] = []
        for codec, run in self._runs(records):
            one = self._one.get(codec) if codec else None
            if codec is None or one is None:
                for record in run:
                    self._slowly(record, latest, decoded)
            else:
                begins.append((len(decoded.events), codec.name))
                self._quickly(codec, one, run, latest, decoded)
        self._admit(records, begins, latest, decoded)
        self._count(decoded.tally, credentials)
        return decoded

    def _runs(self, records: Sequence[Record]) -> Iterable[tuple[Codec | None, Iterable[Record]]]:
        """Return the records in runs of one likely format; None where a record cannot be one."""
        values, longest = [record.value for record in records], self._settings.max_record_bytes
        if values and all(values) and max(map(len, values)) <= longest:
            codec = self._formats.alike(values)
            if codec is not None:
                return [(codec, records)]
        return groupby(records, self._guess)

    def _guess(self, record: Record) -> Codec | None:
        if not record.value or len(record.value) > self._settings.max_record_bytes:
            return None
        return self._formats.guess(record.value)

    def _quickly(
        self, codec: Codec, one: One, records: Iterable[Record], latest: float, decoded: Decoded
    ) -> None:
        """Decode records that are likely to be one object of the codec's format each."""
        events, sources = decoded.events, decoded.records
        accepted = 0
        for record in records:
            try:
                event = one(record.value)
            except FAILURES as error:
                self._failed(record, codec, error, latest, decoded)
                continue
            if isinstance(event, Skipped):
                decoded.add(record, [(self._exhaustive.admitted(event, latest), codec.name)])
                continue
            accepted += 1
            events.append(event)
            sources.append(record)
        if accepted:
            decoded.tally[codec.name, ACCEPTED] += accepted

    def _admit(
        self,
        records: Sequence[Record],
        begins: Sequence[tuple[int, str]],
        latest: float,
        decoded: Decoded,
    ) -> None:
        """Check what was decoded quickly beyond its types; see :func:`admit`.

        ``begins`` are the places of the first events of runs, and the formats of these.
        """
        events, oldest = decoded.events, self._settings.oldest_timestamp
        values = list(map(values_of, events))
        decoded.fields = fields_of(values)
        places = [
            place
            for place in unusual(decoded.fields, oldest, latest)
            if place not in decoded.admitted
        ]
        if not places:
            return
        wrong: dict[int, tuple[DecodeError, str]] = {}
        for place in places:
            try:
                admit(events[place], oldest, latest, self._exhaustive.dropped)
            except DecodeError as error:
                wrong[place] = error, begins[bisect(begins, place, key=itemgetter(0)) - 1][1]
            else:
                values[place] = values_of(events[place])
        if wrong:
            decoded.withdraw(wrong, records)
            values = [value for place, value in enumerate(values) if place not in wrong]
        decoded.fields = fields_of(values)

    def _count(self, tally: Counter[tuple[str, str]], credentials: Sequence[int]) -> None:
        for (name, result), count in tally.items():
            self._metrics.events_total.labels(format=name, result=result).inc(count)
        for codec, before in zip(self._formats.codecs, credentials, strict=True):
            if codec.credentials > before:
                dropped = self._metrics.credentials_dropped_total.labels(format=codec.name)
                dropped.inc(codec.credentials - before)
        self._count_fields(self._exhaustive.dropped)
        for codec in self._formats.codecs:
            self._count_fields(codec.dropped)

    def _count_fields(self, dropped: Counter[str]) -> None:
        if dropped:
            for name, count in dropped.items():
                self._metrics.fields_dropped_total.labels(field=name).inc(count)
            dropped.clear()

    def _failed(
        self, record: Record, codec: Codec, error: Exception, latest: float, decoded: Decoded
    ) -> None:
        """Decode a record on the slow path after its likely codec failed."""
        if isinstance(error, DecodeError) and error.reason in OF_CALLERS:
            # The codec is right and finds no caller, as no other codec would. Rejected callers
            # must not cost more time than others.
            decoded.add(record, [(self._exhaustive.admitted(error, latest), codec.name)])
        elif self._slowly(record, latest, decoded) - {codec.name, UNKNOWN}:
            self._formats.invalidate_guess(record.value)

    def _slowly(self, record: Record, latest: float, decoded: Decoded) -> set[str]:
        """Decode a record with any number of events; return the names of its formats.

        Never raises.
        """
        try:
            found = self._found(record.value, latest)
        except FAILURES as error:
            found = [(explain(error), self._exhaustive.default_name)]
        decoded.add(record, found)
        return {name for _, name in found}

    def _found(self, value: bytes, latest: float) -> Found:
        """Return the results of a record's objects; raises one of ``reasons.FAILURES``."""
        settings = self._settings
        if not value:
            raise DecodeError("empty")
        if len(value) > settings.max_record_bytes:
            raise DecodeError("too_large", f"{len(value)} bytes")
        value = self._exhaustive.plain(value)
        found = self._at_once(value, latest)
        if found is None:
            found = self._exhaustive.record(value, latest)
        if len(found) > settings.max_record_events:
            raise DecodeError("too_many", f"{len(found)}, at most {settings.max_record_events}")
        return found

    def _at_once(self, value: bytes, latest: float) -> Found | None:
        """Decode an array of one format, or an export of spans, in one go; None if it is neither.

        Elements of an array that are not of that format are decoded once more, one by one.
        """
        codec = self._formats.guess(value)
        single = codec in self._one
        if single and value[0] != _ARRAY:
            return None
        try:
            results = codec.each(value)
        except FAILURES:
            self._formats.invalidate_guess(value)
            return None
        if not results:
            return None if single else [(Skipped(None, "an empty export"), codec.name)]
        # With a fixed format no other format can apply.
        again = single and self._formats.fixed is None
        found: Found = []
        parts: list[bytes] = []
        for i, result in enumerate(results):
            if again and isinstance(result, DecodeError):
                parts = parts or self._exhaustive.parts(value)
                found += self._exhaustive.object(parts[i], latest)
            else:
                found.append((self._exhaustive.admitted(result, latest), codec.name))
        return found

    def _read(self, codec: Codec, value: bytes) -> Sequence[Result]:
        one = codec.read if isinstance(codec, Canonical) else self._one.get(codec)
        return [one(value)] if one else codec.each(value)
