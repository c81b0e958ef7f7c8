"""The figures of a soak: slopes over restarts, age of what is not committed, pauses of commits."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from soak.lag import LagClock
from soak.series import Sample
from soak.slopes import theil_sen, thinned
from soak.verdicts import silence


def life(start_s: float, level: float, slope: float, noise: float, seed: int) -> list:
    rng = np.random.default_rng(seed)
    times = start_s + np.arange(0, 1800, 120.0)
    return list(
        zip(times, level + slope * (times - start_s) + rng.normal(0, noise, 15), strict=True)
    )


@given(st.floats(-0.1, 0.1), st.integers(0, 1000))
def test_the_slope_of_lives_with_levels_of_their_own_is_found(slope: float, seed: int) -> None:
    lives = [life(2000 * i, 200 + 50 * i, slope, 0.1, seed + i) for i in range(4)]
    found = theil_sen(lives)
    assert found is not None
    assert found.slope == pytest.approx(slope, abs=1e-3)
    assert found.low <= found.slope <= found.high
    assert (found.points, found.lives) == (60, 4)


def test_the_interval_covers_the_slope_as_often_as_it_claims() -> None:
    covered = 0
    for seed in range(200):
        found = theil_sen([life(2000 * i, 200 + 50 * i, 0.01, 5, 10 * seed + i) for i in range(3)])
        assert found is not None
        covered += found.low <= 0.01 <= found.high
    assert 180 <= covered <= 200


def test_a_few_jumps_do_not_make_a_slope() -> None:
    points = life(0, 200, 0.0, 0.1, 1)
    points[3] = (points[3][0], 5000.0)
    found = theil_sen([points])
    assert found is not None
    assert abs(found.slope) < 1e-3


def test_short_lives_are_no_evidence() -> None:
    assert theil_sen([[(0.0, 1.0), (120.0, 2.0)], []]) is None


def test_growth_is_relative_to_the_level() -> None:
    found = theil_sen([life(0, 100, 0.01, 0, 1)])
    assert found is not None
    assert found.grown(1000) == pytest.approx(10 / found.level)


def test_a_point_is_the_median_of_its_step() -> None:
    samples = [(5.0 * i, 1.0) for i in range(12)] + [(30.0, 900.0), (61.0, 7.0)]
    assert [value for _, value in thinned(sorted(samples))] == [1.0, 7.0]


def test_the_age_of_what_is_not_committed() -> None:
    clock = LagClock()
    assert clock.look(0, {"t/0": 0}, {}) == 0
    assert clock.look(5, {"t/0": 10}, {}) == 5  # it may have come just after the look before
    assert clock.look(10, {"t/0": 20}, {"t/0": 5}) == 10
    assert clock.look(15, {"t/0": 20}, {"t/0": 10}) == 10  # the eleventh came after second 5
    assert clock.look(20, {"t/0": 20}, {"t/0": 20}) == 0


def test_the_oldest_of_all_partitions_counts_and_silent_brokers_let_it_grow() -> None:
    clock = LagClock()
    ends, done = {"t/0": 3, "t/1": 9}, {"t/0": 3, "t/1": 4}
    clock.look(0, {"t/0": 0, "t/1": 4}, {})
    clock.look(5, ends, done)
    assert clock.look(65, ends, done) == 65


def sample(at_s: float, committed: int | None, behind: int) -> Sample:
    return Sample(at_s=at_s, event_s=0, sent=0, committed=committed, behind={"t": behind})


def test_a_pause_of_commits_counts_while_records_wait() -> None:
    quiet = [sample(float(t), 5, 0) for t in range(0, 100, 5)]
    assert silence(quiet) == (0.0, 0.0)
    stalled = [sample(0, 5, 1), sample(5, 6, 1), sample(10, None, 1), sample(40, 6, 1)]
    assert silence([*stalled, sample(45, 7, 0)]) == (35, 40)
