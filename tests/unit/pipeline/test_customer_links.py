"""Many people behind an account link it with others that began on that day; machines do not."""

from __future__ import annotations

import numpy as np

from stream.accounts.windows.account_windows import AccountWindows, WindowRows
from stream.core.links import LinkKind
from stream.core.networks import HOSTING
from stream.intake.codec.event import RequestEvent
from stream.intake.fingerprint.fingerprinter import Fingerprinter
from stream.pipeline.link_extraction import WindowSnapshot, links_of
from stream.store.account_table import AccountTable

START_S = 1_772_409_600.0  # midnight
WINDOW_S = 60.0

Calls = list[tuple[int, int]]  # network and client of each request


def linked(calls: Calls, *, at_h: float = 0.0, hosting: int = 0) -> dict[int, int]:
    """Return value -> requests of one account that begins at ``at_h`` with these requests."""
    begin = START_S + at_h * 3600
    events = [
        RequestEvent(
            timestamp=begin,
            account_id="a",
            model="m",
            client_ip=f"10.{network // 250}.{network % 250}.{i % 250}",
            user_agent=f"client/{client}",
        )
        for i, (network, client) in enumerate(calls)
    ]
    columns = Fingerprinter(b"salt").columns(events, range(len(events))).columns
    columns = {**columns, "hosting": np.full(len(calls), hosting, columns["hosting"].dtype)}
    table = AccountTable(AccountWindows.FIELDS, max_accounts=4)
    windows = AccountWindows(table)
    rows = WindowRows(begin + WINDOW_S, WINDOW_S, ["a"], np.array([0]), columns)
    found = links_of([WindowSnapshot.at(rows, windows, table, windows.update(rows))]).columns
    own = found["kind"] == LinkKind.CUSTOMERS
    value, requests = (found[name][own].tolist() for name in ("value", "requests"))
    return dict(zip(value, requests, strict=True))


#: Thirty people, five requests each.
MANY = [(i, i) for i in range(30)] * 5


def test_an_account_of_many_people_is_linked_by_the_day_that_it_began() -> None:
    assert list(linked(MANY).values()) == [150, 150]
    early, noon, next_noon = (set(linked(MANY, at_h=hours)) for hours in (1, 13, 30))
    assert len(early & noon) == len(noon & next_noon) == 1
    assert not early & next_noon


def test_so_is_one_of_which_every_request_comes_from_another_network() -> None:
    assert linked([(i, 0) for i in range(30)])


def test_one_person_is_not() -> None:
    at_home_and_away = [(i % 4, i % 2) for i in range(200)]
    behind_a_carrier = [(0, 0)] * 60
    on_the_move = [(i, 0) for i in range(12)]
    for calls in (at_home_and_away, behind_a_carrier, on_the_move):
        assert not linked(calls)


def test_a_fleet_of_machines_is_not() -> None:
    assert not linked([(i, i % 4) for i in range(100)] * 9)


def test_nor_is_a_company_behind_a_few_exits() -> None:
    assert not linked([(i % 5, i) for i in range(100)])


def test_requests_from_hosting_networks_link_nobody() -> None:
    assert not linked(MANY, hosting=HOSTING)
