"""The stored form of linking values and edges: small msgpack rows. Knows nothing of slots."""

from __future__ import annotations

from typing import Final

import msgspec

_ACCOUNT: Final = b"a"
_EDGE: Final = b"e"
_VALUE: Final = b"v"
_HEAD: Final = 10  # prefix, kind, value


class Row(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """A stored row; its fields are written in order, without names."""

    def encode(self) -> bytes:
        """Return the row's bytes."""
        return _encode(self)


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


_encode = msgspec.msgpack.Encoder().encode
_decode_account = msgspec.msgpack.Decoder(AccountRow).decode
_decode_edge = msgspec.msgpack.Decoder(EdgeRow).decode
_decode_value = msgspec.msgpack.Decoder(ValueRow).decode


def account_key(account: str) -> bytes:
    """Return the key of an account's row."""
    return _ACCOUNT + account.encode()


def value_key(kind: int, value: int) -> bytes:
    """Return the key of a value's row."""
    return _VALUE + bytes([kind]) + value.to_bytes(8, "big")


def edge_key(kind: int, value: int, account: str) -> bytes:
    """Return the key of an edge's row."""
    return _EDGE + bytes([kind]) + value.to_bytes(8, "big") + account.encode()


def read(key: bytes, blob: bytes) -> tuple[int, int, str, Row] | None:
    """Return (kind, value, account, row), 0 and "" where they do not apply; None if another's."""
    prefix, kind, value, rest = key[:1], key[1:2], key[2:_HEAD], key[_HEAD:]
    if prefix == _ACCOUNT:
        return 0, 0, key[1:].decode(), _decode_account(blob)
    if prefix == _EDGE:
        return kind[0], int.from_bytes(value, "big"), rest.decode(), _decode_edge(blob)
    if prefix == _VALUE:
        return kind[0], int.from_bytes(value, "big"), "", _decode_value(blob)
    return None
