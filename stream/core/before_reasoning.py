"""Rows as they were before reasoning tokens and main places, and how they become later ones.

Packets of version 11 and state of version 4 have them. Frozen: both forms are written down here, so
that they stay when the code changes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from stream.core.errors import StateError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from stream.core.batch import Array

#: A row then, and now.
Pair = tuple[np.dtype[Any], np.dtype[Any]]

COUNTS_THEN: Final = [("requests", "<i8"), ("input_tokens", "<i8"), ("output_tokens", "<i8")]
COUNTS_NOW: Final = [*COUNTS_THEN, ("reasoning_tokens", "<i8")]


def _traffic(counts: list[tuple[str, str]], *more: tuple[str, str]) -> np.dtype[Any]:
    return np.dtype(
        [
            ("since", "<f8"),
            ("seen", "<f8"),
            ("total", counts),
            ("hour_requests", "<u4"),
            ("hour_output_tokens", "<u4"),
            *more,
        ]
    )


COUNTS: Final[Pair] = (np.dtype(COUNTS_THEN), np.dtype(COUNTS_NOW))
TRAFFIC: Final[Pair] = (_traffic(COUNTS_THEN), _traffic(COUNTS_NOW, ("place", "<u8")))
#: Where a Turnover and a Member, arrays both, have counters.
OF_TURNOVER: Final[Mapping[int, Pair]] = {8: TRAFFIC}
OF_MEMBER: Final[Mapping[int, Pair]] = {9: COUNTS, 10: TRAFFIC}


def grown(packed: Sequence[bytes], pair: Pair) -> list[bytes]:
    """Return packed rows, some in each, in their later form: fields without a value are 0.

    Raises StateError when they are not of the earlier form.
    """
    then, now = pair
    if any(len(some) % then.itemsize for some in packed):
        raise StateError(f"stored rows are not of {then.itemsize} bytes")
    found = np.frombuffer(b"".join(packed), then)
    rows = np.zeros(len(found), now)
    _copy(found, rows)
    every, per = rows.tobytes(), now.itemsize
    ends = np.cumsum([len(some) // then.itemsize * per for some in packed]).tolist()
    return [every[start:end] for start, end in zip([0, *ends], ends, strict=False)]


def grown_values(values: Iterable[Any], where: Mapping[int, Pair]) -> list[Any]:
    """Return the values of an array with packed rows ``where`` it has such."""
    return [grown([v], where[i])[0] if i in where else v for i, v in enumerate(values)]


def _copy(found: Array, rows: Array) -> None:
    for name in found.dtype.names or ():
        if found.dtype[name].names:
            _copy(found[name], rows[name])
        else:
            rows[name][tuple(slice(n) for n in found[name].shape)] = found[name]
