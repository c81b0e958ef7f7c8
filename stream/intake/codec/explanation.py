"""What is taken of a record, from where: for people who check how their gateway's log is read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from stream.core.errors import DecodeError
from stream.intake.codec.envelope import Unwrapper
from stream.intake.codec.reading import EMPTY_BATCH, Reading
from stream.intake.codec.reasons import FAILURES, explain
from stream.intake.codec.recognise import Recogniser
from stream.intake.codec.result import Passed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from stream.intake.codec.recognise import Codec
    from stream.intake.codec.result import Result
    from stream.intake.codec.settings import IntakeSettings
    from stream.intake.codec.table import Trace


@dataclass(frozen=True, slots=True)
class Explanation:
    """What one object is: an event with its fields, or why there is none.

    ``sources`` has the path of every field of the event; ``values`` what stands there. ``skipped``
    says why an object is passed by that tells of something else than a call of a model.
    """

    format: str
    error: str | None = None
    skipped: str | None = None
    sources: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)

    @property
    def ignored(self) -> bool:
        """Whether the object tells of something else than a call of a model."""
        return self.skipped is not None


class Explainer:
    """Explains records under some settings, as the decoder with the same settings reads them."""

    def __init__(self, settings: IntakeSettings) -> None:
        """Know every format that the settings allow."""
        self._traces: list[Trace] = []
        self._unwrap = Unwrapper(settings.unwrap, settings.max_record_events)
        self._most = settings.max_record_bytes
        self._reading = Reading(settings, Recogniser(settings), self._read)

    def explain(self, value: bytes, *, latest: float) -> Iterator[Explanation]:
        """Yield what each object of a record is; ``latest``: see :meth:`Reading.record`."""
        try:
            parts = self._parts(value)
        except FAILURES as error:
            yield Explanation(self._reading.nobody, str(explain(error)))
            return
        if not parts:
            yield Explanation(self._reading.nobody, skipped=EMPTY_BATCH)
        for part in parts:
            found = self._reading.object(part, latest)
            # The last object that was read is the one that was taken.
            traces = self._traces[-len(found) :] or [{}] * len(found)
            self._traces.clear()
            for (result, name), trace in zip(found, traces, strict=True):
                yield _explanation(result, name, trace)

    def _parts(self, value: bytes) -> list[bytes]:
        if not value:
            raise DecodeError("empty")
        if len(value) > self._most:
            raise DecodeError("too_large", f"{len(value)} bytes")
        return self._reading.parts(self._reading.plain(self._unwrap(value)))

    def _read(self, codec: Codec, value: bytes) -> Sequence[Result]:
        explained = list(codec.explain(value))
        self._traces += [trace for _, trace in explained]
        return [result for result, _ in explained]


def _explanation(result: Result, name: str, trace: Trace) -> Explanation:
    if isinstance(result, DecodeError):
        return Explanation(name, str(result))
    if isinstance(result, Passed):
        return Explanation(name, skipped=result.why)
    known = {k: v for k, v in msgspec.structs.asdict(result).items() if v is not None}
    sources = {k: v for k, v in trace.items() if k in known}
    return Explanation(name, sources=sources, values=known)
