"""What is taken of a record, from where: for people who check how their gateway's log is read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from stream.codec.reading import Reading
from stream.codec.reasons import FAILURES, explain
from stream.codec.recognise import Recogniser
from stream.codec.result import Passed
from stream.errors import DecodeError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from stream.codec.recognise import Codec
    from stream.codec.result import Result
    from stream.codec.settings import IntakeSettings
    from stream.codec.table import Trace


@dataclass(frozen=True, slots=True)
class Explanation:
    """What one object is: an event with its fields, or why there is none.

    ``sources`` has the path of every field of the event; ``values`` what stands there.
    """

    format: str
    error: str | None
    sources: Mapping[str, str]
    values: Mapping[str, Any]

    @property
    def ignored(self) -> bool:
        """Whether the object tells of something else than a call of a model."""
        return self.error is None and not self.values


class Explainer:
    """Explains records under some settings, as the decoder with the same settings reads them."""

    def __init__(self, settings: IntakeSettings) -> None:
        """Know every format that the settings allow."""
        self._traces: list[Trace] = []
        self._reading = Reading(settings, Recogniser(settings), self._read)

    def explain(self, value: bytes, *, latest: float) -> Iterator[Explanation]:
        """Yield what each object of a record is; ``latest``: see :meth:`Reading.record`."""
        try:
            parts = self._reading.parts(value)
        except FAILURES as error:
            yield Explanation(self._reading.nobody, str(explain(error)), {}, {})
            return
        for part in parts:
            found = self._reading.object(part, latest)
            # The last object that was read is the one that was taken.
            traces = self._traces[-len(found) :] or [{}] * len(found)
            self._traces.clear()
            for (result, name), trace in zip(found, traces, strict=True):
                yield _explanation(result, name, trace)

    def _read(self, codec: Codec, value: bytes) -> Sequence[Result]:
        explained = list(codec.explain(value))
        self._traces += [trace for _, trace in explained]
        return [result for result, _ in explained]


def _explanation(result: Result, name: str, trace: Trace) -> Explanation:
    if isinstance(result, DecodeError):
        return Explanation(name, str(result), {}, {})
    if isinstance(result, Passed):
        return Explanation(name, None, {}, {})
    known = {k: v for k, v in msgspec.structs.asdict(result).items() if v is not None}
    return Explanation(name, None, {k: v for k, v in trace.items() if k in known}, known)
