"""The group novelty model: groups like those it has learnt are common, others are rare."""

from __future__ import annotations

import numpy as np
import pytest

from stream.accounts.detection.group_novelty_model import GroupNoveltyModel
from stream.core.errors import StateError

HOUR_S = 3600.0
FEATURES = ("members", "pace", "young")
#: Half of the scale away from all common groups.
STRANGE = np.array([[0.8, 0.9, 0.9]])


def common(count, seed=1):
    return np.clip(np.random.default_rng(seed).normal(0.3, 0.05, (count, len(FEATURES))), 0, 1)


@pytest.fixture(scope="module")
def learnt():
    groups = GroupNoveltyModel(FEATURES)
    for hour in range(40):
        groups.learn(hour * HOUR_S, common(10, seed=hour))
    return groups


def test_novelty_is_unknown_until_enough_is_learnt():
    groups = GroupNoveltyModel(FEATURES)
    groups.learn(0.0, common(120))  # a window of the trees, but hardly a score of what was new
    assert np.isnan(groups.surprisal(STRANGE)).all()


def test_a_group_unlike_the_common_ones_is_rare_and_they_are_not(learnt):
    assert learnt.surprisal(STRANGE)[0] > 2
    novelty = learnt.surprisal(common(200, seed=99))
    assert np.median(novelty) < 0.6
    assert np.mean(novelty > 2) < 0.1


def test_a_group_that_is_learnt_becomes_common(learnt):
    groups = GroupNoveltyModel(FEATURES)
    groups.restore(learnt.state())
    before = groups.surprisal(STRANGE)[0]
    for hour in range(40, 60):
        groups.learn(hour * HOUR_S, np.concatenate([common(5, seed=hour), STRANGE.repeat(5, 0)]))
    assert groups.surprisal(STRANGE)[0] < 1 < before


def test_an_unknown_feature_is_left_out(learnt):
    unknown = STRANGE.copy()
    unknown[0, 1] = np.nan
    assert learnt.surprisal(unknown)[0] > 1


def test_it_learns_once_an_hour(learnt):
    assert GroupNoveltyModel(FEATURES).due(0.0)
    assert not learnt.due(39 * HOUR_S + 300)
    assert learnt.due(40 * HOUR_S)


def test_what_was_learnt_can_be_stored(learnt):
    again = GroupNoveltyModel(FEATURES)
    again.restore(learnt.state())
    some = np.concatenate([common(20, seed=7), STRANGE])
    assert again.surprisal(some).tolist() == learnt.surprisal(some).tolist()
    assert again.state() == learnt.state()
    again.learn(40 * HOUR_S, common(10, seed=40))
    assert again.state() != learnt.state()
    assert GroupNoveltyModel(FEATURES).state() == b""
    assert not again.due(39 * HOUR_S + 300)


def test_what_was_learnt_of_other_features_is_refused(learnt):
    with pytest.raises(StateError, match="features"):
        GroupNoveltyModel(("members", "pace", "owners")).restore(learnt.state())
    with pytest.raises(StateError, match="cannot be read"):
        GroupNoveltyModel(FEATURES).restore(b"\xc1")
