"""The model of usual groups: what it has seen is usual, what it has not is not."""

from __future__ import annotations

import numpy as np
import pytest

from stream.accounts.detection.groups import UsualGroups
from stream.core.errors import StateError

HOUR_S = 3600.0
FEATURES = ("members", "pace", "young")
#: Half of the scale away from everything usual.
STRANGE = np.array([[0.8, 0.9, 0.9]])


def usual(count, seed=1):
    return np.clip(np.random.default_rng(seed).normal(0.3, 0.05, (count, len(FEATURES))), 0, 1)


@pytest.fixture(scope="module")
def taught():
    groups = UsualGroups(FEATURES)
    for hour in range(40):
        groups.learn(hour * HOUR_S, usual(10, seed=hour))
    return groups


def test_it_says_nothing_until_it_has_seen_enough():
    groups = UsualGroups(FEATURES)
    groups.learn(0.0, usual(120))  # a window of the trees, but hardly a score of what was new
    assert np.isnan(groups.surprise(STRANGE)).all()


def test_a_group_unlike_the_usual_ones_is_rare_and_they_are_not(taught):
    assert taught.surprise(STRANGE)[0] > 2
    rareness = taught.surprise(usual(200, seed=99))
    assert np.median(rareness) < 0.6
    assert np.mean(rareness > 2) < 0.1


def test_what_is_learnt_becomes_usual(taught):
    groups = UsualGroups(FEATURES)
    groups.restore(taught.state())
    before = groups.surprise(STRANGE)[0]
    for hour in range(40, 60):
        groups.learn(hour * HOUR_S, np.concatenate([usual(5, seed=hour), STRANGE.repeat(5, 0)]))
    assert groups.surprise(STRANGE)[0] < 1 < before


def test_an_unknown_feature_is_left_out(taught):
    unknown = STRANGE.copy()
    unknown[0, 1] = np.nan
    assert taught.surprise(unknown)[0] > 1


def test_it_learns_once_an_hour(taught):
    assert UsualGroups(FEATURES).due(0.0)
    assert not taught.due(39 * HOUR_S + 300)
    assert taught.due(40 * HOUR_S)


def test_what_was_learnt_can_be_stored(taught):
    again = UsualGroups(FEATURES)
    again.restore(taught.state())
    some = np.concatenate([usual(20, seed=7), STRANGE])
    assert again.surprise(some).tolist() == taught.surprise(some).tolist()
    assert again.state() == taught.state()
    again.learn(40 * HOUR_S, usual(10, seed=40))
    assert again.state() != taught.state()
    assert UsualGroups(FEATURES).state() == b""
    assert not again.due(39 * HOUR_S + 300)


def test_what_was_learnt_of_other_features_is_refused(taught):
    with pytest.raises(StateError, match="features"):
        UsualGroups(("members", "pace", "owners")).restore(taught.state())
    with pytest.raises(StateError, match="cannot be read"):
        UsualGroups(FEATURES).restore(b"\xc1")
