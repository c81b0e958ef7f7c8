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

#: Kinds of networks, by the first of these bits; the last is all others.
KINDS: Final = {
    "hosting": HOSTING,
    "anonymiser": ANONYMISER,
    "residential_proxy": RESIDENTIAL_PROXY,
    "other": 0,
}
#: ISO 3166-1, and XK, which databases use for Kosovo.
_CODES: Final = """
AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL
BM BN BO BQ BR BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV
CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD
GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM
IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK
LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW
MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR
PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS
ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY
UZ VA VC VE VG VI VN VU WF WS XK YE YT ZA ZM ZW
"""
#: Other letters are no country: logs write XX, ZZ or T1, and a client that chooses them could be in
#: many countries at once.
COUNTRIES: Final = frozenset(_CODES.split())


def country_code(text: object) -> int:
    """Return a code of :data:`COUNTRIES`, in any case, as a number (first letter times 256).

    0: other text.
    """
    if not isinstance(text, str) or not text.isascii():  # some letters become two in upper case
        return 0
    letters = text.upper()
    return ord(letters[0]) << 8 | ord(letters[1]) if letters in COUNTRIES else 0


def country_name(code: int) -> str:
    """Return the letters of :func:`country_code`; empty for 0."""
    return chr(code >> 8) + chr(code & 0xFF) if code else ""
