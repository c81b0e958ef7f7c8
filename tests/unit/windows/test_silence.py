"""Silence is measured by an account's own rhythm."""

from __future__ import annotations

import numpy as np
import pytest

from stream.accounts.windows.account_windows import AccountWindows, WindowRows
from stream.accounts.windows.silence import is_silent
from stream.intake.codec.event import RequestEvent
from stream.intake.fingerprint.fingerprinter import Fingerprinter
from stream.store.account_table import AccountTable

START_S = 1_772_409_600.0  # midnight
HOUR_S = 3600.0


def account(times_h: list[float]) -> tuple[AccountTable, np.ndarray]:
    """Return a table with one account that has sent a request at each of these hours."""
    table = AccountTable(AccountWindows.FIELDS, max_accounts=4)
    windows = AccountWindows(table)
    for hour in sorted(times_h):
        time = START_S + hour * HOUR_S
        events = [RequestEvent(timestamp=time, account_id="a", model="m")]
        columns = Fingerprinter(b"salt").columns(events, range(1)).columns
        end = (time // 60 + 1) * 60
        slots = windows.update(WindowRows(end, 60.0, ["a"], np.array([0]), columns))
    return table, slots


def silent_after_h(times_h: list[float]) -> float:
    """Return how many hours after its last request the account has fallen silent, at most 30."""
    table, slots = account(times_h)
    for quarter in range(1, 4 * 30):
        time = START_S + (max(times_h) + quarter / 4) * HOUR_S
        if is_silent(table, slots, time)[0]:
            return quarter / 4
    return float("inf")


def steady(begin_h: float, end_h: float, per_hour: int) -> list[float]:
    return np.arange(begin_h, end_h, 1 / per_hour).tolist()


def office(days: int, per_hour: int = 10) -> list[float]:
    return [24 * day + hour for day in range(days) for hour in steady(8, 18, per_hour)]


def test_who_never_rests_is_missed_after_hours() -> None:
    assert silent_after_h(steady(0, 40, 10)) == pytest.approx(1.2, abs=0.5)
    assert silent_after_h(steady(0, 40, 60)) == 1.0  # not before


def test_a_night_is_no_silence_and_a_morning_is() -> None:
    after = silent_after_h(office(3))
    assert 14 < after <= 17  # from six in the evening to eight in the morning, and a while


def test_a_new_account_is_missed_by_its_mean_rate() -> None:
    assert silent_after_h(steady(9, 19, 10)) == pytest.approx(1.2, abs=0.5)


def test_who_hardly_ever_sends_a_request_is_never_missed() -> None:
    assert silent_after_h(steady(0, 72, 1)[::3]) == float("inf")


def test_it_is_missed_for_a_day_at_most() -> None:
    table, slots = account(steady(0, 40, 10))
    assert not is_silent(table, slots, START_S + 80 * HOUR_S).any()
