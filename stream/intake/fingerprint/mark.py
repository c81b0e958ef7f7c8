"""The mark of a drill's record: a keyed hash of the whole of it, by the operator's salt.

Whoever chooses what is in a request knows no salt and writes no headers of a record. The whole
record is covered, so a mark that was seen marks nothing but the same record again.
"""

from __future__ import annotations

import hmac
from typing import Final

from stream.intake.fingerprint.keyed import blake2b

_BYTES: Final = 32


class Marker:
    """Makes and verifies marks; all workers and whoever drills need the same salt."""

    def __init__(self, salt: bytes) -> None:
        """Derive the hash from the salt."""
        self._hash = blake2b(salt, "drill mark", _BYTES)

    def mark(self, value: bytes) -> bytes:
        """Return the mark of a record with this value."""
        state = self._hash.copy()
        state.update(value)
        return state.hexdigest().encode()

    def is_right(self, value: bytes, mark: bytes) -> bool:
        """Say whether a record has the mark that it has to have."""
        return hmac.compare_digest(self.mark(value), mark)
