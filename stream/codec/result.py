"""What becomes of one object: an event, nothing that matters here, or an error as a value."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from stream.codec.event import RequestEvent
from stream.errors import DecodeError

if TYPE_CHECKING:
    from collections.abc import Callable

#: None: it tells of something else than a call of a model.
Result = RequestEvent | DecodeError | None

T = TypeVar("T")


def attempt(make: Callable[[T], RequestEvent | None], of: T) -> Result:
    """Return what ``make`` makes, or its DecodeError."""
    try:
        return make(of)
    except DecodeError as error:
        return error
