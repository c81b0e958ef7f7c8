"""What becomes of one object: an event, something else that passes by, or an error as a value."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeVar

from stream.core.errors import DecodeError
from stream.intake.codec.event import RequestEvent

if TYPE_CHECKING:
    from collections.abc import Callable


class Passed(NamedTuple):
    """An object that tells of something else than a call of a model, at a time if it says so.

    Its time (epoch seconds) counts: a partition with nothing else must not hold up the others.
    ``why`` is for people.
    """

    time_s: float | None
    why: str = "no call of a model"


Result = RequestEvent | Passed | DecodeError

T = TypeVar("T")


def attempt(make: Callable[[T], RequestEvent | Passed], of: T) -> Result:
    """Return what ``make`` makes, or its DecodeError."""
    try:
        return make(of)
    except DecodeError as error:
        return error
