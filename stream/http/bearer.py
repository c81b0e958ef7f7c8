"""Who is let in: whoever sends one of the tokens of a setting in a header, and nobody else.

No cookie: a browser sends nothing by itself, so another site can make it do nothing here.
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
            raise SettingsError(f"{setting}: missing, nobody is let in without")
        if any(len(token) < _SHORTEST_TOKEN for token in found):
            raise SettingsError(f"{setting}: expected {_SHORTEST_TOKEN} characters or more")
        self._expected = tuple(f"Bearer {token}".encode() for token in found)

    def allows(self, authorization: str) -> bool:
        """Compare in a time that tells nothing of how much of a token is right."""
        given = authorization.encode(errors="replace")
        return any(hmac.compare_digest(given, expected) for expected in self._expected)
