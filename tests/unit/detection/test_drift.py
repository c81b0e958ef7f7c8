"""When too many accounts are suspect at once, the population has changed."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from stream.accounts.detection.drift import Drift, DriftGuard

HOUR_S = 3600.0


def after(hours: int, *, scored: float, suspect: float, drift: Drift | None = None) -> Drift:
    drift = drift or Drift()
    start = max(drift.time, 0.0)
    for hour in range(1, hours + 1):
        drift = drift.more(start + hour * HOUR_S, scored=scored, suspect=suspect)
    return drift


def test_drift_is_exceeded_when_many_are_suspect_and_not_when_few_are() -> None:
    assert not Drift().exceeded
    assert not after(24, scored=500, suspect=10).exceeded
    assert after(24, scored=500, suspect=100).exceeded
    # An account or two of a handful prove nothing.
    assert not after(24, scored=8, suspect=2).exceeded


def test_drift_is_noticed_within_the_hour_and_forgotten_within_three() -> None:
    quiet = after(48, scored=500, suspect=2)
    changed = after(1, scored=500, suspect=100, drift=quiet)
    assert changed.exceeded
    assert not after(3, scored=500, suspect=2, drift=changed).exceeded


@given(st.lists(st.tuples(st.floats(0, 1e5), st.floats(0, 1e4), st.floats(0, 1)), max_size=20))
def test_the_count_stays_a_share(steps: list[tuple[float, float, float]]) -> None:
    drift = Drift()
    for time, scored, share in steps:
        before = drift.time
        drift = drift.more(time, scored=scored, suspect=share * scored)
        assert drift.time >= before
        assert 0 <= drift.suspect <= drift.scored * (1 + 1e-9)


def guarded(*, share: float) -> DriftGuard:
    """Return a guard that has seen 500 settled accounts, a share of them suspect, for a day."""
    guard = DriftGuard(score_every_s=900.0)
    suspect = np.arange(500) < share * 500
    for quarter in range(96):
        guard.observe(quarter * 900.0, np.ones(500, bool), suspect)
    return guard


def test_the_guard_suppresses_settled_accounts_unless_they_were_anomalous_before() -> None:
    settled, anomalous = np.array([True, True, False]), np.array([False, True, False])
    suppressed = guarded(share=0.2).suppresses(settled, anomalous)
    assert suppressed.tolist() == [True, False, False]
    assert not guarded(share=0.01).suppresses(settled, anomalous).any()


def test_accounts_that_are_not_settled_do_not_count() -> None:
    guard = DriftGuard(score_every_s=900.0)
    for quarter in range(96):
        guard.observe(quarter * 900.0, np.zeros(500, bool), np.ones(500, bool))
    assert guard.drift.scored == 0
    assert not guard.drift.exceeded
