"""Access by a token in the Authorization header.

There is no cookie: a browser sends the token only from the page, so other sites cannot use it.
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Final

from stream.core.errors import SettingsError

if TYPE_CHECKING:
    from stream.core.secret import Secret

_SHORTEST_TOKEN: Final = 16


class Bearer:
    """Knows the tokens; raises SettingsError with the name of the setting and no token."""

    def __init__(self, tokens: Secret, *, setting: str) -> None:
        """Read ``tokens``, which spaces separate."""
        found = tokens.reveal().split()
        if not found:
            raise SettingsError(f"{setting}: missing, every request needs a token")
        if any(len(token) < _SHORTEST_TOKEN for token in found):
            raise SettingsError(f"{setting}: expected {_SHORTEST_TOKEN} characters or more")
        self._expected = tuple(f"Bearer {token}".encode() for token in found)

    def allows(self, authorization: str) -> bool:
        """Return whether one of the tokens is given."""
        return self.position(authorization) > 0

    def position(self, authorization: str) -> int:
        """Return which of the tokens is given, from 1, or 0: none.

        It compares in constant time, so that timing reveals no part of a token.
        """
        given = authorization.encode(errors="replace")
        found = [hmac.compare_digest(given, expected) for expected in self._expected]
        return found.index(True) + 1 if True in found else 0
