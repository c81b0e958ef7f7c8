"""What a soak plays and when it disturbs: campaigns by weeks, faults by stretches."""

from itertools import islice, pairwise

import pytest
from soak.month import START_S, Month
from soak.rig import BROKERS, WORKERS
from soak.schedule import APART_S, CALM_S, schedule

DAY_S = 86_400.0


def test_a_month_has_a_campaign_in_each_week_that_has_time_for_it() -> None:
    spans = Month(30).campaigns()
    begins = [(span.start_s - START_S) / DAY_S for span in spans]
    assert begins == [3, 10, 17, 24]
    assert all(span.end_s <= Month(30).end_s for span in spans)
    assert len({span.campaign for span in spans}) == 4


@pytest.mark.parametrize("days", [0.2, 6.9])
def test_a_short_run_has_a_campaign_too(days: float) -> None:
    month = Month(days)
    labels = month.labels()
    assert list(labels.campaigns) == [span.campaign for span in month.campaigns()]
    assert all(START_S < span.start_s < span.end_s <= month.end_s for span in month.campaigns())
    assert labels.benign > 200


def test_the_same_seed_gives_the_same_requests_in_time_order() -> None:
    first, again = (list(islice(Month(0.2, seed=3).requests(), 2000)) for _ in range(2))
    assert first == again
    assert len(first) == 2000
    times = [request.timestamp for request in first]
    assert times == sorted(times)


def test_attackers_are_silent_outside_their_campaign() -> None:
    month = Month(0.4)
    attackers = month.labels().campaign_of
    (span,) = month.campaigns()
    times = [one.timestamp for one in month.requests() if one.account_id in attackers]
    assert len(times) > 100
    assert span.start_s <= min(times) <= max(times) <= span.end_s


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("hours", [0.1, 1.7, 2.4])
def test_each_kind_of_fault_comes_and_the_end_is_calm(hours: float, seed: int) -> None:
    run_s = hours * 3600
    faults = schedule(run_s, seed)
    assert faults == sorted(faults)
    kinds = [fault.kind for fault in faults]
    assert {"kill", "upgrade", "roll_brokers", "crash_broker"} <= set(kinds)
    assert kinds.count("upgrade") == 1
    assert faults[-1].at_s <= run_s - min(CALM_S, run_s / 5)
    for fault in faults:
        assert 0 <= fault.which < (WORKERS if fault.kind == "kill" else BROKERS)


@pytest.mark.parametrize("seed", range(5))
def test_in_each_stretch_one_worker_lives_on(seed: int) -> None:
    faults = schedule(2.4 * 3600, seed)
    restarts = [fault.at_s for fault in faults if fault.kind in ("upgrade", "roll_workers")]
    assert len(restarts) == 3
    edges = [0.0, *restarts, 2.4 * 3600]
    for start, end in pairwise(edges):
        kills = [f for f in faults if f.kind == "kill" and start <= f.at_s < end]
        assert len({fault.which for fault in kills}) == 1
        times = [fault.at_s for fault in kills]
        gaps = [b - a for a, b in pairwise(times)]
        assert all(gap >= APART_S for gap in gaps)
