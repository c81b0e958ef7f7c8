"""How many phrases of an account make links: none of strangers, a sample of whoever asks much."""

from __future__ import annotations

import numpy as np
import pytest

from stream.accounts.windows.account_windows import AccountWindows, WindowRows
from stream.core.links import LinkKind
from stream.intake.codec.event import RequestEvent
from stream.intake.fingerprint.fingerprinter import Fingerprinter
from stream.pipeline.link_extraction import WindowSnapshot, links_of
from stream.store.account_table import AccountTable

START_S = 1_772_409_600.0
WINDOW_S = 60.0


def phrases(requests: int, *, first: int = 0) -> set[int]:
    """Return the values that an account links by that asks so many items, from the first on."""
    events = [
        RequestEvent(
            timestamp=START_S,
            account_id="a",
            model="m",
            prompt=f"tell me about item{i} of the list{i} and what follows{i} from it",
        )
        for i in range(first, first + requests)
    ]
    batch = Fingerprinter(b"salt").columns(events, range(requests))
    table = AccountTable(AccountWindows.FIELDS, max_accounts=4)
    windows = AccountWindows(table)
    rows = WindowRows(START_S + WINDOW_S, WINDOW_S, ["a"], np.array([0]), batch.columns)
    found = links_of([WindowSnapshot.at(rows, windows, table, windows.update(rows))]).columns
    return set(found["value"][found["kind"] == LinkKind.PHRASE].tolist())


@pytest.mark.parametrize(("requests", "expected"), [(1, 0), (2, 0), (3, 6), (80, 160)])
def test_all_of_a_light_account_count_once_it_is_none_that_came_once(requests, expected) -> None:
    assert len(phrases(requests)) == expected


def test_of_a_heavy_account_a_sample_counts() -> None:
    assert 150 < len(phrases(2000)) < 250


def test_the_samples_of_two_accounts_are_of_the_same_values() -> None:
    ours, theirs = phrases(2000), phrases(2000, first=1000)
    # Half of what they ask is the same, so half of what is kept of it is.
    assert len(ours & theirs) > 0.4 * len(ours)
