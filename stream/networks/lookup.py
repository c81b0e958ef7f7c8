"""Facts about an address from all databases together, in any vendor's fields."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from stream.core.networks import ANONYMISER, HOSTING, RESIDENTIAL_PROXY, country_code
from stream.intake.fingerprint.networks import NetworkFacts

if TYPE_CHECKING:
    from collections.abc import Callable

    from stream.core.batch import Array
    from stream.networks.database import Database
    from stream.networks.hosting_list import HostingList

_MOST_ASN: Final = 2**32 - 1
#: Fields of GeoIP2 Anonymous IP -> bits. Its `is_anonymous` is true of hosting providers too.
_BITS: Final = {
    "is_hosting_provider": HOSTING,
    "is_anonymous_vpn": ANONYMISER,
    "is_public_proxy": ANONYMISER,
    "is_tor_exit_node": ANONYMISER,
    "is_residential_proxy": RESIDENTIAL_PROXY,
}


@dataclass(frozen=True, slots=True)
class DatabaseLookup:
    """A :class:`stream.intake.fingerprint.networks.NetworkLookup` in the loaded databases.

    ``count`` gets the name of each database and whether it knew the address.
    """

    count: Callable[[str, bool], None]
    asn: Database | None = None
    country: Database | None = None
    anonymiser: Database | None = None
    hosting: HostingList | None = None

    @property
    def hosting_asns(self) -> Array:
        """Return the AS numbers of the list, ascending, u4."""
        return np.zeros(0, np.uint32) if self.hosting is None else self.hosting.asns

    def of(self, address: str) -> NetworkFacts:
        """Return the facts about an address in its canonical spelling."""
        length = asn = country = bits = 0
        if self.asn is not None:
            record, prefix = self.asn.find(address)
            asn = asn_of(record)
            length = prefix if asn else 0
            self.count("asn", asn > 0)
        if self.country is not None:
            country = country_of(self.country.find(address)[0])
            self.count("country", country > 0)
        if self.anonymiser is not None:
            record, _ = self.anonymiser.find(address)
            bits = sum({bit for name, bit in _BITS.items() if record.get(name) is True})
            self.count("anonymiser", bits > 0)
        if self.hosting is not None:
            listed = self.hosting.has(address)
            bits |= HOSTING * listed
            self.count("hosting", listed)
        return NetworkFacts(length, asn, country, bits)


def asn_of(record: dict[str, Any]) -> int:
    """Return the AS number of a record of MaxMind or DB-IP, or of IPinfo (``AS64500``); 0: none."""
    number = record.get("autonomous_system_number")
    text = record.get("asn")
    if isinstance(text, str) and text[:2].upper() == "AS":
        digits = text[2:]
        number = int(digits) if digits.isascii() and digits.isdigit() else None
    return number if type(number) is int and 0 < number <= _MOST_ASN else 0


def country_of(record: dict[str, Any]) -> int:
    """Return the country of a record: where the address is, else where it is registered."""
    for name in ("country", "registered_country", "country_code"):
        part = record.get(name)
        code = country_code(part.get("iso_code") if isinstance(part, dict) else part)
        if code:
            return code
    return 0
