"""Co-location equals a comparison of sets; a burst is a window with more than chance would have."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.campaigns.graph.bursts import ScanStatistic
from stream.campaigns.graph.colocation import co_located
from stream.campaigns.graph.snapshot import Snapshot
from stream.campaigns.links.account_facts import known_accounts
from stream.campaigns.links.bipartite_graph import BipartiteGraph
from stream.campaigns.links.indicators import find
from stream.core.links import LinkKind

START_S = 1_772_409_600.0
HOUR_S = 3600.0


def snapshot_of(uses: list[tuple[int, int, int, float]], time: float) -> tuple:
    """Return table and snapshot of (account, kind, value, first use)."""
    table = BipartiteGraph()
    values = table.value_slots([int(kind) for _, kind, _, _ in uses], [v for _, _, v, _ in uses])
    accounts = table.account_slots([f"a{account}" for account, _, _, _ in uses])
    edges = table.edge_slots(values, accounts, most=100)
    table.edges["since"][edges] = [since for *_, since in uses]
    table.edges["last"][edges] = time
    return table, Snapshot.of(table, time)


@given(
    st.sets(
        st.tuples(
            st.integers(0, 7),
            st.sampled_from([LinkKind.ADDRESS, LinkKind.TEMPLATE]),
            st.integers(1, 4),
        ),
        min_size=8,
    ),
    st.sampled_from([0, 1 << 24]),
)
def test_co_located_accounts_share_two_addresses(uses, table_bytes) -> None:
    table, snapshot = snapshot_of([(*use, START_S) for use in sorted(uses)], START_S)
    known = sorted(known_accounts(table, (f"a{i}" for i in range(8))))
    slots = dict(zip(known, table.find_accounts(known).tolist(), strict=True))
    pairs = [(a, b) for a in known for b in known if a < b]
    of = {n: {v for a, kind, v in uses if f"a{a}" == n and kind == LinkKind.ADDRESS} for n in known}
    left = np.array([slots[a] for a, _ in pairs], np.int64)
    right = np.array([slots[b] for _, b in pairs], np.int64)
    with pytest.MonkeyPatch.context() as patch:  # with a table of bits and without
        patch.setattr("stream.campaigns.graph.colocation._MOST_BYTES", table_bytes)
        found = co_located(snapshot, left, right).tolist()
    assert found == [len(of[a] & of[b]) > 1 for a, b in pairs]


def payments(began_h: list[float], hours: float) -> tuple[ScanStatistic, dict[int, int]]:
    """Return the bursts of payments for two each that began at these hours, and their slots."""
    uses = [
        (2 * i + j, int(LinkKind.PAYMENT), i + 1, START_S + hour * HOUR_S)
        for i, hour in enumerate(began_h)
        for j in range(2)
    ]
    table, snapshot = snapshot_of(uses, START_S + hours * HOUR_S)
    payments = [(LinkKind.PAYMENT, i + 1) for i in range(len(began_h))]
    slots = {slot: i for i, slot in enumerate(find(table, payments).tolist())}
    return ScanStatistic.of_payments(table, snapshot, origin=START_S), slots


def test_payments_that_are_there_when_the_log_begins_are_no_burst() -> None:
    bursts, _ = payments([0.5] * 9, 30)
    assert bursts.find() == []


def test_bursts_are_the_fullest_windows_first() -> None:
    bursts, slots = payments([8, 8.5, 9, 20, 20.5, 21, 21.5, 27], 30)
    found = [{slots[slot] for slot in cohort.tolist()} for cohort in bursts.find()]
    assert found == [{3, 4, 5, 6}, {0, 1, 2}]


def test_as_many_as_expected_have_a_log_p_of_zero_and_many_more_a_high_one() -> None:
    bursts, slots = payments([7 + 3.5 * i for i in range(18)] + [40.1] * 12, 70)
    every = np.array([*slots], np.int64)
    count, expected = bursts.busiest(every)
    assert count == 13  # with the one that happened to begin in these hours
    assert expected == pytest.approx(3 * 18 / (64 / 3))
    assert type(expected) is float  # an alert tells it, and JSON knows no number of numpy's
    assert bursts.log_p(count, expected) > 3
    assert bursts.log_p(int(expected), expected) == 0


@given(st.integers(1, 60), st.floats(0.1, 20))
def test_the_log_p_is_no_greater_than_that_of_the_tail(count: int, expected: float) -> None:
    bursts, _ = payments([8.0], 9)
    tail = sum(
        math.exp(k * math.log(expected) - expected - math.lgamma(k + 1)) for k in range(count, 300)
    )
    assert bursts.log_p(count, expected) <= -math.log(max(tail, 1e-300)) + 1e-6
