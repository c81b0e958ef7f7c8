from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.tools.simulate.arrivals import RenewalProcess
from stream.tools.simulate.dice import Dice
from stream.tools.simulate.rhythms import Between, Bursts, Nightly, Rhythm, Runs, Sessions, Steady

START = 1_772_409_600.0
STEP = 120.0


def total(rhythm: Rhythm, days: float) -> float:
    dice = Dice(np.random.default_rng(5))
    steps = int(days * 86_400 / STEP)
    return sum(rhythm.rate(START + i * STEP, STEP, dice) * STEP for i in range(steps))


@given(
    cv=st.floats(0.5, 5),
    rates=st.lists(st.floats(0, 3), min_size=1, max_size=20),
    seed=st.integers(0, 99),
)
@settings(max_examples=60, deadline=None)
def test_arrivals_lie_in_their_step_and_ascend(cv: float, rates: list[float], seed: int) -> None:
    arrivals = RenewalProcess(cv, np.random.default_rng(seed))
    times: list[float] = []
    for step, rate in enumerate(rates):
        new = arrivals.between(step * STEP, STEP, rate)
        assert all(step * STEP <= t <= (step + 1) * STEP for t in new)
        times += new
    assert times == sorted(times)


@pytest.mark.parametrize("cv", [0.5, 1.0, 3.0])
def test_arrivals_keep_their_rate_and_their_burstiness(cv: float) -> None:
    arrivals = RenewalProcess(cv, np.random.default_rng(3))
    times = [t for i in range(5000) for t in arrivals.between(i * STEP, STEP, 0.1)]
    gaps = np.diff(times)
    assert len(times) == pytest.approx(60_000, rel=0.05)
    assert gaps.std() / gaps.mean() == pytest.approx(cv, rel=0.1)


def test_a_service_keeps_its_daily_mean() -> None:
    bursts = Bursts(per_day=1000, active=0.2, on_s=900, peak_sigma=0.5)
    assert total(bursts, 60) == pytest.approx(60_000, rel=0.25)


def test_a_nightly_job_does_its_work_once_a_night() -> None:
    assert total(Nightly(requests=500, hour=2, rate=0.5, spread=0.01), 10) == pytest.approx(
        5000, rel=0.15
    )


def test_a_pipeline_rests_at_weekends() -> None:
    runs = Runs(per_day=30, requests=20, rate=0.5, zone_h=0)
    week, weekend = Runs(per_day=30, requests=20, rate=0.5, zone_h=0), 0.0
    dice = Dice(np.random.default_rng(2))
    for i in range(int(4 * 7 * 86_400 / STEP)):
        at_s = START + i * STEP
        if int((at_s - START) // 86_400) % 7 >= 5:
            weekend += week.rate(at_s, STEP, dice) * STEP
        else:
            week.rate(at_s, STEP, dice)
    assert weekend < 0.2 * total(runs, 28)


def test_people_sleep() -> None:
    dice = Dice(np.random.default_rng(1))
    crowd = [Sessions(per_day=3, gap_s=100, messages=5, zone_h=0) for _ in range(200)]
    by_hour = np.zeros(24)
    for i in range(int(3 * 86_400 / STEP)):
        at_s = START + i * STEP
        by_hour[int(at_s % 86_400 // 3600)] += sum(p.rate(at_s, STEP, dice) for p in crowd)
    assert by_hour[3:5].mean() * 4 < by_hour[14:20].mean()


def test_an_extractor_has_no_idle_hour() -> None:
    steady = Steady(per_day=5000, swing=0.15)
    dice = Dice(np.random.default_rng(1))
    rates = [steady.rate(START + i * STEP, STEP, dice) for i in range(2000)]
    assert min(rates) > 0.4 * 5000 / 86_400


def test_nothing_happens_outside_a_span() -> None:
    steady = Between(Steady(per_day=8640), START + 3600, START + 7200)
    assert total(steady, 1) == pytest.approx(360, rel=0.3)
