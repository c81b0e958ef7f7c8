"""The signature of a drill record: a hash of the record, keyed by the operator's salt.

A client that chooses the content of a request does not know the salt and cannot write headers of a
record. The signature covers the whole record, so a copied signature is valid for a copy only.
"""

from __future__ import annotations

import hmac
from typing import Final

from stream.intake.fingerprint.keyed import blake2b

_BYTES: Final = 32


class DrillSigner:
    """Signs and verifies drill records; all workers and the drill command need the same salt."""

    def __init__(self, salt: bytes) -> None:
        """Derive the hash from the salt."""
        self._hash = blake2b(salt, "drill mark", _BYTES)

    def signature(self, value: bytes) -> bytes:
        """Return the signature of a record with this value."""
        state = self._hash.copy()
        state.update(value)
        return state.hexdigest().encode()

    def verify(self, value: bytes, signature: bytes) -> bool:
        """Return whether the signature is that of a record with this value."""
        return hmac.compare_digest(self.signature(value), signature)
