"""The stored form of linking values, accounts and edges: packed rows. Knows nothing of slots."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from stream.errors import StateError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from stream.campaigns.columns import Columns
    from stream.types.batch import Array

#: What the keys of the rows of accounts, edges and values begin with.
ACCOUNT: Final = b"a"
EDGE: Final = b"e"
VALUE: Final = b"v"

#: An account's use of a value.
EDGE_ROW: Final = np.dtype(
    [
        ("since", "<f8"),
        ("last", "<f8"),
        ("requests", "<i8"),
        ("input_tokens", "<i8"),
        ("output_tokens", "<i8"),
        ("fresh", "?"),
        ("unsent", "?"),
    ]
)
#: What is known of an account; ``created_at`` NaN when unknown.
ACCOUNT_ROW: Final = np.dtype(
    [("created_at", "<f8"), ("day_requests", "<f8"), ("active_hours", "u1")]
)
#: A value that was sent on or is popular; of other values the edges say everything.
VALUE_ROW: Final = np.dtype(
    [("since", "<f8"), ("last", "<f8"), ("sent", "<f8"), ("popular", "?"), ("changed", "?")]
)

#: What the key of a value's or an edge's row begins with.
_HEAD: Final = np.dtype([("prefix", "S1"), ("kind", "u1"), ("value", ">u8")])


def account_keys(accounts: Iterable[str]) -> list[bytes]:
    """Return the keys of the rows of accounts."""
    return [ACCOUNT + account.encode() for account in accounts]


def accounts_of(keys: Iterable[bytes]) -> list[str]:
    """Return the accounts in the keys of their rows."""
    return [key[1:].decode() for key in keys]


def value_keys(kinds: Array, values: Array) -> list[bytes]:
    """Return the keys of the rows of values."""
    return _heads(VALUE, kinds, values)


def edge_keys(kinds: Array, values: Array, accounts: Sequence[str]) -> list[bytes]:
    """Return the keys of the rows of edges."""
    heads = _heads(EDGE, kinds, values)
    return [head + name.encode() for head, name in zip(heads, accounts, strict=True)]


def values_of(keys: Collection[bytes]) -> tuple[Array, Array]:
    """Return the kinds (u1) and values (u8) in the keys of the rows of values or edges."""
    heads = np.frombuffer(b"".join([key[: _HEAD.itemsize] for key in keys]), _HEAD)
    return heads["kind"], heads["value"].astype(np.uint64)


def edge_accounts_of(keys: Iterable[bytes]) -> list[str]:
    """Return the accounts in the keys of the rows of edges."""
    return [key[_HEAD.itemsize :].decode() for key in keys]


def encode(columns: Columns, slots: Array, row: np.dtype[np.void]) -> list[bytes]:
    """Return rows of some slots of columns that have all fields of the row."""
    rows = np.empty(len(slots), row)
    for name in row.fields or ():
        rows[name] = columns[name][slots]
    return _cut(rows)


def decode(rows: Collection[bytes], row: np.dtype[np.void]) -> Array:
    """Return stored rows as one structured array; raises StateError when they are none."""
    if set(map(len, rows)) - {row.itemsize}:
        raise StateError(f"a stored row of {' '.join(row.names or ())} cannot be read")
    return np.frombuffer(b"".join(rows), row)


def _heads(prefix: bytes, kinds: Array, values: Array) -> list[bytes]:
    heads = np.empty(len(kinds), _HEAD)
    heads["prefix"], heads["kind"], heads["value"] = prefix, kinds, values
    return _cut(heads)


def _cut(rows: Array) -> list[bytes]:
    packed, width = rows.tobytes(), rows.dtype.itemsize
    return [packed[i : i + width] for i in range(0, len(packed), width)]
