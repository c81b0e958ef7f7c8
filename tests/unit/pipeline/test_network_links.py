"""Accounts that call from several networks are linked by them; others are not."""

from __future__ import annotations

import numpy as np
import pytest

from stream.accounts.windows.account_windows import AccountWindows
from stream.core.links import LinkKind
from stream.core.networks import ANONYMISER, HOSTING, RESIDENTIAL_PROXY
from stream.intake.codec.event import RequestEvent
from stream.intake.fingerprint.fingerprinter import Fingerprinter
from stream.intake.fingerprint.networks import NO_DATABASES, NetworkFacts, NoDatabases
from stream.pipeline.link_extraction import WindowSnapshot, links_of
from stream.pipeline.window_rows import window_rows
from stream.store.account_table import AccountTable

END_S = 1_772_409_660.0


def links_by_network(addresses, lookup=NO_DATABASES):
    """Return how many requests link an account by each of its networks."""
    events = [
        RequestEvent(timestamp=END_S - 50 + i, account_id="a", model="m", client_ip=address)
        for i, address in enumerate(addresses)
    ]
    batch = Fingerprinter(b"salt", networks=lambda: lookup).columns(events, range(len(events)))
    table = AccountTable(AccountWindows.FIELDS, max_accounts=8)
    windows = AccountWindows(table)
    (rows,) = window_rows(END_S, 60.0, [batch], most=2)
    slots = windows.update(rows)
    found = links_of([WindowSnapshot.at(rows, windows, table, slots)]).columns
    of_network = found["kind"] == LinkKind.NETWORK
    assert not np.isin(found["value"][~of_network], found["value"][of_network]).any()
    return sorted(found["requests"][of_network].tolist())


@pytest.mark.parametrize(
    ("addresses", "requests"),
    [
        (["10.0.1.1", "10.0.1.2", "10.0.2.1", "10.0.3.1"], [1, 1, 2]),
        (["10.0.1.1", "10.0.1.2", "10.0.2.1"], []),  # a home and an office
        (["10.0.1.1"] * 5, []),
        ([None, "", "x"], []),
    ],
)
def test_an_account_with_several_networks_is_linked_by_each(addresses, requests):
    assert links_by_network(addresses) == requests


@pytest.mark.parametrize(
    ("kind", "linked"), [(HOSTING, 0), (ANONYMISER, 0), (RESIDENTIAL_PROXY, 4), (0, 4)]
)
def test_clouds_and_vpns_link_nobody_where_databases_know_them(kind, linked):
    class Known(NoDatabases):
        def of(self, _):
            return NetworkFacts(24, 64500, 0, kind)

    addresses = [f"10.0.{i}.1" for i in range(4)]
    assert len(links_by_network(addresses, Known())) == linked
