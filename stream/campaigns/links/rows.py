"""The stored form of accounts with their edges, and of values: packed rows without slots.

What an account uses is on pages, of which most accounts have one: with a row for each edge it would
be three or four for an account, and loading takes its time for rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from stream.core.errors import StateError
from stream.core.traffic import COUNTS, TRAFFIC

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from stream.core.batch import Array

#: What the keys of the rows of accounts and values begin with.
ACCOUNT: Final = b"a"
VALUE: Final = b"v"
MOST_PAGES: Final = 2**15

#: What is known of an account, at the head of its first page; ``created_at`` NaN when unknown.
HEAD: Final = np.dtype(
    [
        ("organization", "<u8"),
        ("created_at", "<f8"),
        ("first_seen", "<f8"),
        ("day_requests", "<f8"),
        ("active_hours", "u1"),
        ("traffic", TRAFFIC),
        ("pages", "<u4"),
    ]
)
#: The values on a page, and how the account used them.
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
#: A value that was sent on or is popular; of other values the edges say everything.
VALUE_ROW: Final = np.dtype(
    [("since", "<f8"), ("last", "<f8"), ("sent", "<f8"), ("popular", "?"), ("changed", "?")]
)
_VALUE_KEY: Final = np.dtype([("prefix", "S1"), ("kind", "u1"), ("value", ">u8")])
_PAGE_KEY: Final = 3  # prefix and page


def page_keys(accounts: Iterable[str], pages: Iterable[int]) -> list[bytes]:
    """Return the keys of pages of accounts."""
    return [
        ACCOUNT + page.to_bytes(2, "big") + account.encode()
        for account, page in zip(accounts, pages, strict=True)
    ]


def pages_of(keys: Collection[bytes]) -> tuple[list[str], Array]:
    """Return the accounts and the pages (i8) in the keys of pages."""
    pages = np.frombuffer(b"".join([key[1:_PAGE_KEY] for key in keys]), ">u2")
    return [key[_PAGE_KEY:].decode() for key in keys], pages.astype(np.int64)


def page_rows(pages: Sequence[int], heads: Array, edges: Array, sizes: Array) -> list[bytes | None]:
    """Return pages, None where one is empty.

    ``heads`` and ``edges`` are as HEAD and EDGE say; ``sizes`` is how many edges each page has.
    """
    packed, at = edges.tobytes(), np.append(0, np.cumsum(sizes * EDGE.itemsize)).tolist()
    return [
        (head if page == 0 else b"") + packed[start:stop] or None
        for page, head, start, stop in zip(pages, cut(heads), at, at[1:], strict=False)
    ]


def page_contents(pages: Array, rows: Sequence[bytes]) -> tuple[Array, Array, Array]:
    """Return the heads of first pages, all edges, and how many of them each page has."""
    first = pages == 0
    heads = [row[: HEAD.itemsize] for row, is_first in zip(rows, first, strict=True) if is_first]
    edges = [
        row[HEAD.itemsize :] if is_first else row for row, is_first in zip(rows, first, strict=True)
    ]
    sizes = np.array([len(part) for part in edges], np.int64)
    if (sizes % EDGE.itemsize).any() or any(len(head) < HEAD.itemsize for head in heads):
        raise StateError("a stored page of an account cannot be read")
    return (
        np.frombuffer(b"".join(heads), HEAD),
        np.frombuffer(b"".join(edges), EDGE),
        sizes // EDGE.itemsize,
    )


def value_keys(kinds: Array, values: Array) -> list[bytes]:
    """Return the keys of the rows of values."""
    keys = np.empty(len(kinds), _VALUE_KEY)
    keys["prefix"], keys["kind"], keys["value"] = VALUE, kinds, values
    return cut(keys)


def values_of(keys: Collection[bytes]) -> tuple[Array, Array]:
    """Return the kinds (u1) and values (u8) in the keys of the rows of values."""
    found = np.frombuffer(b"".join(keys), _VALUE_KEY)
    return found["kind"], found["value"].astype(np.uint64)


def value_rows(rows: Collection[bytes]) -> Array:
    """Return stored rows of values; raises StateError when they are none."""
    if set(map(len, rows)) - {VALUE_ROW.itemsize}:
        raise StateError("a stored row of a value cannot be read")
    return np.frombuffer(b"".join(rows), VALUE_ROW)


def cut(rows: Array) -> list[bytes]:
    """Return the bytes of each row."""
    packed, width = rows.tobytes(), rows.dtype.itemsize
    return [packed[i : i + width] for i in range(0, len(packed), width)]
