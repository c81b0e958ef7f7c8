"""The text file of hosting providers' networks: CIDRs and AS numbers, a line each."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_address, ip_network
from typing import TYPE_CHECKING, Final

import numpy as np

from stream.core.errors import DatabaseError
from stream.networks.database import read

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from stream.core.batch import Array

#: Further lines are not read. The published ranges of the five largest clouds have 60,000.
MOST_LINES: Final = 1_000_000
_MOST_ASN: Final = 2**32 - 1
_COMMENT: Final = "#"


@dataclass(frozen=True, slots=True)
class _Ranges:
    """Addresses as numbers, ascending and apart: range i is ``first[i]`` to ``last[i]``."""

    first: Sequence[int]
    last: Sequence[int]

    def has(self, address: int) -> bool:
        place = bisect_right(self.first, address) - 1
        return place >= 0 and address <= self.last[place]


class HostingList:
    """Which addresses and ASes rent out machines."""

    def __init__(self, text: str) -> None:
        """Read the lines; those that are neither are counted in :attr:`skipped`."""
        asns: set[int] = set()
        four: list[IPv4Network] = []
        six: list[IPv6Network] = []
        self.skipped = 0
        for line in text.splitlines()[:MOST_LINES]:
            entry = line.partition(_COMMENT)[0].strip()
            if not entry:
                continue
            found = _entry(entry)
            if isinstance(found, IPv4Network):
                four.append(found)
            elif isinstance(found, IPv6Network):
                six.append(found)
            elif found is None:
                self.skipped += 1
            else:
                asns.add(found)
        self.asns: Array = np.array(sorted(asns), np.uint32)
        self._ranges = {4: _ranges([*collapse_addresses(four)]),
                        6: _ranges([*collapse_addresses(six)])}  # fmt: skip
        self._is_empty = not (four or six)

    @classmethod
    def of(cls, path: Path) -> HostingList:
        """Read a file; raises DatabaseError, also when no line of it is an entry."""
        found = cls(read(path).decode(errors="replace"))
        if found._is_empty and not len(found.asns):
            raise DatabaseError("damaged", f"{path}: no line is a CIDR or an AS number")
        return found

    def has(self, address: str) -> bool:
        """Return whether a network of the list has the address."""
        if self._is_empty:
            return False
        found = ip_address(address)
        return self._ranges[found.version].has(int(found))


def _entry(text: str) -> IPv4Network | IPv6Network | int | None:
    """Return a network or an AS number; None for other text."""
    digits = text[2:] if text[:2].upper() == "AS" else text
    if digits.isascii() and digits.isdigit():
        number = int(digits) if len(digits) <= len(str(_MOST_ASN)) else 0
        return number if 0 < number <= _MOST_ASN else None
    try:
        return ip_network(text, strict=False)
    except ValueError:
        return None


def _ranges(networks: Sequence[IPv4Network] | Sequence[IPv6Network]) -> _Ranges:
    return _Ranges(
        [int(one.network_address) for one in networks],
        [int(one.broadcast_address) for one in networks],
    )
