"""The result of one object: an event, a skipped object, or an error as a value."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeVar

from stream.core.errors import DecodeError
from stream.intake.codec.event import RequestEvent

if TYPE_CHECKING:
    from collections.abc import Callable


class Skipped(NamedTuple):
    """An object that is not a model call, with its time (epoch seconds) if it has one.

    The time advances the watermark: a partition with only such records must not delay the others.
    ``why`` is for people.
    """

    time_s: float | None
    why: str = "not a model call"


Result = RequestEvent | Skipped | DecodeError

T = TypeVar("T")


def attempt(make: Callable[[T], RequestEvent | Skipped], of: T) -> Result:
    """Return the result of ``make``, or its DecodeError."""
    try:
        return make(of)
    except DecodeError as error:
        return error
