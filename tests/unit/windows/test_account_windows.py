"""Rolling state equals brute force over the same events, however they are cut into windows."""

from __future__ import annotations

from collections import defaultdict
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.accounts.windows.account_windows import METRICS, AccountWindows
from stream.accounts.windows.panes import HORIZONS
from stream.core.events import EVENT_COLUMNS, EventBatch
from stream.pipeline.window_rows import window_rows
from stream.store.account_table import AccountTable

WINDOW_S = 60.0
START = 1_700_000_400.0


def batch(rows):
    """Rows are (account, time, overrides)."""
    accounts = sorted({account for account, _, _ in rows})
    columns = {name: np.zeros(len(rows), dtype) for name, dtype in EVENT_COLUMNS.items()}
    for name in ("created_at", "temperature"):
        columns[name][:] = np.nan
    for i, (account, time, values) in enumerate(rows):
        columns["account"][i] = accounts.index(account)
        columns["time"][i] = time
        for name, value in values.items():
            columns[name][i] = value
    return EventBatch(accounts, columns)


def windows_after(rows, *, max_accounts=1000):
    table = AccountTable(AccountWindows.FIELDS, max_accounts=max_accounts)
    windows = AccountWindows(table)
    by_end = defaultdict(list)
    for row in rows:
        by_end[(row[1] // WINDOW_S + 1) * WINDOW_S].append(row)
    end = 0.0
    for end in sorted(by_end):
        for portion in window_rows(end, WINDOW_S, [batch(by_end[end])], most=max_accounts):
            windows.update(portion)
    return windows, table, end


events = st.lists(
    st.tuples(
        st.sampled_from("abc"),
        # Mostly close together, sometimes days apart.
        st.one_of(st.integers(0, 7200), st.integers(0, 12 * 86400)).map(lambda t: START + t),
        st.fixed_dictionaries(
            {
                "input_tokens": st.integers(0, 1000),
                "output_tokens": st.integers(0, 1000),
                "status": st.sampled_from([0, 200, 429, 500]),
                "logprobs": st.sampled_from([0, 1]),
            }
        ),
    ),
    min_size=1,
    max_size=60,
)


@given(events, st.integers(0, 3 * 86400))
def test_rolling_sums_equal_brute_force(rows, later):
    windows, table, end = windows_after(rows)
    time = end - 1 + later
    for horizon in HORIZONS.values():
        pane = time // horizon.width_s
        for account in {row[0] for row in rows}:
            expected = np.zeros(len(METRICS))
            for who, at, values in rows:
                if who == account and pane - horizon.panes < at // horizon.width_s <= pane:
                    expected += (
                        1,
                        values["input_tokens"],
                        values["output_tokens"],
                        values["status"] >= 400,
                        values["logprobs"],
                    )
            slot = np.array([table.slot(account)])
            totals = windows.totals(horizon.name, slots=slot, time=time)[0]
            assert totals == pytest.approx(expected[: horizon.metrics])
            assert windows.requests(horizon.name, slot, time)[0] == expected[0]


@given(events, st.integers(0, 3 * 86400))
def test_active_hours_equal_brute_force(rows, later):
    windows, table, end = windows_after(rows)
    time = end - 1 + later
    hour = time // 3600
    for account in {row[0] for row in rows}:
        hours = {at // 3600 for who, at, _ in rows if who == account}
        expected = sum(hour - 24 < active <= hour for active in hours)
        slot = np.array([table.slot(account)])
        assert windows.active_hours(slot, time)[0] == expected
        on_end = 0
        while on_end < 48 and hour - on_end in hours:
            on_end += 1
        assert windows.hours_on_end(slot, time)[0] == on_end


@given(events, st.randoms(use_true_random=False))
def test_the_order_of_arrival_inside_a_step_does_not_matter(rows, random):
    shuffled = list(rows)
    random.shuffle(shuffled)
    _, one, _ = windows_after(rows)
    _, other, _ = windows_after(shuffled)
    assert dict(one.take_changes()[0]) == dict(other.take_changes()[0])


def test_distinct_counts_estimate_the_last_one_to_two_days():
    values = np.random.default_rng(1).integers(1, 2**64, 40, dtype=np.uint64)
    rows = [("a", START + i, {"address": value}) for i, value in enumerate(values)]
    windows, table, end = windows_after([*rows, *rows])
    slot = np.array([table.slot("a")])
    assert windows.distinct(slot, end)["addresses"][0] == pytest.approx(40, rel=0.3)
    assert windows.distinct(slot, end + 3 * 86400)["addresses"][0] == 0


def test_leading_template_has_its_share():
    rng = np.random.default_rng(2)
    rows = [
        ("a", START + i, {"template": 7 if rng.random() < 0.8 else rng.integers(100, 10**9)})
        for i in range(500)
    ]
    windows, table, _ = windows_after(rows)
    slot = np.array([table.slot("a")])
    assert windows.leader_share("template", slot)[0] == pytest.approx(0.8, abs=0.1)


def test_what_was_never_given_is_unknown():
    windows, table, _ = windows_after([("a", START, {})])
    slot = np.array([table.slot("a")])
    for read in (
        partial(windows.leader_share, "template"),
        partial(windows.leader_share, "system_prompt"),
        windows.moments.gap_variation,
        partial(windows.moments.mean, "temperature"),
        partial(windows.moments.mean, "max_tokens"),
    ):
        assert np.isnan(read(slot)[0])


def test_regular_arrivals_have_no_variation():
    windows, table, _ = windows_after([("a", START + 10 * i, {}) for i in range(100)])
    slot = np.array([table.slot("a")])
    assert windows.moments.gap_variation(slot)[0] == pytest.approx(0, abs=0.05)
