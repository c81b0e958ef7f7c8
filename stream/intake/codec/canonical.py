"""The canonical format of the contract: JSON objects with the product's own field names."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final, get_type_hints

import msgspec
from msgspec import Struct

from stream.core.errors import DecodeError
from stream.intake.codec.answers import answer_text
from stream.intake.codec.convert import count
from stream.intake.codec.event import RequestEvent, Seconds
from stream.intake.codec.format_table import FIELDS
from stream.intake.codec.messages import content_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stream.intake.codec.format_table import Trace
    from stream.intake.codec.result import Result


class _Required(Struct, gc=False):
    """What an event cannot do without."""

    timestamp: Seconds
    account_id: str
    model: str


_REQUIRED: Final = frozenset(_Required.__struct_fields__)
#: Fields of text that may be written as parts.
_TEXTS: Final = frozenset({"prompt", "system_prompt", "first_prompt", "first_answer"})


class Canonical:
    """Decodes canonical events. Measured: one call an event is as fast as one call for many."""

    name: Final = "canonical"
    single: Final = True
    discriminators: Final = frozenset({"account_id"})
    keys: Final = frozenset(RequestEvent.__struct_fields__)
    #: The format has no place for any.
    credentials: Final = 0

    def __init__(self) -> None:
        """Build the decoders."""
        #: Optional fields that were no valid value, and are left out of their events.
        self.dropped: Counter[str] = Counter()
        #: Returns the event of one JSON object whose fields are all valid; raises one of
        #: ``reasons.FAILURES``.
        self.one = msgspec.json.Decoder(RequestEvent).decode
        self._each = msgspec.json.Decoder(list[RequestEvent]).decode
        self._required = msgspec.json.Decoder(_Required).decode
        self._raw = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
        self._optional = {
            name: msgspec.json.Decoder(hint).decode
            for name, hint in get_type_hints(RequestEvent, include_extras=True).items()
            if name not in _REQUIRED
        }

    def read(self, value: bytes) -> RequestEvent:
        """Return the event of one object, without optional fields that are not valid; raises."""
        try:
            return self.one(value)
        except msgspec.ValidationError:
            required = self._required(value)
            given = self._raw(value)
            optional = {
                name: self._field(name, given[name]) for name in self._optional if name in given
            }
            return RequestEvent(**msgspec.structs.asdict(required), **optional)

    def each(self, value: bytes) -> list[Result]:
        """Return the events of a JSON array; raises when any element is not an event."""
        events: list[Result] = [*self._each(value)]
        return events

    def explain(self, value: bytes) -> Iterator[tuple[Result, Trace]]:
        """Yield the event of one object, every field of which has its own name."""
        event = self.read(value)
        yield (
            event,
            {name: name for name in event.__struct_fields__ if getattr(event, name) is not None},
        )

    def _field(self, name: str, raw: msgspec.Raw) -> Any:  # noqa: ANN401 - of any field's type
        """Return the value of an optional field, read as gateways may write it, or None."""
        try:
            return self._optional[name](raw)
        except (msgspec.DecodeError, RecursionError):
            pass
        try:
            found = _leniently(name, msgspec.json.decode(raw))
        except (msgspec.DecodeError, DecodeError, RecursionError):
            found = None
        if found is None:
            self.dropped[name] += 1
        return found


def _leniently(name: str, value: Any) -> Any:  # noqa: ANN401 - any JSON
    if name in _TEXTS:
        return content_text(value)
    if name == "response":
        return answer_text(value)
    if name == "account_created_at" or name not in FIELDS or isinstance(value, list | dict):
        return None
    if isinstance(value, int | float) and FIELDS[name] is count:
        return None  # it is out of range, not badly written
    return FIELDS[name](value)
