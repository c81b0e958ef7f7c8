"""Who may see incidents: whoever sends one of the tokens in a header, and nobody else.

No cookie: a browser sends nothing by itself, so another site can make it do nothing here.
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Final

from stream.errors import SettingsError

if TYPE_CHECKING:
    from stream.page.settings import PageSettings

_SHORTEST_TOKEN: Final = 16


class Access:
    """Knows the tokens; raises SettingsError without showing any."""

    def __init__(self, settings: PageSettings) -> None:
        """Read the tokens of the settings."""
        tokens = settings.token.reveal().split()
        if not tokens:
            raise SettingsError("page.token: missing, a page lets nobody in without")
        if any(len(token) < _SHORTEST_TOKEN for token in tokens):
            raise SettingsError(f"page.token: expected {_SHORTEST_TOKEN} characters or more")
        self._expected = tuple(f"Bearer {token}".encode() for token in tokens)

    def allows(self, authorization: str) -> bool:
        """Compare in a time that tells nothing of how much of a token is right."""
        given = authorization.encode(errors="replace")
        return any(hmac.compare_digest(given, expected) for expected in self._expected)
