"""Which events of many have to be looked at beyond their types, found field by field.

:func:`stream.intake.codec.event.admit` decides on each of these, and would change nothing of the
others: almost every event is one of them, and one pass over a field costs less than a call.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from stream.core.events import MAX_ACCOUNT_BYTES
from stream.intake.codec.event import MAX_COUNT, MAX_TEMPERATURE, RequestEvent
from stream.intake.codec.placeholders import MAX_PLACEHOLDER

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

#: The values of each field of an event, those of one event at one place.
Fields = dict[str, tuple[Any, ...]]
#: The values of one event, in the order of its fields.
Values = tuple[Any, ...]

#: The values of an event.
values_of = msgspec.structs.astuple


def fields_of(events: Iterable[Values]) -> Fields:
    """Return the fields of events, of each of which the values are given."""
    names = RequestEvent.__struct_fields__
    columns = list(zip(*events, strict=True)) or [()] * len(names)
    return dict(zip(names, columns, strict=True))


def unusual(fields: Fields, oldest: float, latest: float) -> list[int]:
    """Return the places of the events that may not be admitted as they are, ascending.

    ``oldest`` and ``latest`` are epoch seconds.
    """
    accounts = fields["account_id"]
    return sorted(
        {
            *_outside(fields["timestamp"], oldest, latest),
            *(() if _plain(accounts) else range(len(accounts))),
            *_outside(fields["account_created_at"], 0.0, latest),
            *_outside(fields["max_tokens"], 0, MAX_COUNT),
            *_outside(fields["temperature"], -MAX_TEMPERATURE, MAX_TEMPERATURE),
            *_short(fields["prompt"]),
            *_short(fields["system_prompt"]),
            *_given(fields["messages"]),
        }
    )


def _outside(values: Sequence[Any], least: float, most: float) -> list[int]:
    """Return where a value is no number of the type of the limits and within them."""
    kinds, kind = set(map(type, values)), type(least)
    if kinds == {float} == {kind}:
        found = np.fromiter(values, np.float64, len(values))
        return np.flatnonzero(~((least <= found) & (found <= most))).tolist()
    return [
        place
        for place in (_given(values) if kinds != {type(None)} else ())
        if type(values[place]) is not kind or not least <= values[place] <= most
    ]


def _plain(accounts: Sequence[str]) -> bool:
    """Return whether all account ids are of usual characters and lengths."""
    joined = "".join(accounts)
    return (
        joined.isascii()
        and joined.isprintable()
        and all(accounts)
        and max(map(len, accounts), default=0) <= MAX_ACCOUNT_BYTES
    )


def _short(texts: Sequence[str | None]) -> list[int]:
    """Return where a text is so short that it may be a placeholder."""
    return [place for place in _given(texts) if len(texts[place] or "") <= MAX_PLACEHOLDER]


def _given(values: Sequence[object]) -> list[int]:
    """Return where there is a value."""
    if values.count(None) == len(values):
        return []
    return [place for place, value in enumerate(values) if value is not None]
