"""The stored form of accounts with their edges, and of indicators: packed rows without slots.

The edges of an account are in chunks, and most accounts have one. With a row for each edge an
account would have three or four rows, and loading takes time for each row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from stream.core.errors import StateError
from stream.core.traffic import COUNTS, TRAFFIC

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from stream.campaigns.types import Kinds, Records
    from stream.core.batch import Counts, Fingerprints, Positions

#: What the keys of the rows of accounts and of indicators begin with.
ACCOUNT: Final = b"a"
VALUE: Final = b"v"
MOST_CHUNKS: Final = 2**15

#: The account itself, at the head of its first chunk; ``created_at`` NaN when unknown.
HEAD: Final = np.dtype(
    [
        ("organization", "<u8"),
        ("created_at", "<f8"),
        ("first_seen", "<f8"),
        ("day_requests", "<f8"),
        ("active_hours", "u1"),
        ("traffic", TRAFFIC),
        ("chunks", "<u4"),
    ]
)
#: The indicators in a chunk, and how the account used them.
EDGE: Final = np.dtype(
    [
        ("kind", "u1"),
        ("value", "<u8"),
        ("since", "<f8"),
        ("last", "<f8"),
        ("requests", "<i8"),
        ("before", COUNTS),
        ("fresh", "?"),
        ("unsent", "?"),
    ]
)
#: An indicator that was sent on or has a high prevalence; the edges hold all of the others.
VALUE_ROW: Final = np.dtype(
    [
        ("since", "<f8"),
        ("last", "<f8"),
        ("sent", "<f8"),
        ("high_prevalence", "?"),
        ("changed", "?"),
        ("alias", "<u8"),
    ]
)
_VALUE_KEY: Final = np.dtype([("prefix", "S1"), ("kind", "u1"), ("value", ">u8")])
_CHUNK_KEY: Final = 3  # prefix and chunk


def chunk_keys(accounts: Iterable[str], chunks: Iterable[int]) -> list[bytes]:
    """Return the keys of chunks of accounts."""
    return [
        ACCOUNT + chunk.to_bytes(2, "big") + account.encode()
        for account, chunk in zip(accounts, chunks, strict=True)
    ]


def chunks_of(keys: Collection[bytes]) -> tuple[list[str], Positions]:
    """Return the accounts and the chunks (i8) in the keys of chunks."""
    chunks = np.frombuffer(b"".join([key[1:_CHUNK_KEY] for key in keys]), ">u2")
    return [key[_CHUNK_KEY:].decode() for key in keys], chunks.astype(np.int64)


def chunk_rows(
    chunks: Sequence[int], heads: Records, edges: Records, sizes: Counts
) -> list[bytes | None]:
    """Return chunks, None where one is empty.

    ``heads`` are rows of HEAD, ``edges`` of EDGE; ``sizes`` are the numbers of edges of each chunk.
    """
    packed, at = edges.tobytes(), np.append(0, np.cumsum(sizes * EDGE.itemsize)).tolist()
    return [
        (head if chunk == 0 else b"") + packed[start:stop] or None
        for chunk, head, start, stop in zip(chunks, cut(heads), at, at[1:], strict=False)
    ]


def chunk_contents(chunks: Positions, rows: Sequence[bytes]) -> tuple[Records, Records, Counts]:
    """Return the heads of first chunks, all edges, and the number of edges of each chunk."""
    first = chunks == 0
    heads = [row[: HEAD.itemsize] for row, is_first in zip(rows, first, strict=True) if is_first]
    edges = [
        row[HEAD.itemsize :] if is_first else row for row, is_first in zip(rows, first, strict=True)
    ]
    sizes = np.array([len(part) for part in edges], np.int64)
    if (sizes % EDGE.itemsize).any() or any(len(head) < HEAD.itemsize for head in heads):
        raise StateError("a stored chunk of an account cannot be read")
    return (
        np.frombuffer(b"".join(heads), HEAD),
        np.frombuffer(b"".join(edges), EDGE),
        sizes // EDGE.itemsize,
    )


def value_keys(kinds: Kinds, values: Fingerprints) -> list[bytes]:
    """Return the keys of the rows of indicators."""
    keys = np.empty(len(kinds), _VALUE_KEY)
    keys["prefix"], keys["kind"], keys["value"] = VALUE, kinds, values
    return cut(keys)


def values_of(keys: Collection[bytes]) -> tuple[Kinds, Fingerprints]:
    """Return the kinds and fingerprints in the keys of the rows of indicators."""
    found = np.frombuffer(b"".join(keys), _VALUE_KEY)
    return found["kind"], found["value"].astype(np.uint64)


def value_rows(rows: Collection[bytes]) -> Records:
    """Return stored rows of indicators; raises StateError when they are of another form."""
    if set(map(len, rows)) - {VALUE_ROW.itemsize}:
        raise StateError("a stored row of an indicator cannot be read")
    return np.frombuffer(b"".join(rows), VALUE_ROW)


def cut(rows: Records) -> list[bytes]:
    """Return the bytes of each row."""
    packed, width = rows.tobytes(), rows.dtype.itemsize
    return [packed[i : i + width] for i in range(0, len(packed), width)]
