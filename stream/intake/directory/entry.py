"""One entry of the account directory: the JSON object on the topic, and its checks.

It knows neither Kafka nor files; :mod:`stream.intake.directory.directory` keeps their values.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from stream.core.errors import DecodeError
from stream.intake.codec.event import check_account
from stream.intake.codec.reasons import FAILURES, explain

#: Most bytes of an entry: its texts are ids.
MOST_BYTES: Final = 16_384
_NUMBER: Final = re.compile(r"\d{1,12}(\.\d+)?")

_Text = Annotated[str, Meta(max_length=1000)]


class AccountEntry(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The operator's data about an account; None: unknown. Other fields are ignored.

    ``created_at`` is epoch seconds or a date and time, which without a time zone is UTC.
    """

    created_at: float | _Text | None = None
    plan: _Text | None = None
    payment_id: _Text | None = None
    organization_id: _Text | None = None
    country: _Text | None = None
    labels: _Text | list[_Text] | dict[str, _Text] | None = None

    def __repr__(self) -> str:
        """Show no value."""
        return "AccountEntry()"


_entry = msgspec.json.Decoder(AccountEntry).decode


def decode(value: bytes, *, latest: float) -> AccountEntry:
    """Return an entry with ``created_at`` in epoch seconds; later times are rejected.

    Raises DecodeError.
    """
    if len(value) > MOST_BYTES:
        raise DecodeError("too_large", f"{len(value)} bytes, at most {MOST_BYTES}")
    if not value or value.isspace():
        raise DecodeError("empty")
    try:
        entry = _entry(value)
    except FAILURES as error:
        raise explain(error) from error
    created = entry.created_at
    if created is None:
        return entry
    time = epoch(created) if isinstance(created, str) else created
    if not 0 <= time <= latest:
        hint = ", milliseconds?" if time > 1e11 else ""  # noqa: PLR2004 - the year 5138 in seconds
        raise DecodeError("bad_timestamp", f"created_at: {time:.15g} s since 1970{hint}")
    return msgspec.structs.replace(entry, created_at=time)


def account_of(key: bytes | None) -> str:
    """Return the account that a key names; raises DecodeError."""
    try:
        account = (key or b"").decode()
    except UnicodeDecodeError as error:
        raise DecodeError("not_utf8", "key") from error
    check_account(account)
    return account


def epoch(text: str) -> float:
    """Return the time in a text, epoch seconds; raises DecodeError."""
    if _NUMBER.fullmatch(text):
        return float(text)
    try:
        time = datetime.fromisoformat(text)
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise DecodeError(
            "bad_timestamp", "created_at: expected epoch seconds or a date and time"
        ) from None
