"""Leaves out a large member that is the same in record after record, before it is parsed.

LiteLLM writes what it knows of the model into every payload: 11 of 14 kB, which no field of an
event is taken from. To skip it, the parser has to read it, which is two thirds of its time; to
compare it with the one before takes a tenth of that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Shorter ones are skipped as fast.
_LEAST_BYTES: Final = 2048
MAX_BYTES: Final = 65_536
#: Members with as many equal bytes at their beginning are likely to be equal. Assumed: LiteLLM's
#: begin with the name of the model.
_BEGINNING: Final = 64
MAX_KEPT: Final = 64
#: How much more often a member may be looked for than it was found, until it is left alone.
_CREDIT: Final = 256

_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


class RepeatedMember:
    """Knows a member's values of late: at most 64 of 64 KiB, by their beginnings."""

    def __init__(self, key: str) -> None:
        """``key`` is one of the top level, and no field of an event is below it."""
        self._key = key
        self._mark = f'"{key}":'.encode()
        self._kept: dict[bytes, bytes] = {}
        self._credit = _CREDIT

    def without(self, value: bytes) -> bytes:
        """Return a JSON object whose member has become null, if the value is a known one.

        The result is valid JSON if, and only if, ``value`` is: in both, a whole value stands behind
        the key's colon, and what comes before and after it is the same. (The key's quotes cannot
        stand inside of a text, where they would end it.)
        """
        if self._credit <= 0:
            return value
        start = value.find(self._mark) + len(self._mark)
        if start < len(self._mark):
            return value
        start += value[start : start + 1] == b" "
        known = self._kept.get(value[start : start + _BEGINNING])
        if known is not None and value.startswith(known, start):
            self._credit = min(self._credit + 1, _CREDIT)
            return b"".join((value[:start], b"null", value[start + len(known) :]))
        self._credit -= 1
        self._learn(value, start)
        return value

    def _learn(self, value: bytes, start: int) -> None:
        """Keep the member's value, if it stands at ``start`` and is worth it."""
        try:
            found = _members(value).get(self._key)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return
        known = bytes(found or b"")
        if (
            known[:1] == b"{"
            and _LEAST_BYTES <= len(known) <= MAX_BYTES
            and value.startswith(known, start)
        ):
            if len(self._kept) >= MAX_KEPT:
                self._kept.clear()
            self._kept[known[:_BEGINNING]] = known


def without_all(members: Iterable[RepeatedMember], value: bytes) -> bytes:
    """Return a JSON object without the known values of several members."""
    for member in members:
        value = member.without(value)
    return value
