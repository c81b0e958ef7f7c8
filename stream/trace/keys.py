"""The keys of the hashes of answers, each known by an id that is derived from it.

Keys are changed from time to time. Hashes under a key that has been destroyed match no text any
more, also for those who have the records.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from stream.core.errors import SettingsError
from stream.intake.fingerprint.keyed import blake2b

if TYPE_CHECKING:
    from stream.core.secret import Secret

_SHORTEST_KEY: Final = 32
_ID_BYTES: Final = 8


class TraceKey(NamedTuple):
    """A key, and the id that names it in records: 16 hex digits that do not reveal it."""

    key_id: str
    key: bytes

    def __repr__(self) -> str:
        """Show the id alone."""
        return f"TraceKey({self.key_id!r})"


def trace_keys(secret: Secret) -> tuple[TraceKey, ...]:
    """Return the keys of ``trace.key``, which spaces separate; intake uses the first.

    Raises SettingsError without a key, or if one is too short.
    """
    found = secret.reveal().split()
    if not found:
        raise SettingsError(
            "trace.key: missing, the hashes of answers are keyed with it: set "
            "DISTILLWATCH_TRACE_KEY_FILE to the file that workers have"
        )
    if any(len(key) < _SHORTEST_KEY for key in found):
        raise SettingsError(f"trace.key: expected {_SHORTEST_KEY} characters or more in each key")
    return tuple(TraceKey(_key_id(key.encode()), key.encode()) for key in dict.fromkeys(found))


def _key_id(key: bytes) -> str:
    return blake2b(key, "trace key id", _ID_BYTES).hexdigest()
