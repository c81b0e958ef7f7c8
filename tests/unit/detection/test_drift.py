"""When so many are suspect at once that the population must have moved."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from stream.accounts.detection.drift import Drift

HOUR_S = 3600.0


def after(hours: int, *, judged: float, suspect: float, drift: Drift | None = None) -> Drift:
    drift = drift or Drift()
    start = max(drift.time, 0.0)
    for hour in range(1, hours + 1):
        drift = drift.more(start + hour * HOUR_S, judged=judged, suspect=suspect)
    return drift


def test_a_population_has_moved_when_many_of_it_are_suspect_and_not_when_few_are() -> None:
    assert not Drift().moved
    assert not after(24, judged=500, suspect=10).moved
    assert after(24, judged=500, suspect=100).moved
    # An account or two of a handful prove nothing.
    assert not after(24, judged=8, suspect=2).moved


def test_it_is_noticed_within_the_hour_and_forgotten_within_three() -> None:
    quiet = after(48, judged=500, suspect=2)
    moved = after(1, judged=500, suspect=100, drift=quiet)
    assert moved.moved
    assert not after(3, judged=500, suspect=2, drift=moved).moved


@given(st.lists(st.tuples(st.floats(0, 1e5), st.floats(0, 1e4), st.floats(0, 1)), max_size=20))
def test_the_count_stays_a_share(steps: list[tuple[float, float, float]]) -> None:
    drift = Drift()
    for time, judged, share in steps:
        before = drift.time
        drift = drift.more(time, judged=judged, suspect=share * judged)
        assert drift.time >= before
        assert 0 <= drift.suspect <= drift.judged * (1 + 1e-9)
