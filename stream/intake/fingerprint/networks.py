"""The network of a client's address: fingerprint, AS number, country, and who rents it out.

The network is the announced prefix where the operator's database knows one of a useful width, else
the /24 or /48 around the address. What databases know comes through a port: nothing is read here.
"""

from __future__ import annotations

from ipaddress import ip_network
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

import numpy as np

from stream.intake.fingerprint.address import canonical
from stream.intake.fingerprint.keyed import KeyedHash

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stream.core.batch import Array, Fingerprints

#: Addresses of which the network is kept; then it starts empty again. Each takes some 250 bytes.
MAX_CACHED: Final = 65_536
#: Longer text is no address.
_LONGEST: Final = 64
#: Widest and narrowest announced prefix that is used, by version: a database that joins adjacent
#: networks has prefixes that mean no more than the AS does (assumed), none narrower is routed.
_WIDTHS: Final = {4: (20, 24), 6: (40, 48)}
_ASN_BITS: Final = 32
_COUNTRY_BITS: Final = 16
_UNKNOWN: Final = (0, 0)


class NetworkFacts(NamedTuple):
    """What databases know of an address; 0 is unknown."""

    prefix_length: int = 0  # of the announced prefix
    asn: int = 0
    country: int = 0  # :func:`country_code`
    hosting: int = 0  # bits of stream.core.networks


class NetworkLookup(Protocol):
    """Facts by address; one object never changes, so its answers may be kept."""

    @property
    def hosting_asns(self) -> Array:
        """Return the AS numbers that rent out machines, ascending, u4."""
        ...

    def of(self, address: str) -> NetworkFacts:
        """Return the facts about an IPv4 or IPv6 address in its canonical spelling."""
        ...


class NoDatabases:
    """Knows nothing."""

    hosting_asns: Final[Array] = np.zeros(0, np.uint32)

    def of(self, address: str) -> NetworkFacts:
        """Return no facts."""
        del address
        return NetworkFacts()


NO_DATABASES: Final = NoDatabases()


def no_databases() -> NetworkLookup:
    """Return the lookup of an operator who has no databases."""
    return NO_DATABASES


class NetworkHash(dict[str | None, tuple[int, int]]):
    """Maps addresses to the fingerprint of their network and to packed facts; caches them."""

    def __init__(self, salt: bytes, lookup: NetworkLookup = NO_DATABASES) -> None:
        """Key the fingerprints with ``salt``."""
        super().__init__()
        self._hash = KeyedHash(salt, "network")
        self._lookup = lookup

    def __missing__(self, value: str | None) -> tuple[int, int]:
        """Look an address up."""
        found = self._of(value)
        if len(self) >= MAX_CACHED:
            self.clear()
        if value is None or len(value) <= _LONGEST:
            self[value] = found
        return found

    def use(self, lookup: NetworkLookup) -> bool:
        """Look up there from now on; return whether that is another one, with other facts."""
        changed = lookup is not self._lookup
        if changed:
            self._lookup = lookup
            self.clear()
        return changed

    def network_of(self, value: str) -> str:
        """Return the network of an address in CIDR notation, empty for other text."""
        found = canonical(value)
        return "" if found is None else _network(*found, self._lookup.of(found[0]))

    def _of(self, value: str | None) -> tuple[int, int]:
        found = None if value is None else canonical(value)
        if found is None:
            return _UNKNOWN
        facts = self._lookup.of(found[0])
        packed = (facts.hosting << _COUNTRY_BITS | facts.country) << _ASN_BITS | facts.asn
        return self._hash.one(_network(*found, facts)), packed


def _network(address: str, version: int, facts: NetworkFacts) -> str:
    widest, narrowest = _WIDTHS[version]
    known = widest <= facts.prefix_length
    return _around(address, min(facts.prefix_length, narrowest) if known else narrowest)


def _around(address: str, width: int) -> str:
    """Return the network of an address; the usual one by its text, which is faster."""
    if width == _WIDTHS[4][1]:
        return f"{address.rpartition('.')[0]}.0/{width}"
    return str(ip_network((address, width), strict=False))


class NetworkColumn:
    """One of the two values of :class:`NetworkHash` as a column: 0 fingerprint, 1 facts."""

    def __init__(self, hashes: NetworkHash, place: int) -> None:
        """Read value number ``place``."""
        self._hashes = hashes
        self._place = place

    def cached(self, values: Sequence[str | None]) -> Fingerprints:
        """Return the column of addresses, shape ``(n,)``, u8."""
        of, place = self._hashes.__getitem__, self._place
        return np.fromiter((of(value)[place] for value in values), np.uint64, len(values))


def unpacked(facts: Fingerprints) -> dict[str, Array]:
    """Return the columns ``asn``, ``country`` and ``hosting`` of packed facts, each ``(n,)``."""
    return {
        "asn": (facts & np.uint64(2**_ASN_BITS - 1)).astype(np.uint32),
        "country": ((facts >> np.uint64(_ASN_BITS)) & np.uint64(2**_COUNTRY_BITS - 1)).astype(
            np.uint16
        ),
        "hosting": (facts >> np.uint64(_ASN_BITS + _COUNTRY_BITS)).astype(np.uint8),
    }
