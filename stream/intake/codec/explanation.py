"""Which field is read from where in a record: for checking how a gateway's log is decoded."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from stream.core.errors import DecodeError
from stream.intake.codec.envelope import Unwrapper
from stream.intake.codec.exhaustive import EMPTY_BATCH, ExhaustiveDecoder
from stream.intake.codec.reasons import FAILURES, explain
from stream.intake.codec.recognise import Recogniser
from stream.intake.codec.result import Skipped

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from stream.intake.codec.format_table import Trace
    from stream.intake.codec.recognise import Codec
    from stream.intake.codec.result import Result
    from stream.intake.codec.settings import IntakeSettings


@dataclass(frozen=True, slots=True)
class Explanation:
    """The result of one object: an event with its fields, or the reason for no event.

    ``sources`` has the path of every field of the event; ``values`` the values there. ``skipped``
    is the reason why an object that is not a model call is skipped.
    """

    format: str
    error: str | None = None
    skipped: str | None = None
    sources: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)

    @property
    def ignored(self) -> bool:
        """Whether the object is not a model call."""
        return self.skipped is not None


class Explainer:
    """Explains records under some settings, as the decoder with the same settings reads them."""

    def __init__(self, settings: IntakeSettings) -> None:
        """Know every format that the settings allow."""
        self._traces: list[Trace] = []
        self._unwrap = Unwrapper(settings.unwrap, settings.max_record_events)
        self._most = settings.max_record_bytes
        self._exhaustive = ExhaustiveDecoder(settings, Recogniser(settings), self._read)

    def explain(self, value: bytes, *, latest: float) -> Iterator[Explanation]:
        """Yield the result of each object of a record; see :meth:`ExhaustiveDecoder.record`."""
        try:
            parts = self._parts(value)
        except FAILURES as error:
            yield Explanation(self._exhaustive.default_name, str(explain(error)))
            return
        if not parts:
            yield Explanation(self._exhaustive.default_name, skipped=EMPTY_BATCH)
        for part in parts:
            found = self._exhaustive.object(part, latest)
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
        return self._exhaustive.parts(self._exhaustive.plain(self._unwrap(value)))

    def _read(self, codec: Codec, value: bytes) -> Sequence[Result]:
        explained = list(codec.explain(value))
        self._traces += [trace for _, trace in explained]
        return [result for result, _ in explained]


def _explanation(result: Result, name: str, trace: Trace) -> Explanation:
    if isinstance(result, DecodeError):
        return Explanation(name, str(result))
    if isinstance(result, Skipped):
        return Explanation(name, skipped=result.why)
    known = {k: v for k, v in msgspec.structs.asdict(result).items() if v is not None}
    sources = {k: v for k, v in trace.items() if k in known}
    return Explanation(name, sources=sources, values=known)
