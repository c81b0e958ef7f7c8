from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.intake.sharing.linking import LinkingTable

#: As of distinct fingerprints: spread over all 64 bits.
_SPREAD = 0x9E3779B97F4A7C15


def fingerprint(number: int) -> int:
    return number * _SPREAD % 2**64


def note(table: LinkingTable, rows: list[tuple[int, int]]) -> list[int]:
    values = np.array([fingerprint(value) for value, _ in rows], np.uint64)
    return table.note(values, np.array([account for _, account in rows], np.int64))


@given(
    st.integers(2, 6),
    st.lists(st.lists(st.tuples(st.integers(0, 5), st.integers(1, 8)), max_size=12), max_size=12),
)
def test_a_value_is_returned_once_with_the_account_that_makes_it_enough(least, batches) -> None:
    table = LinkingTable(most=1 << 16, least_accounts=least)
    had: dict[int, set[int]] = {}
    for rows in batches:
        expected = []
        for row, (value, account) in enumerate(rows):
            if not value:
                continue
            accounts = had.setdefault(value, set())
            if account not in accounts and len(accounts) == least - 1:
                expected.append(row)
            accounts.add(account)
        assert note(table, rows) == expected


def test_memory_is_bounded_and_a_value_in_use_is_noted_amid_a_flood() -> None:
    table = LinkingTable(most=1024, least_accounts=2)
    rng = np.random.default_rng(1)
    found = 0
    for turn in range(200):
        flood = rng.integers(1, 2**63, 500).astype(np.uint64)
        values = np.concatenate([flood, np.array([fingerprint(1)] * 2, np.uint64)])
        accounts = np.concatenate([np.arange(1, 501), [turn % 7 + 1, turn % 5 + 1]])
        found += any(row >= 500 for row in table.note(values, accounts))
    assert found
    assert sum(getattr(table, name).nbytes for name in ("_value", "_accounts", "_done")) < 20_000


@pytest.mark.parametrize("rows", [[(1, 3), (1, 3)], [(0, 1), (0, 2)], []])
def test_one_account_and_absent_values_link_nothing(rows) -> None:
    assert note(LinkingTable(most=1024, least_accounts=2), rows) == []


def test_a_value_that_could_not_be_sent_is_noted_once_more() -> None:
    table = LinkingTable(most=1024, least_accounts=2)
    assert note(table, [(1, 1), (1, 2)]) == [1]
    assert note(table, [(1, 3)]) == []
    table.forget(fingerprint(1))
    assert note(table, [(1, 4)]) == [0]
