"""The ledger goes on after a restart at any point as if nothing had been, and stays small."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.alerting.egress_ledger import MOST_NAMES, EgressLedger
from stream.core.egress import EgressSum
from stream.core.ledger import MOST_CAMPAIGNS, MOST_MODELS, Amounts, ledger_day_in
from stream.core.traffic import COUNTS, GroupedBy
from stream.metrics import Metrics

DAY_S = 86_400.0
START_S = 20_515 * DAY_S - 7200.0
ALL = 2**64 - 1


def row(end: float, by: GroupedBy, code: int, sent: int, accounts: int = ALL) -> EgressSum:
    counts = np.array([(1, 2, sent, 1)], COUNTS).tobytes()
    return EgressSum(end, by, code, f"n{code}" if code else "", accounts, counts)


def both(end: float, code: int, sent: int) -> list[EgressSum]:
    return [row(end, "country", 0, sent), row(end, "model", code, sent)]


windows = st.lists(
    st.tuples(st.integers(1, 90), st.integers(0, 3), st.integers(0, 999), st.booleans()),
    max_size=40,
)


@given(windows, st.sets(st.integers(0, 40)))
def test_a_restart_after_any_window_changes_nothing(
    steps: list[tuple[int, int, int, bool]], restarts: set[int]
) -> None:
    def run(restarts: set[int]) -> list[tuple[bytes, bytes | None]]:
        ledger, written, end = EgressLedger(800, metrics=Metrics()), [], START_S
        stored: dict[bytes, bytes | None] = {}
        for number, (minutes, code, sent, campaign) in enumerate(steps):
            end += 60.0 * minutes
            if campaign:
                ledger.add_campaign(end, f"inc_{code}", Amounts(1, sent), Amounts())
            ledger.add(end, both(end, code, sent))
            ledger.advance(end)
            written += ledger.take()
            stored |= dict(ledger.take_changes())
            if number in restarts:
                ledger = EgressLedger(800, metrics=Metrics())
                ledger.load(stored.items())
        ledger.advance(end + 2 * DAY_S)
        return written + ledger.take()

    assert run(restarts) == run(set())
    # Each day's latest record has all of it.
    found = {key: ledger_day_in(key, value) for key, value in run(set())}
    assert all(found.values())
    total = sum((day.total for day in found.values() if day), Amounts())
    sent = sum(step[2] for step in steps)
    assert total == Amounts(len(steps), 2 * len(steps), sent, len(steps))


def test_a_window_of_two_tasks_counts_for_both_and_their_accounts() -> None:
    ledger = EgressLedger(800, metrics=Metrics())
    end = START_S + 60.0
    few = [row(end, by, 1, 5, bits) for by in ("country", "model") for bits in (0b111, 0b11000)]
    ledger.add(end, few)
    ledger.advance(end + 3600.0)
    [(key, value)] = ledger.take()
    day = ledger_day_in(key, value)
    assert day is None  # n1 is no country
    assert value is not None
    assert value.count(b'"n1":[2,4,10,2]') == 2


def test_campaigns_beyond_the_bound_are_counted_together_and_counted() -> None:
    metrics = Metrics()
    ledger = EgressLedger(800, metrics=metrics)
    for number in range(MOST_CAMPAIGNS + 3):
        ledger.add_campaign(START_S + 60.0, f"inc_{number}", Amounts(1), Amounts(2))
    ledger.advance(START_S + 3600.0)
    [(_, value)] = ledger.take()
    day = ledger_day_in(b"2026-03-02", value)
    assert day is not None
    assert len(day.campaigns) == MOST_CAMPAIGNS
    assert (day.other_campaigns.known, day.other_campaigns.before) == (Amounts(3), Amounts(6))
    assert metrics.limit_hits_total.labels(limit="ledger")._value.get() == 3


@pytest.mark.parametrize("unknown_at", [0, 1])
def test_a_day_with_all_models_that_it_may_have_can_be_read(unknown_at: int) -> None:
    ledger = EgressLedger(800, metrics=Metrics())
    codes = [range(1, MOST_MODELS + 2), [0]]
    for minute, some in enumerate(codes[::-1] if unknown_at == 0 else codes, 1):
        end = START_S + 60.0 * minute
        rows = [row(end, "model", code, 1) for code in some]
        ledger.add(end, [*rows, *(row(end, "country", 0, 1) for _ in rows)])
    ledger.advance(START_S + 3600.0)
    [(key, value)] = ledger.take()
    day = ledger_day_in(key, value)
    assert day is not None
    assert len(day.models) == MOST_MODELS + 1
    assert day.other_models == Amounts(1, 2, 1, 1)


def test_names_of_models_are_bounded_and_the_latest_stay() -> None:
    ledger = EgressLedger(800, metrics=Metrics())
    for number in range(2 * MOST_NAMES):
        end = START_S + 60.0 + DAY_S * (number // MOST_NAMES)
        ledger.add(end, [row(end, "model", number + 1, 1)])
    assert ledger.model_name(2 * MOST_NAMES) == f"n{2 * MOST_NAMES}"
    assert ledger.model_name(1) == ""
    assert len(ledger._state.names) <= MOST_NAMES


@pytest.mark.parametrize("hours", [1, 24 * 2000])
def test_what_is_deleted_at_once_is_bounded(hours: int) -> None:
    ledger = EgressLedger(10, metrics=Metrics())
    ledger.add(START_S + 60.0, both(START_S + 60.0, 0, 1))
    ledger.advance(START_S + 3600.0)
    ledger.take()
    ledger.advance(START_S + 3600.0 * (1 + hours))
    deleted = ledger.take()
    assert all(value is None for _, value in deleted)
    assert len(deleted) == (1000 if hours > 1 else 0)
