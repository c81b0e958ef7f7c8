"""Signs records about decisions, so that writing to a topic is not enough to make one.

HMAC-SHA256 (RFC 2104) over the bytes of key and value as they are written: a reader of another
version verifies fields that it does not know. The signature travels as a header of the record.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING, Final

from stream.core.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stream.core.secret import Secret

#: Name of the header that holds the signature, 64 hex digits.
HEADER: Final = "signature"
#: What is signed, so that no record passes for one of another topic.
DECISIONS: Final = b"distillwatch decision 1"
AUDIT: Final = b"distillwatch audit 1"
EFFECTS: Final = b"distillwatch effect 1"
_SHORTEST_KEY: Final = 32


class Signer:
    """Signs with the first key and accepts signatures of all, so that keys can be changed."""

    def __init__(self, keys: Secret, purpose: bytes = DECISIONS) -> None:
        """Read ``keys``, which spaces separate; raises SettingsError with no key in it."""
        self._purpose = purpose
        found = keys.reveal().split()
        if not found:
            raise SettingsError("decisions.key: missing, decisions are signed with it")
        if any(len(key) < _SHORTEST_KEY for key in found):
            raise SettingsError(f"decisions.key: expected {_SHORTEST_KEY} characters or more")
        self._keys = tuple(key.encode() for key in found)

    def sign(self, key: bytes, value: bytes) -> bytes:
        """Return the signature of a record, 64 hex digits."""
        return self._signature(self._keys[0], key, value)

    def signed(self, key: bytes, value: bytes, signature: bytes) -> bool:
        """Return whether a record has been signed with one of the keys."""
        return any(
            hmac.compare_digest(self._signature(secret, key, value), signature)
            for secret in self._keys
        )

    def _signature(self, secret: bytes, key: bytes, value: bytes) -> bytes:
        # The length of the key keeps its end apart from the value's beginning.
        message = b"\n".join((self._purpose, b"%d" % len(key), key + value))
        return hmac.new(secret, message, hashlib.sha256).hexdigest().encode()


def signature_of(headers: Iterable[tuple[str, bytes]]) -> bytes | None:
    """Return the signature among a record's headers."""
    return next((value for name, value in headers if name == HEADER), None)


def digest(value: bytes) -> str:
    """Return the hash of a state as it was written: the ``previous`` of the next one."""
    return hashlib.sha256(value).hexdigest()
