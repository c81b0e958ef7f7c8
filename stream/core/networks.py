"""Facts about a caller's network as numbers: countries, and who rents the network out."""

from __future__ import annotations

from typing import Final

#: Bits of the column ``hosting``: a provider of machines; a VPN, Tor or open proxy; homes whose
#: connection is rented out.
HOSTING: Final = 1
ANONYMISER: Final = 2
RESIDENTIAL_PROXY: Final = 4
#: Beside one of these: the request came with the user agent of a browser.
BROWSER: Final = 8

_LETTERS: Final = 2
#: What logs and databases write for an unknown country (ISO 3166 user-assigned codes).
_UNKNOWN: Final = frozenset({"XX", "ZZ"})


def country_code(text: object) -> int:
    """Return the two letters of ISO 3166 as a number (first letter times 256); 0: none."""
    if not isinstance(text, str) or len(text) != _LETTERS:
        return 0
    letters = text.upper()
    if not (letters.isascii() and letters.isalpha()) or letters in _UNKNOWN:
        return 0
    return ord(letters[0]) << 8 | ord(letters[1])


def country_name(code: int) -> str:
    """Return the letters of :func:`country_code`; empty for 0."""
    return chr(code >> 8) + chr(code & 0xFF) if code else ""
