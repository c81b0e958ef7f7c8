"""An account's traffic as counters that only grow: how links and groups carry it.

A reader keeps the difference to the counters' earlier values, so that nothing is counted twice,
however often and by however many ways the same counters arrive.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import msgspec
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stream.core.batch import Array

#: Requests and tokens; reasoning tokens are a part of the output tokens.
COUNTS: Final = np.dtype(
    [
        ("requests", "<i8"),
        ("input_tokens", "<i8"),
        ("output_tokens", "<i8"),
        ("reasoning_tokens", "<i8"),
    ]
)
#: The counters of an account at the end of a window, and its traffic in the hour before.
TRAFFIC: Final = np.dtype(
    [
        ("since", "<f8"),  # counted from, epoch seconds: an evicted account starts again
        ("seen", "<f8"),  # counted until, the end of the window
        ("total", COUNTS),
        ("hour_requests", "<u4"),
        ("hour_output_tokens", "<u4"),
        ("place", "<u8"),  # main model and country (stream.core.egress), 0: unknown
    ]
)
GroupedBy = Literal["country", "model"]
NAMES: Final[tuple[str, ...]] = tuple(COUNTS.names or ())

CountsBytes = Annotated[bytes, msgspec.Meta(min_length=COUNTS.itemsize, max_length=COUNTS.itemsize)]
TrafficBytes = Annotated[
    bytes, msgspec.Meta(min_length=TRAFFIC.itemsize, max_length=TRAFFIC.itemsize)
]


def counts(columns: Array) -> Array:
    """Return columns of shape ``(n, 4)`` as rows of :data:`COUNTS`, shape ``(n,)``."""
    rows = np.empty(len(columns), COUNTS)
    for place, name in enumerate(NAMES):
        rows[name] = columns[:, place]
    return rows


def rows_of(dtype: np.dtype[Any], packed: Iterable[bytes]) -> Array:
    """Return the rows that were packed one by one, shape ``(n,)``."""
    return np.frombuffer(b"".join(packed), dtype)


def matrix(rows: Array) -> Array:
    """Return rows of :data:`COUNTS` as columns, shape ``(n, 4)``, i8."""
    return np.stack([rows[name] for name in NAMES], axis=-1)
