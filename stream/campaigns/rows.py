"""The stored form of linking values and edges: small msgpack rows. Knows nothing of slots."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

import msgspec

from stream.errors import StateError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stream.types.batch import Array

#: What the keys of the rows of accounts, edges and values begin with.
ACCOUNT: Final = b"a"
EDGE: Final = b"e"
VALUE: Final = b"v"
_HEAD: Final = 10  # prefix, kind, value


class Row(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """A stored row; its fields are written in order, without names."""


class EdgeRow(Row, frozen=True, kw_only=True, array_like=True):
    """An account's use of a value."""

    since: float
    last: float
    requests: int
    input_tokens: int
    output_tokens: int
    fresh: bool
    unsent: bool


class AccountRow(Row, frozen=True, kw_only=True, array_like=True):
    """What is known of an account; ``created_at`` NaN when unknown."""

    created_at: float
    day_requests: float
    active_hours: int


class ValueRow(Row, frozen=True, kw_only=True, array_like=True):
    """A value that was sent on or is popular; of other values the edges say everything."""

    since: float
    last: float
    sent: float
    popular: bool
    changed: bool


R = TypeVar("R", bound=Row)

_encode = msgspec.msgpack.Encoder().encode


def account_key(account: str) -> bytes:
    """Return the key of an account's row."""
    return ACCOUNT + account.encode()


def account_of(key: bytes) -> str:
    """Return the account in the key of an account's row."""
    return key[1:].decode()


def value_key(value: int) -> bytes:
    """Return the key of the row of a value (see :func:`joint`)."""
    return VALUE + value.to_bytes(_HEAD - 1, "big")


def edge_key(value: int, account: str) -> bytes:
    """Return the key of an edge's row."""
    return EDGE + value.to_bytes(_HEAD - 1, "big") + account.encode()


def value_of(key: bytes) -> int:
    """Return the value in the key of a value's or an edge's row."""
    return int.from_bytes(key[1:_HEAD], "big")


def edge_account_of(key: bytes) -> str:
    """Return the account in the key of an edge's row."""
    return key[_HEAD:].decode()


def joint(kind: int, value: int) -> int:
    """Return a kind and a linking value of it as one number."""
    return kind << 64 | value


def encode(columns: Iterable[Array]) -> list[bytes]:
    """Return rows from their columns, in the order of the fields; much faster than one by one."""
    return [_encode(row) for row in zip(*(c.tolist() for c in columns), strict=True)]


def decode(rows: Iterable[bytes], kind: type[R]) -> list[R]:
    """Return stored rows; raises StateError when they are none of this kind."""
    one = msgspec.msgpack.Decoder(kind).decode
    try:
        return [one(row) for row in rows]
    except msgspec.MsgspecError as error:
        raise StateError(f"a stored {kind.__name__} cannot be read: {error}") from error
