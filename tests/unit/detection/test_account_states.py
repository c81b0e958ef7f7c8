"""The state of an account follows from its scores, and only from those that last."""

from __future__ import annotations

import numpy as np
import pytest

from stream.accounts.detection.account_states import AccountState, AccountStates
from stream.accounts.features.table import FEATURES
from stream.accounts.windows.account_windows import AccountWindows
from stream.core.thresholds import ScoreThresholds
from stream.store.account_table import AccountTable

HOUR = 3600.0


class One:
    """The states of one account."""

    def __init__(self) -> None:
        self.table = AccountTable((*AccountWindows.FIELDS, *AccountStates.FIELDS), max_accounts=4)
        self.states = AccountStates(
            self.table, ScoreThresholds(), sustain_s=HOUR, quiet_period_s=24 * HOUR
        )
        self.slots = self.table.slots(["a"], priority=lambda slots: np.zeros(len(slots)))
        self.table["first_seen"][self.slots] = 0.0

    def update(self, hour: float, score: float, *, capped: bool = False) -> tuple[float, int]:
        """Return the score that counts, and the state."""
        found = self.states.update(
            hour * HOUR,
            self.slots,
            np.ones((1, len(FEATURES))),
            np.array([score]),
            np.array([capped]),
        )
        return float(found[0]), int(self.states.of(self.slots)[0])


@pytest.fixture
def one() -> One:
    return One()


def test_a_high_score_counts_in_full_once_it_has_lasted(one: One) -> None:
    assert int(one.states.of(one.slots)[0]) == AccountState.WARMING_UP
    score, state = one.update(1, 0.95)
    assert score < 0.8
    assert state == AccountState.SUSPECT
    assert one.update(2, 0.95) == (0.95, AccountState.ANOMALOUS)
    assert one.states.anomalous(one.slots).all()


def test_a_break_begins_the_wait_again(one: One) -> None:
    one.update(1, 0.95)
    assert one.update(2, 0.3) == (0.3, AccountState.CLEAR)
    assert one.update(3, 0.95)[1] == AccountState.SUSPECT


def test_a_capped_account_stays_suspect(one: One) -> None:
    one.update(1, 0.95)
    score, state = one.update(5, 0.95, capped=True)
    assert score < 0.8
    assert state == AccountState.SUSPECT


def test_an_episode_ends_after_a_quiet_period(one: One) -> None:
    one.update(1, 0.95)
    one.update(20, 0.1)
    assert one.states.episodes.since(0) == 0.0
    one.update(26, 0.1)
    assert np.isnan(one.states.episodes.since(0))
