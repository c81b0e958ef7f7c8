"""The comparison at equal volume is valid under no reuse, and strong where there is some."""

import numpy as np
import pytest
from scipy.stats import binom

from stream.trace.equal_volume import Exposure, compare

TRIALS = 200


def accounts(random, volume, rate):
    return Exposure(volume, random.binomial(volume, rate))


def light(random, count):
    return np.maximum(random.lognormal(3, 1, count).astype(int), 1)


def heavy(random, count):
    return random.integers(100, 400, count)


def even(_, count):
    return np.full(count, 0.01)


def skewed(random, count):
    """Nearly all accounts have no chance hit, few have many."""
    return np.where(random.random(count) < 0.05, random.beta(0.5, 2, count), 0.0)


@pytest.mark.parametrize("rates", [even, skewed])
@pytest.mark.parametrize("volumes", [light, heavy])
@pytest.mark.parametrize("size", [1, 40])
def test_without_reuse_p_is_at_most_as_often_small_as_it_claims(rates, volumes, size) -> None:
    random = np.random.default_rng(1)
    found = []
    for trial in range(TRIALS):
        controls = accounts(random, light(random, 200), rates(random, 200))
        members = accounts(random, volumes(random, size), rates(random, size))
        found.append(compare(members, controls, trial).p)
    for level in (0.01, 0.05, 0.2, 0.5):
        below = sum(p <= level for p in found)
        # As many or more would come by chance less than once in ten thousand.
        assert binom.sf(below - 1, TRIALS, level) > 1e-4, (level, below)


@pytest.mark.parametrize("volumes", [light, heavy])
def test_overwhelming_evidence_is_as_strong_as_it_is(volumes) -> None:
    random = np.random.default_rng(2)
    controls = accounts(random, light(random, 400), even(random, 400))
    members = accounts(random, volumes(random, 40), np.full(40, 0.5))
    assert compare(members, controls, 1).p < 1e-12


def test_a_lone_account_cannot_be_rarer_than_one_among_those_compared() -> None:
    controls = Exposure(np.full(999, 100), np.zeros(999, int))
    found = compare(Exposure(np.array([100]), np.array([100])), controls, 1)
    assert found.controls == 999
    assert 1 / 1000 <= found.p <= 20 / 1000
    assert found.possible <= found.p


def test_without_controls_or_volume_nothing_is_known() -> None:
    some, none = Exposure(np.array([5]), np.array([5])), Exposure(*(np.zeros(0, int),) * 2)
    for members, controls in (
        (some, none),
        (none, some),
        (Exposure(*(np.zeros(1, int),) * 2), some),
    ):
        assert compare(members, controls, 1).p == 1.0


def test_one_account_with_all_the_hits_proves_nothing_of_its_campaign() -> None:
    hits = np.zeros(40, int)
    hits[0] = 90
    members = Exposure(np.full(40, 100), hits)
    controls = Exposure(np.full(400, 100), np.zeros(400, int))
    assert compare(members, controls, 1).p > 0.05


def test_the_same_seed_gives_the_same() -> None:
    random = np.random.default_rng(3)
    members = accounts(random, heavy(random, 10), even(random, 10))
    controls = accounts(random, light(random, 100), even(random, 100))
    assert compare(members, controls, 7) == compare(members, controls, 7)
