"""Columns of the caller's network: what an address gives, with and without databases."""

from __future__ import annotations

import ipaddress
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.core.networks import ANONYMISER, BROWSER, HOSTING, country_code, country_name
from stream.intake.codec.event import RequestEvent
from stream.intake.fingerprint import networks
from stream.intake.fingerprint.fingerprinter import Fingerprinter
from stream.intake.fingerprint.networks import NetworkFacts, NetworkHash, NoDatabases

US, DE = country_code("US"), country_code("DE")


class Known:
    """Facts by address, and how often each was looked up."""

    def __init__(self, facts, hosting_asns=()):
        self.facts = facts
        self.hosting_asns = np.array(hosting_asns, np.uint32)
        self.looked_up = Counter()

    def of(self, address):
        self.looked_up[address] += 1
        return self.facts.get(address, NetworkFacts())


def event(address, **fields):
    return RequestEvent(
        **{"timestamp": 1.76e9, "account_id": "a", "model": "m", "client_ip": address, **fields}
    )


def columns(*events, lookup=None):
    known = lookup or NoDatabases()
    batch = Fingerprinter(b"salt", networks=lambda: known).columns(events, range(len(events)))
    return {name: batch.columns[name].tolist() for name in ("network", "asn", "country", "hosting")}


def networks_of(*addresses, lookup=None):
    return columns(*map(event, addresses), lookup=lookup)["network"]


def test_without_databases_the_network_is_the_24_or_48():
    one, same, other = networks_of("203.0.113.1", "203.0.113.255", "203.0.112.1")
    assert one == same != other
    one, same, other = networks_of("2001:db8:1:2::1", "2001:db8:1:ffff::9", "2001:db8:2::1")
    assert one == same != other
    assert 0 not in {one, other}
    none = columns(event("203.0.113.1"))
    assert (none["asn"], none["country"], none["hosting"]) == ([0], [0], [0])


def test_spellings_of_an_address_are_one_network():
    found = networks_of("203.0.113.1", "203.0.113.1:443", "::ffff:203.0.113.7", " 203.0.113.9 , x")
    assert len(set(found)) == 1


@pytest.mark.parametrize("text", [None, "", "-", "unknown", "999.1.1.1", "x" * 400])
def test_other_text_has_no_network(text):
    assert columns(event(text), lookup=Known({})) == {
        "network": [0],
        "asn": [0],
        "country": [0],
        "hosting": [0],
    }


@pytest.mark.parametrize(
    ("length", "alike", "apart"),
    [
        (22, "203.0.112.9", "203.0.116.9"),  # as announced
        (24, "203.0.113.9", "203.0.112.9"),
        (29, "203.0.113.250", "203.0.112.9"),  # narrower than any that is routed
        (8, "203.0.113.250", "203.0.112.9"),  # a database that joined neighbours
    ],
)
def test_with_a_database_it_is_the_announced_prefix_of_a_useful_width(length, alike, apart):
    facts = dict.fromkeys(("203.0.113.1", alike, apart), NetworkFacts(length, 64500))
    one, same, other = networks_of("203.0.113.1", alike, apart, lookup=Known(facts))
    assert one == same != other


def test_facts_become_columns():
    facts = {
        "203.0.113.1": NetworkFacts(24, 2**32 - 1, US, HOSTING | ANONYMISER),
        "2001:db8::1": NetworkFacts(44, 64500, DE, 0),
    }
    found = columns(event("203.0.113.1"), event("2001:db8:0::1"), lookup=Known(facts))
    assert found["asn"] == [2**32 - 1, 64500]
    assert [*map(country_name, found["country"])] == ["US", "DE"]
    assert found["hosting"] == [HOSTING | ANONYMISER, 0]


def test_what_the_gateway_logged_wins():
    known = Known({"203.0.113.1": NetworkFacts(24, 64500, US, 0)}, hosting_asns=[64499])
    found = columns(
        event("203.0.113.1", asn=64499, country="de"),
        event("203.0.113.1", country="nowhere"),
        event(None, asn=7, country="FR"),
        lookup=known,
    )
    assert found["asn"] == [64499, 64500, 7]
    assert found["country"] == [DE, US, country_code("FR")]
    assert found["hosting"] == [HOSTING, 0, 0]  # by the AS number that counts


def test_a_browser_in_a_data_centre_is_marked():
    known = Known({"203.0.113.1": NetworkFacts(24, 64500, US, HOSTING)})
    agents = ("Mozilla/5.0 (X11)", "curl/8", None, "Mozilla/5.0 (X11)")
    addresses = ("203.0.113.1", "203.0.113.1", "203.0.113.1", "203.0.113.9")
    events = [event(a, user_agent=u) for a, u in zip(addresses, agents, strict=True)]
    found = columns(*events, lookup=known)["hosting"]
    assert found == [HOSTING | BROWSER, HOSTING, HOSTING, 0]


def test_an_address_is_looked_up_once():
    known = Known({})
    fingerprinter = Fingerprinter(b"salt", networks=lambda: known)
    for agent in ("x", "y"):
        for _ in range(3):
            fingerprinter.columns([event("203.0.113.1", user_agent=agent)] * 5, range(5))
    assert known.looked_up == {"203.0.113.1": 1}


def test_after_a_renewal_everything_is_looked_up_again():
    old = Known({"203.0.113.1": NetworkFacts(24, 1)})
    new = Known({"203.0.113.1": NetworkFacts(24, 2)})
    of_the_moment = [old]
    fingerprinter = Fingerprinter(b"salt", networks=lambda: of_the_moment[0])
    found = []
    for known in (old, old, new, new):
        of_the_moment[0] = known
        batch = fingerprinter.columns([event("203.0.113.1")], [0])
        found.append(int(batch.columns["asn"][0]))
    assert found == [1, 1, 2, 2]
    assert new.looked_up.total() == 1


def test_what_is_remembered_is_bounded(monkeypatch):
    monkeypatch.setattr(networks, "MAX_CACHED", 10)
    hashes = NetworkHash(b"salt")
    for i in range(100):
        hashes[f"10.0.0.{i}"]
        hashes[f"10.0.0.{i}" + " " * 200]
    assert len(hashes) <= 10
    assert all(len(address or "") < 100 for address in hashes)


@given(st.ip_addresses(), st.integers(0, 128))
def test_an_address_is_in_a_network_of_its_own_announced_prefix_or_narrower(address, length):
    lookup = Known({str(address): NetworkFacts(length, 1)})
    hashes = NetworkHash(b"salt", lookup)
    (found, _), low, high = hashes[str(address)], *networks._WIDTHS[address.version]
    mapped = getattr(address, "ipv4_mapped", None)
    if mapped is None:
        width = min(length, high) if length >= low else high
        around = ipaddress.ip_network((address, width), strict=False)
        assert found == hashes._hash.one(str(around)) != 0
