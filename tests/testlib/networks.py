"""Small databases of networks, as an operator would download them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from mmdb_writer import MMDBWriter
from netaddr import IPSet

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def database(
    path: Path,
    records: Mapping[str, Any],
    *,
    kind: str = "GeoLite2-ASN",
    ip_version: Literal[4, 6] = 6,
) -> Path:
    """Write a database with a record for each network; return its path."""
    writer = MMDBWriter(ip_version, kind, ipv4_compatible=ip_version == 6)
    for network, record in records.items():
        writer.insert_network(IPSet([network]), record)
    writer.to_db_file(str(path))
    return path


def asn(number: int) -> dict[str, Any]:
    """Return a record of an AS number as MaxMind writes it."""
    return {"autonomous_system_number": number, "autonomous_system_organization": "Example"}


def country(code: str) -> dict[str, Any]:
    """Return a record of a country as MaxMind writes it."""
    return {"country": {"iso_code": code}, "registered_country": {"iso_code": "ZZ"}}
