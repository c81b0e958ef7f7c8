"""Which format an object has: a cheap guess from its beginning, and the sure way by its keys.

A guess looks for the discriminators of the formats that have the object's first key, and is cached
for objects that begin with the same bytes until it is wrong once. It is right if its codec finds
the required fields. Otherwise the top-level keys decide, which no text and no deeper key can
imitate.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

import msgspec

from stream.intake.codec.canonical import Canonical
from stream.intake.codec.framing import elements
from stream.intake.codec.gateway import Gateway
from stream.intake.codec.gateways import GATEWAYS
from stream.intake.codec.mapping import format_of
from stream.intake.codec.otlp import Otlp, is_protobuf
from stream.intake.codec.reasons import FAILURES
from stream.intake.codec.siblings import named

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator, Sequence

    from stream.intake.codec.format_table import Trace
    from stream.intake.codec.result import Result
    from stream.intake.codec.settings import IntakeSettings

#: Bytes in which the first key of an object begins and ends.
_HEAD: Final = 64
#: Objects that begin with this number of equal bytes are likely to have the same format.
_BEGINNING: Final = 14
_MOST_KEPT: Final = 4096

#: A codec, and its discriminators as JSON has them.
_Discriminated = tuple["Codec", "Sequence[bytes]"]

_keys = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


class Codec(Protocol):
    """Decodes one format."""

    @property
    def name(self) -> str:
        """The format's name in settings and metrics."""

    @property
    def discriminators(self) -> frozenset[str]:
        """Top-level keys of no other format, of which every object has one."""

    @property
    def keys(self) -> frozenset[str]:
        """Top-level keys by which an object may begin."""

    @property
    def credentials(self) -> int:
        """Objects in which a credential was found so far, and dropped."""

    @property
    def dropped(self) -> Counter[str]:
        """Invalid values by optional field; the decoder empties it after counting."""

    def each(self, value: bytes) -> list[Result]:
        """Return the results of a record of several; raises one of ``reasons.FAILURES``."""

    def explain(self, value: bytes) -> Iterator[tuple[Result, Trace]]:
        """Yield the results of an object and the path of each field; raises as ``each``."""


def codecs(settings: IntakeSettings) -> list[Codec]:
    """Return a codec for every format, in the order in which they are tried."""
    account, most = settings.account, settings.max_record_events
    mapped = [format_of(settings.mapping)] if settings.mapping else []
    return [
        Otlp(account),
        *(Gateway(form, account, most=most) for form in GATEWAYS),
        *(Gateway(form, account, most=most) for form in mapped),
        # Last: clients of some gateways can put keys of its own into an object, none of which has
        # another's discriminators at its top.
        Canonical(),
    ]


class Recogniser:
    """Recognises the formats of ``settings``; a fixed format applies to every record."""

    def __init__(self, settings: IntakeSettings) -> None:
        """Index the formats by their first keys."""
        every = codecs(settings)
        self.fixed = next((codec for codec in every if codec.name == settings.format), None)
        self.codecs = [self.fixed] if self.fixed else every
        self._otlp = next((codec for codec in self.codecs if isinstance(codec, Otlp)), None)
        self._kept: dict[bytes, Codec] = {}
        self._wrong: set[bytes] = set()
        self._discriminated: list[_Discriminated] = [
            (codec, [f'"{key}"'.encode() for key in codec.discriminators]) for codec in self.codecs
        ]
        #: First key -> the formats that have it, with their discriminators.
        self._knowing = {
            key.encode(): [one for one in self._discriminated if key in one[0].keys]
            for key in frozenset().union(*(codec.keys for codec in self.codecs))
        }

    def guess(self, value: bytes) -> Codec:
        """Return the likely format of an object, or of an array's first."""
        if self.fixed is not None:
            return self.fixed
        kept = self._kept.get(value[:_BEGINNING])
        if kept is not None:
            return kept
        start = value.find(b'"', 0, _HEAD) + 1
        end = value.find(b'"', start, start + _HEAD)
        codec = self._search(value, self._knowing.get(value[start:end]) if end > 0 else None)
        if len(self._kept) < _MOST_KEPT and value[:_BEGINNING] not in self._wrong:
            self._kept[value[:_BEGINNING]] = codec
        return codec

    def alike(self, values: Sequence[bytes]) -> Codec | None:
        """Return the cached guess for all of these; None without one for each."""
        if self.fixed is not None:
            return self.fixed
        found = {self._kept.get(head) for head in {value[:_BEGINNING] for value in values}}
        return found.pop() if len(found) == 1 else None

    def invalidate_guess(self, value: bytes) -> None:
        """Remove the guess for values that begin like ``value``, for ever."""
        if self._kept.pop(value[:_BEGINNING], None) and len(self._wrong) < _MOST_KEPT:
            self._wrong.add(value[:_BEGINNING])

    def candidates(self, value: bytes) -> Sequence[Codec]:
        """Return the formats that an object's top-level keys allow, the best first.

        Raises one of ``reasons.FAILURES`` when it is no object.
        """
        if self.fixed is not None:
            return self.codecs
        if self.is_protobuf(value):
            return [self._otlp] if self._otlp else []
        keys = _keys(value).keys()
        return [codec for codec in self.codecs if not codec.discriminators.isdisjoint(keys)]

    def knows(self, value: bytes) -> bool:
        """Return whether a value is an object, or an array or lines of some, of a known format."""
        try:
            return any(self.candidates(part) for part in elements(value, _MOST_KEPT)[:1])
        except FAILURES:
            return False

    def sibling(self, value: bytes) -> str:
        """Return what an object of no known format is; empty where that is not known."""
        found = named(_keys(value).keys())
        return f"{found}, which is not read" if found else ""

    def is_protobuf(self, value: bytes) -> bool:
        """Return whether a record is binary, so that it is neither lines nor an array."""
        return self._otlp is not None and value[:1] == b"\n" and is_protobuf(value)

    def _search(self, value: bytes, among: Sequence[_Discriminated] | None) -> Codec:
        """Return the first format with a discriminator in the value, or the only candidate."""
        if self._otlp is not None and self.is_protobuf(value):
            return self._otlp
        if among is not None and len(among) == 1:
            return among[0][0]
        for codec, discriminators in among or self._discriminated:
            for one in discriminators:
                if one in value:
                    return codec
        return self.codecs[-1]
