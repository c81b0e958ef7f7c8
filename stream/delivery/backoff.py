"""How long to wait before the next try. Neither waits nor tries."""

from __future__ import annotations

from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from random import Random

_MAX_DOUBLINGS: Final = 40  # beyond any bound of the settings, below the range of a float


def full_jitter(failures: int, *, first_s: float, longest_s: float, random: Random) -> float:
    """Return a pause after ``failures`` (1 or more): uniform over 0 to the doubled bound.

    Full jitter spreads retries best: "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
    """
    bound = first_s * 2.0 ** min(failures - 1, _MAX_DOUBLINGS)
    return random.uniform(0.0, min(bound, longest_s))


def retry_after(header: str | None, *, now_s: float, longest_s: float) -> float:
    """Return the seconds of a Retry-After header (RFC 9110, 10.2.3), at most ``longest_s``.

    0 without a header or with an invalid one: a receiver's mistake must not stop the sink.
    """
    text = (header or "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text), longest_s)
    try:
        date = parsedate_to_datetime(text)
    except (TypeError, ValueError, OverflowError):
        return 0.0
    if date.tzinfo is None:  # "-0000", which means UTC of unknown origin
        date = date.replace(tzinfo=UTC)
    return min(max(date.timestamp() - now_s, 0.0), longest_s)
